import h5py
import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings import (
    Intervals,
    Recording,
    Stream,
    read_hdf5,
    read_numpy,
)
from keras_dcat.windows import index_windows
from tests.streams import clock, two_clocks


def timestamped(times, value=None):
    """A stream whose values are its own times."""
    times = np.asarray(times, "float64")
    values = times[:, None] if value is None else np.full((len(times), 1), value)
    return Stream(values, timestamps=times)


def accounts_for_all(report):
    dropped = sum(report.dropped.values())
    return bool(np.all(report.kept + dropped == report.possible))


@pytest.mark.parametrize("rule", ["majority", "end"])
def test_windows_across_a_border_between_labels_are_dropped_by_purity(rule):
    labels = Intervals([0.0, 4.0], [4.0, 10.0], [3, 1])
    recording = Recording({"a": clock(10.0, 50.0)}, labels, "A")
    options = {"length": 2.0, "stride": 0.5, "label": rule}
    pure = index_windows([recording], purity=1.0, **options)
    assert pure.labels.tolist() == [3] * 5 + [1] * 9
    assert pure.report.dropped["mixed labels"].tolist() == [3]
    every = index_windows([recording], purity=0.0, **options)
    assert len(every) == 17
    at_border = every.labels[every.times == 2.5]
    assert at_border == (3 if rule == "majority" else 1)


@pytest.mark.filterwarnings("ignore:What belongs to a recording")
def test_time_beside_the_labels_has_no_window_unless_asked_for():
    labels = Intervals([100.0], [110.0], [3])
    recordings = [
        Recording({"a": clock(10.0, 50.0)}, labels, "A", "outside"),
        Recording({"a": clock(10.0, 50.0)}, 2, "B", "inside"),
    ]
    index = index_windows(recordings, length=2.0, stride=1.0)
    assert set(index.sessions) == {"inside"}
    assert index.report.dropped["between labels"].tolist() == [9, 0]
    kept = index_windows(recordings, 2.0, 1.0, between_labels="keep")
    assert kept.labels.tolist() == [-1] * 9 + [2] * 9
    assert kept.report.unlabelled.tolist() == [9, 0]


def test_timestamps_that_do_not_rise_are_refused_with_the_remedy():
    recording = Recording({"a": timestamped([0.0, 2.0, 1.0])}, 0, "A", "one")
    with pytest.raises(ValueError, match=r"'a' of 'one'.*mend\(stream\)"):
        index_windows([recording], 1.0, 1.0, rates={"a": 50.0})


@pytest.mark.parametrize(
    "label",
    [
        None,
        -1,
        Intervals([], [], []),
        Intervals([0], [9], [-1]),
        Stream(np.full((9, 1), -1), 1.0),
        Stream(np.zeros((0, 1), int), timestamps=[]),
    ],
    ids=["None", "-1", "no intervals", "intervals of none", "stream", "no stream"],
)
def test_windows_of_a_recording_without_any_label_are_kept_and_counted(label):
    recordings = [two_clocks(label=3), two_clocks(label=label, subject="B")]
    index = index_windows(recordings, length=2.0, stride=1.0)
    assert index.labels.tolist() == [3] * 9 + [-1] * 9
    assert index.report.unlabelled.tolist() == [0, 9]
    assert "9  of these unlabelled, kept (in 1 of 2" in str(index.report)
    assert accounts_for_all(index.report)
    dropped = index_windows(recordings, 2.0, 1.0, unlabelled="drop")
    assert dropped.labels.tolist() == [3] * 9
    assert dropped.report.dropped["unlabelled"].tolist() == [0, 9]
    assert accounts_for_all(dropped.report)


@pytest.mark.parametrize("rule", ["majority", "end"])
@pytest.mark.parametrize("between", ["drop", "keep"])
def test_a_window_that_is_labelled_in_part_is_mixed_and_not_between_labels(
    rule, between
):
    labels = Intervals([0.0, 8.0], [3.0, 10.0], [2, 1])
    recording = Recording({"a": clock(10.0, 50.0)}, labels, "A")
    options = {"label": rule, "purity": 0.9, "between_labels": between}
    index = index_windows([recording], 2.0, 1.0, **options)
    # 0–2 and 1–3 s are class 2, 8–10 s class 1; from 3 to 8 s there is none
    middle = [-1] * 4 if between == "keep" else []
    assert index.labels.tolist() == [2, 2, *middle, 1]
    dropped = {name: int(n.sum()) for name, n in index.report.dropped.items()}
    assert dropped["mixed labels"] == 2
    assert dropped["between labels"] == 4 - len(middle)
    assert accounts_for_all(index.report)


def test_classes_that_overlap_are_refused_or_count_as_mixed():
    label = Intervals([0, 4], [6, 10], ["sit", "walk"], class_names=["sit", "walk"])
    recordings = [two_clocks(label=label)]
    with pytest.raises(ValueError, match=r"'sit' from 0 to 6 s.*session 'one'"):
        index_windows(recordings, 2.0, 1.0)
    for rule, undecided in (("majority", 1), ("end", 2)):
        index = index_windows(recordings, 2.0, 1.0, overlaps="mixed", label=rule)
        assert index.labels.tolist() == [0] * 3 + [1] * 3
        assert index.report.dropped["mixed labels"].tolist() == [3]
        none = index_windows(
            recordings, 2.0, 1.0, overlaps="mixed", label=rule, purity=0
        )
        assert accounts_for_all(none.report)
        assert none.report.dropped["mixed labels"].tolist() == [undecided]


def test_a_label_stream_at_its_changes_labels_the_recording_to_its_end():
    label = Stream(np.array([[0], [2]]), timestamps=[0.0, 4.0])
    index = index_windows([two_clocks(label=label)], 2.0, 1.0, purity=1.0)
    assert index.labels.tolist() == [0] * 3 + [2] * 5


def punctured(rng, holes, dtype="float64"):
    """500 samples at 50 Hz of which some are missing in the second channel."""
    values = rng.normal(size=(500, 2)).astype(dtype)
    for first, last in holes:
        values[first:last, 1] = np.nan
    return values


def test_windows_with_missing_values_are_dropped_and_counted(rng):
    values = punctured(rng, [(120, 130), (499, 500)])
    recordings = [Recording({"a": Stream(values, 50.0)}, 0, "A")]
    index = index_windows(recordings, length=1.0, stride=1.0)
    assert index.times.tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert index.report.dropped["missing values"].tolist() == [2]
    assert accounts_for_all(index.report)
    assert np.isfinite(index.gather("a")).all()


@pytest.mark.parametrize("kind", ["memory", "map", "HDF5"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_share_of_missing_values_is_interpolated_in_the_index_alone(
    rng, kind, dtype, tmp_path
):
    values = punctured(rng, [(40, 52), (100, 140), (499, 500)], dtype)
    before = values.copy()
    stream = Stream(values, 50.0)
    if kind == "map":
        np.save(tmp_path / "a.npy", values)
        stream = read_numpy(tmp_path / "a.npy", rate=50.0)
    elif kind == "HDF5":
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["a"] = values
        stream = read_hdf5(tmp_path / "a.h5", "a", rate=50.0)
    index = index_windows([Recording({"a": stream}, 0, "A")], 1.0, 1.0, max_missing=0.2)
    # 10 of 50 are a fifth; 40 of 50 more; the last one is held
    assert index.times.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert index.report.filled.tolist() == [3]
    assert "3  of these with missing values, interpolated" in str(index.report)
    whole = pd.DataFrame(before).interpolate(limit_direction="both").to_numpy()
    expected = whole.reshape(10, 50, 2)[[0, 1, 3, 4, 5, 6, 7, 8, 9]]
    np.testing.assert_allclose(index.gather("a"), expected, rtol=1e-6)
    assert index.gather("a").dtype == dtype
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("rate", [20.0, 50.0, 80.0])
@pytest.mark.parametrize("clocked", [False, True])
def test_a_hole_never_spreads_where_streams_are_resampled(rng, rate, clocked):
    values = punctured(rng, [(200, 230)])
    times = np.arange(500) / 50
    own = {"timestamps": times} if clocked else {"rate": 50.0}
    recording = Recording({"a": Stream(values, **own)}, 0, "A")
    index = index_windows([recording], 1.0, 0.5, rates={"a": rate})
    assert np.isfinite(index.gather("a")).all()
    # samples 200 to 229 are 4.0 to 4.6 s: no value of a window may lie beside them
    touched = (index.times < 4.6) & (index.times + 1.0 > 4.0)
    assert not touched.any()
    assert index.report.dropped["missing values"].sum() >= 3
    assert len(index) >= 14


def test_infinite_values_are_refused_by_stream_and_session(rng):
    values = punctured(rng, [])
    values[7, 1] = -np.inf
    recording = Recording({"a": Stream(values, 50.0)}, 0, "A", "monday")
    with pytest.raises(
        ValueError, match=r"sample 7, channel 1, of stream 'a'.*'monday'"
    ):
        index_windows([recording], 1.0, 1.0)


def test_a_window_that_begins_beside_its_step_tells_so_as_a_pairing_error():
    # At 10 Hz, windows 0.375 s apart begin up to 50 ms beside a step.
    streams = {"a": timestamped(np.arange(1000) / 100), "b": clock(10.0, 1000.0)}
    rates = {"a": 10.0}
    index = index_windows([Recording(streams, 0, "A")], 2.0, 0.375, rates=rates)
    shown = {name: index.gather(name)[:, 0, 0] for name in "ab"}
    middle = slice(4, -4)  # at the ends, the filter holds the first and last sample
    apart = np.abs(shown["a"] - shown["b"])[middle]
    assert apart.max() == pytest.approx(0.05, abs=1e-3)
    found = index.report.pairing_errors[middle]
    np.testing.assert_allclose(found, apart, atol=6e-3)


@pytest.mark.parametrize("start", [0.0, 1.7e9, 12345.678])
def test_windows_half_a_step_from_two_samples_begin_at_the_same_in_all_streams(start):
    values = np.arange(1000.0)[:, None]
    streams = {
        "a": Stream(values, 50.0, start),
        "b": Stream(values + 25, 50.0, start + 0.5),
    }
    index = index_windows([Recording(streams, 0, "A")], 1.0, 0.37)
    np.testing.assert_array_equal(index.gather("a"), index.gather("b"))
