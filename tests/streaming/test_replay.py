import math

import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.streaming import replay
from keras_dcat.windows import index_windows
from tests.streaming.conftest import scored

AT_ONCE = math.inf


def recording(count=200, rate=20.0, start=7.0, label=1, timestamps=False):
    values = np.random.default_rng(0).normal(size=(count, 3)).astype("float32")
    stream = Stream(values, rate, start)
    if timestamps:
        stream = Stream(values, timestamps=stream.times)
    return Recording({"imu": stream}, label, "A")


@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("chunk", [0.01, 0.1, 3.0, 100.0])
def test_every_sample_comes_once_and_what_is_said_is_what_a_training_would_cut(
    classifier, timestamps, chunk
):
    one = recording(timestamps=timestamps)
    moments = list(replay(classifier(), one, speed=AT_ONCE, chunk=chunk))
    values = np.concatenate([moment.samples for moment in moments])
    np.testing.assert_array_equal(values, one.streams["imu"].values)
    index = index_windows([one], 1.0, 0.5, rates={"imu": 20.0})
    decisions = [d for moment in moments for d in moment.decisions]
    times = [decision.time for decision in decisions]
    np.testing.assert_allclose(times, index.times[: len(times)], atol=1e-6)
    assert len(times) >= len(index) - 1  # the last sample of timestamps has no end
    found = np.array([decision.probabilities for decision in decisions])
    expected = scored(index.gather("imu"))[0][: len(found)]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert moments[-1].time == pytest.approx(7 + 199 / 20)


def test_the_truth_is_what_holds_longest_in_a_window(classifier):
    one = recording(80, label=Intervals([7.0, 8.3], [8.3, 10.0], [1, 0]))
    moments = list(replay(classifier(), one, speed=AT_ONCE))
    decisions = [d for moment in moments for d in moment.decisions]
    truths = [truth for moment in moments for truth in moment.truths]
    assert [d.time for d in decisions] == [7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0]
    assert truths == ["moving"] * 2 + ["still"] * 4 + [None]


def test_it_takes_its_time(classifier, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda s: now.__setitem__(0, now[0] + s))
    for _ in replay(classifier(), recording(), speed=2.0):
        pass
    assert now[0] == pytest.approx(100 + 199 / 20 / 2)


def test_a_slow_reader_does_not_put_it_off(classifier, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda s: now.__setitem__(0, now[0] + s))
    for number, _ in enumerate(replay(classifier(), recording())):
        now[0] += 2.0 if number == 3 else 0.0
    assert now[0] == pytest.approx(199 / 20)


def test_a_classifier_begins_anew(classifier):
    own = classifier()
    times = [
        [d.time for m in replay(own, recording(), speed=AT_ONCE) for d in m.decisions]
        for _ in range(2)
    ]
    assert times[0] == times[1]


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"speed": 0}, {}, "speed=0"),
        ({"chunk": -1.0}, {}, "chunk=-1.0"),
        ({"chunk": math.nan}, {}, "chunk=nan"),
        ({}, {"rate": 50.0}, r"rate=20, a recording at 50 Hz.*rate=50"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(classifier, options, changes, message):
    with pytest.raises(ValueError, match=message):
        replay(classifier(), recording(**changes), **options)


def test_another_sensor_is_refused(classifier):
    one = Recording({"camera": Stream(np.zeros((9, 3)), 20.0)}, 0, "A")
    with pytest.raises(ValueError, match=r"'imu'.*Received: \['camera'\]"):
        replay(classifier(), one)


def test_a_recording_without_a_sample_has_no_moment(classifier):
    assert list(replay(classifier(), recording(count=0), speed=AT_ONCE)) == []


def test_the_truth_of_several_labels_are_all_that_hold_for_most_of_a_window(of_task):
    label = Intervals([0.0, 1.25], [2.0, 3.0], [0, 1])  # both from 1.25 to 2 s
    values = np.zeros((80, 3), "float32")
    one = Recording({"imu": Stream(values, 20.0)}, label, "A")
    classifier = of_task("multilabel", ("talk", "walk"), [0.9, 0.9])
    moments = list(replay(classifier, one, speed=AT_ONCE))
    truths = {
        decision.time: truth
        for moment in moments
        for decision, truth in zip(moment.decisions, moment.truths, strict=True)
    }
    assert truths == {
        0.0: "talk",
        0.5: "talk",  # the other holds for a quarter
        1.0: "talk + walk",  # for 1 s and 0.75 s of it
        1.5: "walk",  # half is not most
        2.0: "walk",
        2.5: None,
        3.0: None,
    }


def test_where_classes_overlap_one_class_of_several_has_no_truth(of_task):
    label = Intervals([0.0, 0.0], [4.0, 4.0], [0, 1])
    one = Recording({"imu": Stream(np.zeros((80, 3), "float32"), 20.0)}, label, "A")
    classifier = of_task("multiclass", ("talk", "walk"), [0.1, 0.9])
    moments = replay(classifier, one, speed=AT_ONCE)
    assert {truth for moment in moments for truth in moment.truths} == {None}


@pytest.mark.parametrize("chunk", [0.1, 0.37, 100.0])
def test_other_streams_come_along_as_far_as_the_time_has_gone(classifier, chunk):
    values = np.arange(90.0)[:, None]  # from 6 s to 15 s, at 10 Hz
    streams = {"imu": recording().streams["imu"], "gyro": Stream(values, 10.0, 6.0)}
    one = Recording(streams, 1, "A")
    moments = list(
        replay(classifier(), one, speed=AT_ONCE, chunk=chunk, others=["gyro"])
    )
    seen = np.concatenate([moment.others["gyro"] for moment in moments])[:, 0]
    np.testing.assert_array_equal(seen, np.arange(10, 90))  # the first is at 7 s
    for moment in moments:
        if len(moment.others["gyro"]):
            assert 6 + moment.others["gyro"][-1, 0] / 10 <= moment.time + 1e-9
    assert replay(classifier(), one, speed=AT_ONCE).__next__().others == {}


def test_another_stream_that_is_not_there_is_refused(classifier):
    with pytest.raises(ValueError, match=r"\['gyro'\]. Choose from \['imu'\]"):
        replay(classifier(), recording(), others=["imu", "gyro"])
