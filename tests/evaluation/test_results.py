import csv

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from keras_dcat.evaluation import Results, Run, paired_bootstrap

PAIR = ("camera", "imu")
CLASSES = ("wave", "clap", "sit")


def run(rng, split, seed, method, share_right):
    labels = np.arange(60) % 3
    predicted = np.where(rng.uniform(size=60) < share_right, labels, (labels + 1) % 3)
    return Run(
        split=split,
        seed=seed,
        source="camera",
        target="imu",
        method={"name": method},
        labels=labels,
        subjects=np.repeat([f"{split}{n}" for n in range(4)], 15),
        probabilities=np.eye(3)[predicted] * 0.7 + 0.1,
        losses=np.array([1.0, 0.5]),
        seconds=2.0,
        environment={"keras": "3"},
    )


@pytest.fixture
def results(rng):
    runs = {
        (split, seed, PAIR, label): run(rng, split, seed, label, share)
        for split in ("a", "b")
        for seed in (0, 1, 2)
        for label, share in (("alone", 0.6), ("D-CAT", 0.8))
    }
    return Results(runs, {"alone": "alone", "D-CAT": "alone"}, CLASSES)


def pooled(results, label, seed):
    runs = [results.runs[split, seed, PAIR, label] for split in ("a", "b")]
    return (
        np.concatenate([r.labels for r in runs]),
        np.concatenate([r.predicted for r in runs]),
    )


def test_a_run_is_read_as_it_was_written(rng, tmp_path):
    one = run(rng, "a", 0, "DCAT", 0.5)
    one.save(tmp_path / "run.npz")
    again = Run.load(tmp_path / "run.npz")
    for name in ("labels", "subjects", "probabilities", "losses"):
        np.testing.assert_array_equal(getattr(again, name), getattr(one, name))
    assert (again.seed, again.method, again.environment) == (
        one.seed,
        one.method,
        one.environment,
    )


def test_scores_are_means_over_seeds_of_macro_f1(results):
    scores = [
        f1_score(*pooled(results, "D-CAT", seed), average="macro") for seed in range(3)
    ]
    interval = results.score(PAIR, "D-CAT")
    assert interval.mean == pytest.approx(np.mean(scores))
    assert interval.low < interval.mean < interval.high


def test_a_gain_is_a_paired_bootstrap_over_all_splits(results):
    mine, other = (
        [pooled(results, label, seed)[1] for seed in range(3)]
        for label in ("D-CAT", "alone")
    )
    labels, _ = pooled(results, "alone", 0)
    subjects = np.concatenate(
        [results.runs[split, 0, PAIR, "alone"].subjects for split in ("a", "b")]
    )
    expected = paired_bootstrap(labels, mine, other, subjects)
    assert results.gain(PAIR, "D-CAT") == expected
    assert expected.low > 0


def test_confusions_and_f1_of_classes_are_means_over_seeds(results):
    each = [pooled(results, "alone", seed) for seed in range(3)]
    expected = np.mean([confusion_matrix(*one) for one in each], axis=0)
    np.testing.assert_allclose(results.confusion(PAIR, "alone"), expected)
    expected = np.mean([f1_score(*one, average=None) for one in each], axis=0)
    np.testing.assert_allclose(results.f1_by_class(PAIR, "alone"), expected)


def test_folds_are_tested_and_a_single_split_is_not(results):
    assert 0 < results.fold_test(PAIR, "D-CAT") < 1
    first = {key: run for key, run in results.runs.items() if key[0] == "a"}
    alone = Results(first, results.baselines, CLASSES)
    assert np.isnan(alone.fold_test(PAIR, "D-CAT"))


def test_the_table_has_a_line_for_each_method(results):
    lines = results.table(PAIR).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| alone", "| D-CAT"]
    assert f"+{results.gain(PAIR, 'D-CAT')}" in lines[3]
    assert str(results.score(PAIR, "alone")) in lines[2]


def test_the_csv_has_a_line_for_each_run(results, tmp_path):
    results.to_csv(tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 12
    line = next(x for x in lines if x["method"] == "D-CAT")
    one = results.runs[line["split"], int(line["seed"]), PAIR, "D-CAT"]
    assert float(line["macro_f1"]) == pytest.approx(one.macro_f1, rel=1e-5)
    assert line["baseline"] == "alone"
    f1 = f1_score(one.labels, one.predicted, average=None)
    assert float(line["F1 clap"]) == pytest.approx(f1[1], rel=1e-5)


def test_a_gain_may_be_over_any_method_and_the_mean_of_several_pairs(rng, results):
    others = {
        (split, seed, ("camera", "watch"), label): run(rng, split, seed, label, 0.7)
        for split, seed, _, label in results.runs
    }
    both = Results({**results.runs, **others}, results.baselines, CLASSES)
    pairs = [PAIR, ("camera", "watch")]
    gains = [both.gain(pair, "D-CAT").mean for pair in pairs]
    assert both.gain(pairs, "D-CAT").mean == pytest.approx(np.mean(gains))
    over = both.gain(PAIR, "alone", over="D-CAT")
    assert over.mean == pytest.approx(-gains[0])
    assert over.low < over.mean < over.high
