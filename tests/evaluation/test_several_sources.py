"""Several sources teach one target."""

import csv

import numpy as np
import pytest

from keras_dcat.evaluation import (
    CONTROLS,
    DCAT,
    RIVALS,
    Alone,
    Features,
    LateFusion,
    Misaligned,
    Mispaired,
    OutOfFoldMask,
    RandomSource,
    ShuffledMask,
    compare,
    run_experiments,
)
from keras_dcat.evaluation.experiments import Experiment
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.training import Training
from keras_dcat.transfer.losses.statistics import SourceStatistics
from tests.evaluation.studies import (
    PAIR,
    SEVERAL,
    THREE_RATES,
    assert_trains_otherwise,
    study,
    windows,
)

SOURCES, TARGET = SEVERAL


def three_streams(epochs=1):
    return study(windows(rates=THREE_RATES), epochs=epochs)


@pytest.fixture(scope="module")
def repetition():
    return Repetition(three_streams(epochs=2), "official", seed=0)


@pytest.fixture(scope="module")
def alone(repetition):
    return Alone().run(repetition, (), TARGET)


def joined(repetition, method):
    """The model and the batches of a method, for all training windows."""
    learner = repetition.build(TARGET, repetition.train)
    return method.joined(repetition, *SEVERAL, learner, repetition.train, 16)


def test_without_weight_the_target_is_trained_as_if_it_were_alone(repetition, alone):
    probabilities, losses, *_ = DCAT(transfer_weight=0.0).run(repetition, *SEVERAL)
    np.testing.assert_allclose(probabilities, alone[0], atol=1e-5)
    np.testing.assert_allclose(losses, alone[1], rtol=1e-5)


METHODS = {
    **CONTROLS,
    "logits distillation": RIVALS["logits distillation"],
    "soft": DCAT(gate="soft"),
    "out of fold": OutOfFoldMask(gate="all"),
    "late": Misaligned(seconds=0.25),
    "seen once": DCAT(cached=True),
    "InfoNCE of KᵀV that fades": DCAT("attention_info_nce", decay=True),
    "without labels": DCAT("no_labels", target_labels=False),
}


@pytest.mark.parametrize(
    "name",
    [
        # They train models of each source out of fold first.
        pytest.param(
            name,
            marks=[pytest.mark.slow] * isinstance(METHODS[name], OutOfFoldMask),
        )
        for name in METHODS
    ],
)
def test_every_method_changes_the_training_and_predicts_the_test(
    repetition, alone, name
):
    assert_trains_otherwise(METHODS[name], repetition, SEVERAL, alone[0])


@pytest.mark.slow
def test_all_teach_not_one_of_them(repetition):
    method = DCAT(transfer_weight=0.5)
    both, *_ = method.run(repetition, *SEVERAL)
    for source in SOURCES:
        one, *_ = method.run(repetition, (source,), TARGET)
        assert np.abs(both - one).max() > 1e-4


@pytest.mark.parametrize("combination", ["mean", "best", "agree"])
def test_the_combination_is_that_of_the_model(repetition, combination):
    model, _ = joined(repetition, DCAT(combination=combination))
    assert model.get_config()["combination"] == combination
    assert len(model.sources) == 2


def test_the_same_source_twice_teaches_as_once(repetition):
    method = DCAT(cached=True)
    twice, *_ = method.run(repetition, ("camera", "camera"), TARGET)
    np.testing.assert_allclose(
        twice, method.run(repetition, ("camera",), TARGET)[0], atol=1e-5
    )


def test_late_fusion_is_the_mean_of_all(repetition, alone):
    parts = [alone[0], *(Alone().run(repetition, (), s)[0] for s in SOURCES)]
    fused, *_ = LateFusion().run(repetition, *SEVERAL)
    np.testing.assert_allclose(fused, np.mean(parts, axis=0), atol=1e-6)


def test_masks_made_before_training_are_of_each_source(repetition, monkeypatch):
    labels = repetition.train.labels
    right = {"camera": np.arange(len(labels)) % 3 == 0, "watch": labels == 1}
    predicted = {s: np.where(r, labels, (labels + 1) % 3) for s, r in right.items()}
    monkeypatch.setattr(repetition, "out_of_fold", lambda s, _: np.eye(3)[predicted[s]])
    expected = [np.bincount(labels, right[s], 3).tolist() for s in SOURCES]
    both_teach = np.sum(right["camera"] & right["watch"])
    for kind, is_same in ((OutOfFoldMask, True), (ShuffledMask, False)):
        _, dataset = joined(repetition, kind(gate="all"))
        batches = [(x["transfer_mask"], y) for x, y in dataset]
        shares, seen = (np.concatenate(each) for each in zip(*batches, strict=True))
        assert shares.shape == (len(labels), 2)
        assert shares.sum(axis=0).tolist() == [right[s].sum() for s in SOURCES]
        assert np.sum(shares.prod(axis=1)) == both_teach
        seen = seen.argmax(axis=-1)
        taught = [np.bincount(seen, own, 3).tolist() for own in shares.T]
        assert (taught == expected) == is_same


def paired_index(repetition, monkeypatch, method):
    """The windows that a method is trained on, as it pairs them."""
    seen = []
    monkeypatch.setattr(repetition, "pairs", lambda *args: seen.append(args[2]))
    joined(repetition, method)
    return seen[0]


def test_all_sources_are_late_and_the_target_is_not(repetition, monkeypatch):
    moved = []

    def late(index, stream, seconds):
        moved.append((stream, seconds))
        return index

    monkeypatch.setattr("keras_dcat.evaluation.controls.misaligned", late)
    paired_index(repetition, monkeypatch, Misaligned(seconds=0.25))
    assert moved == [(source, 0.25) for source in SOURCES]


def test_wrong_windows_of_all_sources_are_of_the_same_moment(repetition, monkeypatch):
    wrong = paired_index(repetition, monkeypatch, Mispaired())
    order = {}
    for stream in (*SOURCES, TARGET):
        before = repetition.train.starts[stream].tolist()
        order[stream] = [before.index(start) for start in wrong.starts[stream]]
    count = len(repetition.train)
    assert order[TARGET] == list(range(count))
    assert order["camera"] == order["watch"]
    assert not set(enumerate(order["camera"])) & set(enumerate(range(count)))


def test_random_sources_are_as_they_were_initialised_each_in_its_own_way(repetition):
    model, _ = joined(repetition, RandomSource())
    for number, (source, stream) in enumerate(zip(model.sources, SOURCES, strict=True)):
        fresh = repetition.build(stream, repetition.train, seed=1000 + number)
        for one, other in zip(source.weights, fresh.weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_sources_say_once_is_what_they_believe_of_every_window(repetition):
    model, dataset = joined(repetition, DCAT(cached=True))
    inputs, _ = next(iter(dataset))
    assert [type(known) for known in inputs["source"]] == [SourceStatistics] * 2
    found = model.cache_source(tuple(map(repetition.train.gather, SOURCES)), verbose=0)
    for stream, known in zip(SOURCES, found, strict=True):
        source, _ = repetition.unimodal(stream)
        believed = repetition.predict(source, stream, repetition.train)
        np.testing.assert_allclose(np.exp(known.log_probabilities), believed, atol=1e-5)
        assert known.features.shape[0] == len(repetition.train)


TAUGHT = {"alone": Alone(), "D-CAT": DCAT(gate="soft")}
SINGLES = [(source, TARGET) for source in SOURCES]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A folder of runs, and what came out of them."""
    folder = tmp_path_factory.mktemp("compared")
    pairs = [*SINGLES, SEVERAL]
    return folder, compare(three_streams(), pairs, TAUGHT, [0, 1], folder, verbose=0)


@pytest.fixture
def untrained(monkeypatch):
    """Nothing may be trained."""

    def refuse(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr(Training, "fit", refuse)


def test_several_are_told_from_the_better_one(compared):
    _, results = compared
    gain = results.gain_over_single(SEVERAL, "D-CAT")
    both, *singles = (results.score(p, "D-CAT").mean for p in (SEVERAL, *SINGLES))
    assert gain.mean == pytest.approx(both - max(singles), abs=1e-12)
    assert gain.low <= gain.mean <= gain.high


def test_a_comparison_goes_on_where_it_stopped(compared, untrained):
    folder, results = compared
    names = [path.name for path in (folder / "runs").iterdir()]
    # With each seed: the target alone, and taught by one, the other and both; and each
    # source by itself.
    assert len(names) == 2 * 6
    assert (
        sum(name.startswith("official.camera+watch.imu.DCAT.") for name in names) == 2
    )
    as_lists = [*SINGLES, (list(SOURCES), TARGET)]
    again = compare(three_streams(), as_lists, TAUGHT, [0, 1], folder, verbose=0)
    assert again.pairs == results.pairs
    for key, run in results.runs.items():
        read = again.runs[key]
        assert read.source == run.source
        np.testing.assert_array_equal(read.probabilities, run.probabilities)
    assert again.runs["official", 0, SEVERAL, "D-CAT"].source == SOURCES


def test_several_are_printed_and_reported_by_their_names(compared, untrained, capsys):
    folder, _ = compared
    experiment = Experiment(three_streams(), [*SINGLES, SEVERAL], TAUGHT)
    run_experiments({"Two sources": experiment}, folder, seeds=[0, 1])
    heading = "### camera + watch → imu\n"
    assert heading in capsys.readouterr().out
    assert heading in (folder / "report.md").read_text()
    page = (folder / "report.html").read_text()
    assert "<h3>camera + watch → imu</h3>" in page
    with (folder / "report.csv").open() as file:
        sources = {line["source"] for line in csv.DictReader(file)}
    assert sources == {*SOURCES, "camera + watch"}


def test_methods_of_one_source_are_refused_before_anything_is_trained(untrained):
    methods = {"alone": Alone(), "features": Features()}
    with pytest.raises(ValueError, match=r"'features'.*camera \+ watch → imu.*Leave"):
        compare(three_streams(), [PAIR, SEVERAL], methods)


@pytest.mark.parametrize("sources", [(), ("camera",), ("camera", "camera")])
def test_sources_that_are_not_several_are_refused(sources):
    with pytest.raises(ValueError, match="two different .*Name a single one by itself"):
        compare(three_streams(), [(sources, TARGET)], TAUGHT)
