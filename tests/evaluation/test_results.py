import dataclasses

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from keras_dcat.evaluation import Results, Run, paired_bootstrap

PAIR = ("camera", "imu")
CLASSES = ("wave", "clap", "sit")


def run(rng, split, seed, method, share_right, source="camera"):
    labels = np.arange(60) % 3
    predicted = np.where(rng.uniform(size=60) < share_right, labels, (labels + 1) % 3)
    return Run(
        split=split,
        seed=seed,
        source=source,
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


@pytest.mark.parametrize("source", ["camera", ("camera", "watch"), None])
def test_a_run_is_read_as_it_was_written(rng, tmp_path, source):
    one = run(rng, "a", 0, "DCAT", 0.5, source)
    one.save(tmp_path / "run.npz")
    again = Run.load(tmp_path / "run.npz")
    for name in ("labels", "subjects", "probabilities", "losses"):
        np.testing.assert_array_equal(getattr(again, name), getattr(one, name))
    for name in ("source", "seed", "method", "environment"):
        assert getattr(again, name) == getattr(one, name)


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
    names = [line.split(" | ")[0] for line in lines[2:]]
    assert names == ["| alone", "| D-CAT", "| *a guess*"]
    assert f"+{results.gain(PAIR, 'D-CAT')}" in lines[3]
    assert str(results.score(PAIR, "alone")) in lines[2]


def with_stretches(results):
    """The same, as if windows were on end in the order in which they stand."""
    runs = {
        key: dataclasses.replace(run, stretches=np.zeros(len(run.labels), int))
        for key, run in results.runs.items()
    }
    return Results(runs, results.baselines, results.class_names)


def test_where_recordings_show_changes_the_table_has_segments_and_events(results):
    own = with_stretches(results)
    head, _, alone, _, guess, *_ = own.table(PAIR).splitlines()
    assert head == (
        "| method | macro F1 | gain | segment F1 | event F1 | accuracy "
        "| calibration error |"
    )
    cells = [cell.strip() for cell in alone.split("|")]
    runs = [run for each in own.of(PAIR, "alone") for run in each]
    assert cells[4] == f"{np.mean([run.segment_f1 for run in runs]):.3f}"
    assert cells[5] == f"{np.mean([run.event_f1 for run in runs]):.3f}"
    assert guess.count("|") == head.count("|")
    line = next(own.lines())
    assert {"segment_f1", "event_f1"} <= set(line)
    assert "event" not in results.table(PAIR)
    assert "event_f1" not in next(results.lines())


def test_there_is_a_line_for_each_run(results):
    lines = list(results.lines())
    assert len(lines) == 12
    line = next(x for x in lines if x["method"] == "D-CAT")
    one = results.runs[line["split"], line["seed"], PAIR, "D-CAT"]
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


def test_the_score_of_several_pairs_is_the_mean_of_theirs(rng, results):
    others = {
        (split, seed, PAIR[::-1], label): run(rng, split, seed, label, 0.7)
        for split, seed, _, label in results.runs
    }
    both = Results({**results.runs, **others}, results.baselines, CLASSES)
    pairs = [PAIR, PAIR[::-1]]
    each = [both.score(pair, "D-CAT") for pair in pairs]
    together = both.score(pairs, "D-CAT")
    assert together.mean == pytest.approx(np.mean([one.mean for one in each]))
    assert together.low > min(one.low for one in each)
    assert together.high < max(one.high for one in each)


SEVERAL = ("camera", "watch")


@pytest.fixture
def of_several(rng):
    """Two targets, for which another one of the two sources is the better."""
    shares = {
        ("camera", "imu"): 0.7,
        ("watch", "imu"): 0.5,
        (SEVERAL, "imu"): 0.8,
        ("camera", "radar"): 0.4,
        ("watch", "radar"): 0.6,
        (SEVERAL, "radar"): 0.7,
    }
    runs = {
        (split, seed, pair, label): run(rng, split, seed, label, share)
        for split in ("a", "b")
        for seed in (0, 1, 2)
        for pair, share in shares.items()
        for label in ("alone", "D-CAT")
    }
    return Results(runs, {"alone": "alone", "D-CAT": "alone"}, CLASSES)


@pytest.mark.parametrize(("target", "better"), [("imu", "camera"), ("radar", "watch")])
def test_several_sources_are_compared_with_the_better_one_run_by_run(
    of_several, target, better
):
    def tested(source):
        seeds = of_several.of((source, target), "D-CAT")
        return [np.concatenate([one.predicted for one in runs]) for runs in seeds]

    first = of_several.of((SEVERAL, target), "D-CAT")[0]
    labels, subjects = (
        np.concatenate([getattr(one, name) for one in first])
        for name in ("labels", "subjects")
    )
    expected = paired_bootstrap(labels, tested(SEVERAL), tested(better), subjects)
    assert of_several.gain_over_single((SEVERAL, target), "D-CAT") == expected
    assert expected.mean > 0


def test_the_gain_of_several_sources_may_be_the_mean_of_several_pairs(of_several):
    pairs = [(SEVERAL, target) for target in ("imu", "radar")]
    each = [of_several.gain_over_single(pair, "D-CAT").mean for pair in pairs]
    together = of_several.gain_over_single(pairs, "D-CAT")
    assert together.mean == pytest.approx(np.mean(each))
    assert together.low < together.mean < together.high


def test_each_of_several_sources_must_have_been_compared_too(of_several):
    left = {k: r for k, r in of_several.runs.items() if k[2] != ("watch", "imu")}
    without = Results(left, of_several.baselines, CLASSES)
    with pytest.raises(
        ValueError, match=r"camera \+ watch → imu without watch → imu\. Add them"
    ):
        without.gain_over_single((SEVERAL, "imu"), "D-CAT")


def test_lines_name_all_sources_of_a_run(of_several):
    sources = [line["source"] for line in of_several.lines()]
    assert set(sources) == {"camera", "watch", "camera + watch"}
