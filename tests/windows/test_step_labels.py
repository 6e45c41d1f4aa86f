"""Labels of steps, from what recordings are labelled with to batches."""

import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.recordings.clocks import corrected
from keras_dcat.windows import index_windows, pair_dataset, stream_dataset
from keras_dcat.windows.shards import read_shards, write_shards

WALK_FALL_LIE = Intervals([0, 5, 6.5], [5, 6, 10], [2, 0, 1])
KEEP_ALL = {"purity": 0, "between_labels": "keep"}


def recording(label, subject="A", seconds=10.0, start=0.0, rates=(50, 20)):
    streams = {
        name: Stream(np.zeros((round(seconds * rate), 3), "float32"), rate, start=start)
        for name, rate in zip(("imu", "pose"), rates, strict=True)
    }
    return Recording(streams, label, subject, session=f"{subject}/{start}")


def by_looking(intervals, moment):
    """The class at a moment, the plain way."""
    said = {
        int(label)
        for start, end, label in zip(
            intervals.starts, intervals.ends, intervals.labels, strict=True
        )
        if start <= moment < end and label >= 0
    }
    return said.pop() if len(said) == 1 else -1


@pytest.mark.parametrize("steps", [1, 3, 8, 100, 333])
def test_a_step_has_the_class_at_its_middle_whatever_the_number_of_steps(rng, steps):
    borders = np.sort(rng.uniform(0, 10, 16))
    intervals = Intervals(borders[:-2], borders[2:], rng.integers(-1, 3, 14))
    index = index_windows(
        [recording(intervals)], 2.0, 0.37, overlaps="mixed", **KEEP_ALL
    )
    labels = index.step_labels(steps)
    assert (labels.shape, labels.dtype) == ((len(index), steps), "int32")
    for start, row in zip(index.times, labels, strict=True):
        middles = start + (np.arange(steps) + 0.5) * 2.0 / steps
        assert row.tolist() == [by_looking(intervals, each) for each in middles]


@pytest.mark.parametrize("begin", [0.0, 1.7e9])
def test_labels_by_sample_come_back_sample_by_sample(rng, begin):
    labels = rng.integers(-1, 4, 500)
    for stream in (
        Stream(labels[:, None], 50.0, start=begin),
        Stream(labels[:, None], timestamps=begin + np.arange(500) / 50),
    ):
        index = index_windows(
            [recording(stream, start=begin)],
            2.0,
            0.5,
            class_names=list("abcd"),
            purity=0,
        )
        expected = [labels[n : n + 100] for n in range(0, 401, 25)]
        np.testing.assert_array_equal(index.step_labels(100), expected)


def test_labels_follow_the_clock_of_the_recording_and_not_the_samples():
    early = recording(WALK_FALL_LIE).streams
    late = corrected(early["pose"], offset=-3.0)  # begins and ends 3 s later
    both = Recording({"imu": early["imu"], "pose": late}, WALK_FALL_LIE, "A")
    index = index_windows([both], 2.0, 1.0, **KEEP_ALL)
    assert index.times.tolist() == [3, 4, 5, 6, 7, 8]
    assert index.step_labels(4)[:4].tolist() == [
        [2, 2, 2, 2],
        [2, 2, 0, 0],
        [0, 0, -1, 1],
        [-1, 1, 1, 1],
    ]


def test_a_window_over_a_border_is_kept_by_a_purity_of_none():
    (strict, all_windows) = (
        index_windows([recording(WALK_FALL_LIE)], 2.0, 1.0, purity=purity)
        for purity in (0.8, 0)
    )
    assert strict.report.dropped["mixed labels"].sum() == 3  # 4, 5, 6 s
    assert all_windows.report.dropped["mixed labels"].sum() == 0
    assert len(all_windows) == 9
    border = all_windows.step_labels(2)[all_windows.times == 4.0]
    assert border.tolist() == [[2, 0]]


def test_windows_without_any_label_can_stay_and_have_none_at_any_step():
    label = Intervals([0.0], [3.0], [1])
    index = index_windows([recording(label)], 2.0, 2.0, **KEEP_ALL)
    expected = [[1, 1], [1, -1], [-1, -1], [-1, -1], [-1, -1]]
    assert index.step_labels(2).tolist() == expected


def test_one_label_holds_at_every_step_and_none_at_none():
    index = index_windows([recording(3), recording(None, "B")], 5.0, 5.0)
    assert index.step_labels(2).tolist() == [[3, 3], [3, 3], [-1, -1], [-1, -1]]


def test_recordings_of_one_name_keep_their_own_labels():
    others = Intervals([0, 5], [5, 10], [1, 3])
    both = [recording(WALK_FALL_LIE), recording(others)]
    index = index_windows(both, 5.0, 5.0, purity=0)
    assert index.sessions[0] == index.sessions[-1]
    assert index.subset([2, 0]).step_labels(2).tolist() == [[1, 1], [2, 2]]
    assert index.step_labels(2)[-1].tolist() == [3, 3]


def test_names_are_numbered_as_those_of_windows():
    words = Intervals([0, 5], [5, 10], ["walk", "fall"], class_names=["walk", "fall"])
    index = index_windows([recording(words), recording("lie", "B")], 5.0, 5.0)
    assert index.class_names == ("fall", "lie", "walk")
    np.testing.assert_array_equal(index.step_labels(3), index.labels[:, None] + [0] * 3)
    assert index.labels.tolist() == [2, 0, 1, 1]


def test_padding_has_no_label_and_is_where_the_mask_says():
    for label in (2, Intervals([0.0], [9.0], [2])):
        short = recording(label, seconds=3.0)
        index = index_windows([short], 4.0, 1.0, short="pad", purity=0)
        expected = np.where(index.mask("imu"), 2, -1)
        np.testing.assert_array_equal(index.step_labels(200), expected)
        assert expected.sum() == 150 * 2 - 50


def test_a_clip_of_any_length_is_divided_into_its_own_steps():
    label = Intervals([10.0, 14.0], [14.0, 18.0], [0, 1])
    clips = [
        recording(label, start=10.0, seconds=8.0),
        recording(Intervals([10.0, 11.0], [11.0, 14.0], [1, 2]), start=10.0, seconds=4),
    ]
    index = index_windows(clips, clips={"imu": 64, "pose": 32}, purity=0)
    assert index.durations.tolist() == [8.0, 4.0]
    assert index.step_labels(4).tolist() == [[0, 0, 1, 1], [1, 2, 2, 2]]


def test_people_whose_labels_are_not_kept_have_none_at_any_step():
    people = [recording(WALK_FALL_LIE), recording(WALK_FALL_LIE, "B")]
    index = index_windows(people, 2.0, 1.0, **KEEP_ALL)
    known = index.keep_labels_of(["B"])
    labels = known.step_labels(5)
    assert (labels[known.subjects == "A"] == -1).all()
    np.testing.assert_array_equal(labels[9:], index.step_labels(5)[9:])
    assert (index.step_labels(5)[:9] >= 0).any()  # which are as they were
    assert (index.without_labels(slice(None)).step_labels(5) == -1).all()


@pytest.mark.parametrize("steps", [0, -3, 2.5, "4", None])
def test_steps_that_are_no_number_of_them_are_refused(steps):
    index = index_windows([recording(1)], 2.0, 1.0)
    with pytest.raises(ValueError, match=r"positive whole.*Received: steps=.*output"):
        index.step_labels(steps)


def test_batches_bring_the_labels_of_their_steps_in_every_order(rng):
    values = rng.normal(size=(500, 3)).astype("float32")
    one = recording(WALK_FALL_LIE).replaced(imu=Stream(values, 50.0))
    index = index_windows([one], 2.0, 0.5, **KEEP_ALL)
    row_of = {window.tobytes(): n for n, window in enumerate(index.gather("imu"))}
    expected = index.step_labels(7)
    options = {"batch_size": 4, "shuffle": True, "seed": 1, "step_labels": 7}
    for dataset in (
        pair_dataset(index, "pose", "imu", **options),
        stream_dataset(index, "imu", **options),
        pair_dataset(index, "pose", "imu", balance=True, **options),
    ):
        assert dataset.element_spec[1].shape.as_list() == [None, 7]
        seen = set()
        for inputs, labels in dataset:
            imu = inputs["target"] if isinstance(inputs, dict) else inputs
            rows = [row_of[window.tobytes()] for window in imu.numpy()]
            np.testing.assert_array_equal(labels, expected[rows])
            seen.update(rows)
        assert len(seen) == len(index)


def test_shards_keep_the_labels_of_steps_beside_those_of_windows(tmp_path):
    index = index_windows([recording(WALK_FALL_LIE)], 2.0, 0.5, **KEEP_ALL)
    file = write_shards(index, tmp_path, 4, progress=False, step_labels=6)
    by_step = read_shards(file, "pose", "imu", batch_size=100, step_labels=True)
    ((inputs, labels),) = by_step
    assert by_step.element_spec[1].shape.as_list() == [None, 6]
    assert labels.dtype == "int32"
    np.testing.assert_array_equal(labels, index.step_labels(6))
    ((_, labels),) = read_shards(file, "pose", "imu", batch_size=100)
    np.testing.assert_array_equal(labels, index.labels)


def test_shards_of_other_labels_of_steps_are_other_windows(tmp_path):
    options = {"windows_per_shard": 4, "progress": False}
    moved = Intervals([0, 5.2, 6.5], [5.2, 6, 10], [2, 0, 1])
    index, other = (
        index_windows([recording(label)], 2.0, 2.0, purity=0)
        for label in (WALK_FALL_LIE, moved)
    )
    np.testing.assert_array_equal(index.labels, other.labels)
    write_shards(index, tmp_path, step_labels=50, **options)
    for again, steps in ((other, 50), (index, 40), (index, None)):
        with pytest.raises(ValueError, match=r"one set of windows.*fingerprint"):
            write_shards(again, tmp_path, step_labels=steps, **options)
    assert write_shards(index, tmp_path, step_labels=50, **options).exists()


def test_labels_of_steps_that_are_not_in_shards_are_refused(tmp_path):
    index = index_windows([recording(WALK_FALL_LIE)], 2.0, 2.0, purity=0)
    file = write_shards(index, tmp_path / "a", progress=False)
    with pytest.raises(ValueError, match=r"must have been written.*step_labels=steps"):
        read_shards(file, stream="imu", step_labels=True)
    with pytest.raises(ValueError, match=r"one set of windows.*step_labels"):
        write_shards(index, tmp_path / "a", progress=False, step_labels=4)
    with pytest.raises(ValueError, match="positive whole"):
        write_shards(index, tmp_path / "b", progress=False, step_labels=0)
