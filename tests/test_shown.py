import dataclasses
import inspect
import types

import keras
import numpy as np
import pytest

from keras_dcat import datasets, evaluation, export, recordings, shown, streaming
from keras_dcat import transfer as t
from keras_dcat import windows as w
from keras_dcat.attention import Projections
from keras_dcat.recordings import Intervals, Recording, Stream
from tests.plots.test_diagnosis_page import DIAGNOSIS
from tests.test_public_api import PUBLIC, value_of

LONG = "a name that no table has room for, " * 40


def filled(shape=(6000, 3), dtype="float32"):
    return np.ones(shape, dtype)


def recording(session="walk-1", label=0, subject="anna"):
    streams = {
        "imu": Stream(filled(), 100.0),
        "camera": Stream(filled((600, 60)), timestamps=np.arange(600) / 10),
    }
    return Recording(streams, label, subject, session)


def index(**options):
    both = [recording(), recording("walk-2", 1)]
    return w.index_windows(both, 2.0, 1.0, rates={"camera": 10.0}, **options)


def many_streams():
    streams = {LONG + str(n): Stream(filled(), 9.0) for n in range(9)}
    return Recording(streams, 0, 1)


def run(method="alone", seed=0):
    rng = np.random.default_rng(seed)
    return evaluation.Run(
        "test",
        seed,
        None if method == "alone" else "camera",
        "imu",
        {},
        np.arange(400) % 4,
        np.repeat(["anna", "ben"], 200),
        rng.dirichlet(np.ones(4), 400),
        np.ones(80),
        12.34,
        {},
    )


def results():
    pair = ("camera", "imu")
    runs = {
        ("test", seed, pair, name): run(name, seed)
        for seed in range(2)
        for name in ("alone", "D-CAT")
    }
    return evaluation.Results(runs, dict.fromkeys(["alone", "D-CAT"], "alone"), "abcd")


def study():
    sides = index().subset(slice(0, 50)), index().subset(slice(60, 100))
    modality = evaluation.Modality(lambda train, **options: None)
    streams = {"imu": modality, "camera": modality}
    return evaluation.Study({"test": sides}, streams, ["sit", "walk"], new_subjects=0)


DESCRIPTION = export.Description(
    tuple(f"class {n}" for n in range(27)), "imu", 50.0, 4.0, 2.0, (200, 6)
)
CHECK = export.Check("litert", 81.23, 0.039, 1.0, 0.91, 0.0, 3e-7)
STATISTIC = t.KeyValueStatistic(filled((32, 4, 16, 16)), filled((32,)))
DECISION = streaming.Decision(3.5, "walk", np.full(27, 1 / 27))


def classifier():
    half_made = object.__new__(streaming.StreamingClassifier)
    half_made.description, half_made.rate = DESCRIPTION, 50.0
    half_made.smoothing = streaming.MedianSmoothing(5)
    return half_made


def page():
    pytest.importorskip("aiohttp")
    return streaming.LivePage(DESCRIPTION)


# What users hold: how one of each is made, and what it says of it.
SUMMARIES = {
    recordings.Stream: (
        lambda: Stream(filled(), timestamps=np.arange(6000) / 64 + 1.7e9),
        "<Stream (6000, 3) float32 with timestamps, about 64 Hz, "
        "1700000000 to 1700000093.75 s>",
    ),
    recordings.Recording: (
        recording,
        "<Recording 'walk-1' of subject 'anna', label 0: "
        "'imu' <Stream (6000, 3) float32 at 100 Hz, 0 to 60 s>, 'camera' "
        "<Stream (600, 60) float32 with timestamps, about 10 Hz, 0 to 60 s>>",
    ),
    recordings.Intervals: (
        lambda: Intervals([0, 5], [5, 9.5], ["sit", None], class_names=["walk", "sit"]),
        "<Intervals 2 from 0 to 9.5 s, 1 without a label, 1 class: 'sit'>",
    ),
    datasets.Simulation: (
        lambda: datasets.simulate(2, 3, 1, duration=1.0, streams=("imu",)),
        "<Simulation 6 recordings of 2 subjects, 3 classes, the first: <Recording ",
    ),
    w.WindowIndex: (
        index,
        "<WindowIndex 118 windows of 2 s, 118 with a label: 2 classes, 1 subject, "
        "2 recordings\n  'imu' (200, 3) at 100 Hz, 'camera' (20, 60) at 10 Hz>",
    ),
    Projections: (
        lambda: Projections(*3 * [filled((8, 50, 4, 16))]),
        "<Projections query (8, 50, 4, 16) float32, key (8, 50, 4, 16) float32, value ",
    ),
    t.KeyValueStatistic: (
        lambda: STATISTIC,
        "<KeyValueStatistic (32, 4, 16, 16) float32>",
    ),
    t.SourceStatistics: (
        lambda: t.SourceStatistics(filled((32, 6)), (STATISTIC,)),
        "<SourceStatistics log-probabilities (32, 6) float32, "
        "KᵀV (32, 4, 16, 16) float32, features ()>",
    ),
    t.SourceOutputs: (
        lambda: t.SourceOutputs(filled((32, 6)), (1, 2), filled((32,))),
        "<SourceOutputs log-probabilities (32, 6) float32, 2 pairs of attention "
        "layers, features not read>",
    ),
    t.PairOutputs: (
        lambda: t.PairOutputs(filled((32, 6)), (STATISTIC,)),
        "<PairOutputs prediction (32, 6) float32, 1 source>",
    ),
    evaluation.DCAT: (lambda: evaluation.DCAT(gate="correct"), "DCAT(gate='correct')"),
    evaluation.Experiment: (
        lambda: evaluation.Experiment(study(), [("camera", "imu")]),
        "<Experiment 'camera → imu', 2 methods: 'alone', 'D-CAT'\n  <Study 'imu', ",
    ),
    evaluation.Run: (
        lambda: run("D-CAT"),
        "<Run camera → imu, split 'test', seed 0: macro F1 0.2",
    ),
    evaluation.Study: (
        study,
        "<Study 'imu', 'camera'; 2 classes; 1 split: "
        "'test' (50 windows train, 40 test)>",
    ),
    export.Description: (
        lambda: DESCRIPTION,
        "<Description 'imu' (200, 6) at 50 Hz, windows of 4 s every 2 s, 27 classes: "
        "'class 0', 'class 1', 'class 2', 'class 3' and 23 more>",
    ),
    streaming.Decision: (
        lambda: DECISION,
        "<Decision 'walk' at 3.5 s, probability 0.04, 27 classes>",
    ),
    t.OnDevice: (
        lambda: t.OnDevice((filled((40, 9, 6)), filled((40, 9, 3))), filled((40,))),
        "<OnDevice 40 windows: (40, 9, 6) float32, (40, 9, 3) float32>",
    ),
    streaming.Moment: (
        lambda: streaming.Moment(5.5, filled((5, 6)), [DECISION], ["walk"]),
        "<Moment 5.5 s, samples (5, 6) float32, 1 decision: 'walk'>",
    ),
    streaming.StreamingClassifier: (
        classifier,
        "<StreamingClassifier samples at 50 Hz, decisions 2 windows late\n  "
        "<Description 'imu' ",
    ),
    streaming.LivePage: (page, "<LivePage not served, 0 pages look on>"),
}
# What tells a result: a prompt shows the table that `print` does.
REPORTS = {
    recordings.ClockEstimate: lambda: recordings.ClockEstimate(-0.7, 2e-4, 0.99),
    recordings.ClockReport: lambda: recordings.ClockReport(6000, 1501, repeated=4499),
    w.WindowReport: lambda: index().report,
    type(DIAGNOSIS): lambda: DIAGNOSIS,
    t.GateCoverage: lambda: t.GateCoverage(0.5, {"a": 0.5}, {"a": 9}, None, 0, ()),
    evaluation.Foresight: lambda: evaluation.Foresight({}, {}),
    evaluation.Interval: lambda: evaluation.Interval(0.5, 0.4, 0.6),
    evaluation.Results: results,
    export.Export: lambda: export.Export(None, DESCRIPTION, (CHECK,)),
    export.OnMicrocontroller: lambda: export.OnMicrocontroller(
        "int8", 30.9, 94.8, 1194040, ("Add",), {}
    ),
}
# What Keras shows, and settings and numbers that are short as they are.
OTHERS = (
    keras.layers.Layer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.callbacks.Callback,
    evaluation.Method,
)
SETTINGS = {
    "Calibrated",
    "ErrorBelow",
    "CorrectOrConfident",
    "Confident",
    "Check",
    "DCATHyperModel",
    "Information",
    "MarkovSmoothing",
    "MedianSmoothing",
    "Modality",
    "Outcome",
    "Predictability",
    "Sensor",
    "Training",
}


def test_every_public_class_says_what_it_holds():
    classes = {
        value_of(*names) for names in PUBLIC if inspect.isclass(value_of(*names))
    }
    known = {*SUMMARIES, *REPORTS}
    left = {
        cls.__name__
        for cls in classes - known
        if not issubclass(cls, OTHERS) and "augmentation" not in cls.__module__
    }
    assert left == SETTINGS


@pytest.mark.parametrize("cls", SUMMARIES, ids=lambda cls: cls.__name__)
def test_a_summary_names_its_class_and_is_short(cls):
    make, expected = SUMMARIES[cls]
    shown_as = repr(make())
    assert shown_as.startswith(expected)
    assert cls.__name__ in shown_as
    assert len(shown_as) < 300
    assert len(shown_as.splitlines()) <= 3
    assert str(make()) == shown_as


@pytest.mark.parametrize("cls", REPORTS, ids=lambda cls: cls.__name__)
def test_a_report_is_shown_as_it_prints(cls):
    made = REPORTS[cls]()
    assert type(made) is cls
    assert repr(made) == str(made)
    assert repr(made) != object.__repr__(made)


@pytest.mark.parametrize("cls", [*SUMMARIES, *REPORTS], ids=lambda cls: cls.__name__)
def test_what_is_half_made_is_shown_too(cls):
    if issubclass(cls, tuple):
        half_made = tuple.__new__(cls)
    else:
        half_made = object.__new__(cls)
    assert cls.__name__ in repr(half_made) or cls is evaluation.Results


@pytest.mark.parametrize(
    "made",
    [
        many_streams,
        lambda: recording(LONG, LONG, LONG),
        lambda: recording(label=Intervals(*np.ones((3, 9999)))),
        lambda: recording(label=Stream(np.ones((9, 1), int), 1.0)),
        lambda: Intervals(range(99), range(1, 100), range(99)),
        lambda: w.index_windows([many_streams()], 2.0, 1.0),
        lambda: dataclasses.replace(DESCRIPTION, class_names=(LONG,) * 99, stream=LONG),
    ],
)
def test_long_names_and_many_streams_are_cut(made):
    assert len(repr(made())) < 600
    assert len(repr(made()).splitlines()) <= 3


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: Intervals([], [], []), "<Intervals none>"),
        (lambda: recording(label=None), "'anna', no label: "),
        (
            lambda: Recording({}, 0, 1),
            "<Recording '' of subject 1, label 0: no stream>",
        ),
        (lambda: Stream(filled((0, 3)), timestamps=[]), "timestamps, 0 to 0 s>"),
        (lambda: Stream(filled((1, 3)), timestamps=[7]), "timestamps, 7 to 7 s>"),
        (lambda: Stream(filled((2, 3)), timestamps=[7, np.nan]), "that do not rise, 7"),
        (lambda: Stream(filled((3, 3)), timestamps=[7, 9, 8]), "that do not rise, 7"),
        (
            lambda: index().subset([]),
            "<WindowIndex 0 windows of 2 s, 0 with a label: 0",
        ),
        (lambda: index().samples["imu"], "<Samples (12000, 3) float32 of 2 recordings"),
        (lambda: streaming.Moment(0.0, filled((1, 6)), [], []), "0 decisions>"),
        (lambda: evaluation.Results({}, {}, ()), "0 runs: 0 pairs, 0 methods"),
        (lambda: datasets.Simulation([], [], []), "<Simulation 0 recordings of 0 subj"),
    ],
)
def test_what_is_empty_or_odd_is_shown(made, expected):
    assert expected in repr(made())


def test_values_in_a_file_are_not_read():
    class Values(types.SimpleNamespace):
        def __getitem__(self, index):
            raise AssertionError("read")

        def __array__(self, dtype=None, copy=None):
            raise AssertionError("read")

    values = Values(shape=(48000, 1), dtype=np.dtype("int16"))
    assert repr(Stream(values, 16000.0)) == (
        "<Stream (48000, 1) int16 at 16000 Hz, 0 to 3 s, read on access>"
    )


def test_what_has_no_words_for_itself_is_refused():
    with pytest.raises(TypeError, match=r"Received: Silent, which.*Write one"):
        shown.shown_as_printed(type("Silent", (), {}))


def test_tensors_of_every_backend_are_told_by_shape_and_type():
    assert shown.formed(keras.ops.ones((2, 3))) == "(2, 3) float32"
