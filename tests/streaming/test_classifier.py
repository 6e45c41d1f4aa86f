import re
import threading
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.export import Description, runner
from keras_dcat.recordings import Recording, Stream
from keras_dcat.streaming import StreamingClassifier
from keras_dcat.windows import index_windows
from tests.streaming.conftest import DESCRIPTION, scored


def samples(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype("float32")


def offline(values, rate=20.0, timestamps=None):
    """Times and probabilities of the windows that a training would cut."""
    stream = (
        Stream(values, rate)
        if timestamps is None
        else Stream(values, timestamps=timestamps)
    )
    index = index_windows(
        [Recording({"imu": stream}, 0, "A")], 1.0, 0.5, rates={"imu": 20.0}
    )
    return index.times, scored(index.gather("imu"))[0]


def fed(classifier, values, cuts, timestamps=None, end=False):
    decisions = []
    for rows in np.split(np.arange(len(values)), sorted(cuts)):
        own = None if timestamps is None else timestamps[rows]
        decisions += classifier.feed(values[rows], own)
    decisions += classifier.end() if end else []
    times = np.array([decision.time for decision in decisions])
    return times, np.array([decision.probabilities for decision in decisions])


CUTS = st.lists(st.integers(0, 300), max_size=10)
QUICK = settings(max_examples=40)


@pytest.mark.parametrize("rate", [20.0, 50.0, 8.0])
def test_whatever_the_chunks_it_says_what_is_said_of_windows_cut_at_once(
    classifier, rate
):
    values = samples(300)
    expected_times, expected = offline(values, rate)

    @QUICK
    @given(CUTS)
    def check(cuts):
        times, found = fed(classifier(rate), values, cuts)
        assert len(times) >= len(expected_times) - 3
        np.testing.assert_allclose(times, expected_times[: len(times)])
        np.testing.assert_allclose(found, expected[: len(found)], atol=1e-5)

    check()


@pytest.mark.parametrize("rate", [20.0, 50.0, 8.0])
def test_at_the_end_it_has_said_all_that_a_training_would_cut(classifier, rate):
    values = samples(321)
    one = classifier(rate)
    times, found = fed(one, values, [100])
    last = one.end()
    expected_times, expected = offline(values, rate)
    np.testing.assert_allclose([*times, *(d.time for d in last)], expected_times)
    both = [*found, *(d.probabilities for d in last)]
    np.testing.assert_allclose(both, expected, atol=1e-5)
    assert one.end() == []


@pytest.mark.parametrize(("count", "rate"), [(30, 8.0), (174, 30.0), (116, 20.0)])
@pytest.mark.parametrize("clocked", [False, True])
@pytest.mark.parametrize("stride", [0.37, 0.375])
def test_it_says_no_more_than_a_training_whatever_the_stride(
    tmp_path, monkeypatch, count, rate, clocked, stride
):
    path = tmp_path / "target.tflite"
    path.write_bytes(b"")
    Description(("a", "b"), "imu", 20.0, 1.0, stride, (20, 3)).put_into(path)
    monkeypatch.setattr(runner, "load", lambda path: (scored, [], None))
    values, times = samples(count), 7 + np.arange(count) / rate
    own = Stream(values, timestamps=times) if clocked else Stream(values, rate)
    recording = Recording({"imu": own}, 0, "A")
    index = index_windows([recording], 1.0, stride, rates={"imu": 20.0})
    one = StreamingClassifier(path, rate)
    timestamps = times if clocked else None
    said, found = fed(one, values, [11, 40], timestamps, end=True)
    np.testing.assert_allclose(said, index.times, atol=1e-9)
    np.testing.assert_allclose(found, scored(index.gather("imu"))[0], atol=1e-5)


def test_a_sensor_all_of_whose_steps_are_gaps_is_refused(classifier):
    slow = classifier(2.0)
    with pytest.raises(ValueError, match=r"max_gap=0\.25 s at 2 Hz.*index_windows"):
        slow.feed(samples(3), np.arange(3) / 2)


@pytest.mark.parametrize(("rate", "own_rate"), [(None, 20.0), (50.0, 50.0)])
def test_timestamps_are_listened_to_as_in_a_training(classifier, rate, own_rate):
    rng = np.random.default_rng(1)
    times = 1000 + np.arange(309) / own_rate
    times[1:-1] += rng.uniform(-0.4, 0.4, 307) / own_rate
    values = samples(309)
    expected_times, expected = offline(values, timestamps=times)

    @QUICK
    @given(CUTS)
    def check(cuts):
        one = classifier(rate)
        found_times, found = fed(one, values, cuts, times)
        last = one.end()
        found_times = [*found_times, *(d.time for d in last)]
        np.testing.assert_allclose(found_times, expected_times)
        found = [*found, *(d.probabilities for d in last)]
        np.testing.assert_allclose(found, expected, atol=1e-5)

    check()


def test_what_the_training_filtered_out_is_filtered_without_being_told(classifier):
    times = np.arange(600) / 100
    fast = np.repeat(np.sin(2 * np.pi * 19 * times)[:, None], 3, axis=1)
    one = classifier()  # nothing says that samples come at 100 Hz
    found = [*one.feed(fast, times), *one.end()]
    expected = offline(fast, timestamps=times)[1]
    np.testing.assert_allclose([d.probabilities for d in found], expected, atol=1e-5)
    assert one.latency == pytest.approx(10 / 20 + 7 / 100)


@pytest.mark.parametrize("rate", [20.0, 50.0, 8.0])
@pytest.mark.parametrize("has_timestamps", [False, True])
def test_a_decision_comes_when_its_latency_is_over(classifier, rate, has_timestamps):
    one, values, late = classifier(rate), samples(400), []
    for number, value in enumerate(values):
        times = np.array([number / rate]) if has_timestamps else None
        for decision in one.feed(value[None], times):
            late.append(number / rate - (decision.time + 1.0))
    assert len(late) > 10
    assert max(late) <= one.latency + 1e-9
    assert max(late) >= one.latency - 2 / rate - 1 / 20


def test_after_a_gap_windows_start_anew(classifier):
    times = np.arange(200) / 20
    times[100:] += 3.0
    values = samples(200)
    expected = [offline(values[:100]), offline(values[100:])]
    for cuts in ([], [100], [99, 101], range(0, 200, 7)):
        found_times, found = fed(classifier(), values, cuts, times, end=True)
        np.testing.assert_allclose(
            found_times, np.concatenate([expected[0][0], 8.0 + expected[1][0]])
        )
        both = np.concatenate([probabilities for _, probabilities in expected])
        np.testing.assert_allclose(found, both, atol=1e-5)


def test_a_gap_that_is_shorter_is_bridged(classifier):
    times = np.delete(np.arange(100) / 20, [40, 41, 42])
    found, _ = fed(classifier(max_gap=0.25), samples(97), [], times, end=True)
    np.testing.assert_allclose(found, np.arange(9) * 0.5, atol=1e-9)
    found, _ = fed(classifier(max_gap=0.15), samples(97), [], times, end=True)
    assert found.tolist() == pytest.approx([0, 0.5, 1.0, *(2.15 + np.arange(4) / 2)])


def test_labels_are_those_of_the_largest_probability(classifier):
    moving = np.full((20, 3), 5.0)
    (first,), (second,) = (classifier().feed(values) for values in (moving, -moving))
    assert (first.label, second.label) == ("moving", "still")


def test_smoothing_is_a_weighted_mean_with_the_windows_before(classifier):
    values = samples(200)
    _, plain = fed(classifier(), values, [50])
    _, smooth = fed(classifier(smoothing=0.7), values, [50])
    expected = plain[0]
    for own, found in zip(plain, smooth, strict=True):
        expected = 0.7 * expected + 0.3 * own if own is not plain[0] else own
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_refused_leaves_all_as_it_was(classifier):
    values, times = samples(60), np.arange(60) / 20
    one = classifier(20.0)
    one.feed(values[:30], times[:30])
    for arguments, message in (
        ((values[30:, :2], times[30:]), r"\(samples, 3\).*shape \(30, 2\).*'imu'"),
        ((values[30:] * np.nan, times[30:]), "must be finite.*Leave"),
        ((values[30:], times[:30]), "rising: False.*come late"),
        ((values[30:], times[31:]), r"shape \(29,\) for 30"),
        ((values[30:], None), "Either all.*timestamps before only.*reset"),
        ((1.0, 2.0), r"shape \(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            one.feed(*arguments)
    found = [d.time for d in [*one.feed(values[30:], times[30:]), *one.end()]]
    assert found == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_after_a_reset_it_is_new(classifier):
    one = classifier()
    one.feed(samples(30), np.arange(30) / 20)
    one.reset()
    assert [d.time for d in one.feed(samples(20))] == [0.0]


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((0.0,), {}),
        ((np.inf,), {}),
        (("50",), {}),
        ((), {"max_gap": 0}),
    ],
)
def test_options_that_make_no_sense_are_refused(classifier, args, options):
    with pytest.raises(ValueError, match="Leave out what you do not know"):
        classifier(*args, **options)


def test_memory_does_not_grow(classifier):
    one = classifier(50.0)
    for _ in range(200):
        one.feed(samples(500))
    assert len(one._tail._buffer) + len(one._even._tail._buffer) <= 4096
    assert one._tail.end > 39_000


def test_a_time_that_is_far_is_a_gap_and_costs_no_memory(classifier):
    one = classifier(20.0, max_gap=10.0)
    assert one.feed(samples(60), np.arange(60) / 20)
    tracemalloc.start()
    found = one.feed(samples(60), 1.66e9 + np.arange(60) / 20)
    found += one.feed(samples(1), [1e300])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = [2.0, *(1.66e9 + np.arange(5) / 2)]
    assert [decision.time for decision in found] == pytest.approx(expected, abs=1e-6)
    assert peak < 1e6
    with pytest.raises(ValueError, match=r"rising: False.*call `reset`"):
        one.feed(samples(2), np.array([3.0, 3.05]))


@pytest.mark.parametrize("max_gap", [10.5, 1e9, np.inf])
def test_a_gap_longer_than_ten_windows_is_not_bridged(classifier, max_gap):
    with pytest.raises(
        ValueError, match=rf"max_gap={max_gap}, windows of 1\.0 s.*0\.25"
    ):
        classifier(max_gap=max_gap)


@pytest.mark.parametrize(
    ("task", "outputs", "probabilities", "label", "labels"),
    [
        ("binary", [0.25], [0.75, 0.25], "talk", ("talk",)),
        ("binary", [0.75], [0.25, 0.75], "walk", ("walk",)),
        ("multilabel", [0.75, 0.9], [0.75, 0.9], "talk + walk", ("talk", "walk")),
        ("multilabel", [0.25, 0.9], [0.25, 0.9], "walk", ("walk",)),
        ("multilabel", [0.25, 0.3], [0.25, 0.3], "–", ()),
    ],
)
def test_a_decision_has_every_probability_and_all_that_is_said(
    of_task, task, outputs, probabilities, label, labels
):
    (decision,) = of_task(task, ("talk", "walk"), outputs).feed(samples(20))
    np.testing.assert_allclose(decision.probabilities, probabilities, atol=1e-6)
    assert (decision.label, decision.labels) == (label, labels)


def test_threads_that_share_one_lose_no_window(classifier):
    values, shared, found, failed = samples(60), classifier(), [], []
    run, running = shared._run, threading.Lock()

    def one_at_a_time(windows):
        if not running.acquire(blocking=False):
            raise RuntimeError("There is at least 1 reference to internal data")
        time.sleep(0.001)
        running.release()
        return run(windows)

    shared._run = one_at_a_time

    def feed():
        try:
            for at in range(0, 60, 10):
                found.extend(shared.feed(values[at : at + 10]))
        except RuntimeError as error:
            failed.append(error)

    threads = [threading.Thread(target=feed) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failed
    alone = classifier().feed(np.concatenate([values] * 6))
    assert sorted(d.time for d in found) == [d.time for d in alone]


def test_an_artefact_that_is_damaged_is_refused_in_words(tmp_path):
    pytest.importorskip("tensorflow")
    path = tmp_path / "target.tflite"
    path.write_bytes(b"no flatbuffer" * 100)
    DESCRIPTION.put_into(path)
    with pytest.raises(ValueError, match=r"as a whole.*cannot be loaded.*anew"):
        StreamingClassifier(path)


def test_milliseconds_are_told_and_taken_where_they_are_said(classifier):
    values, times = samples(100), np.arange(100) / 20
    with pytest.raises(ValueError, match=r"milliseconds.*time_unit=0\.001"):
        classifier().feed(values, 1000 * times)
    expected = classifier().feed(values, times)
    found = classifier(time_unit=0.001).feed(values, 1000 * times)
    assert [d.time for d in found] == pytest.approx([d.time for d in expected])


def test_packets_and_a_counter_that_wraps_are_windows_as_of_even_samples(classifier):
    values = samples(300)
    told = (np.repeat(np.arange(30) / 2, 10) * 1e6 + 60_000) % 2**22
    own = classifier(20.0, time_unit=1e-6, wraps=2**22 * 1e-6, packets="end")
    times, found = fed(own, values, range(0, 300, 10), told, end=True)
    expected_times, expected = offline(values)
    np.testing.assert_allclose(times - times[0], expected_times, atol=1e-9)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_comes_to_no_decision_says_why(classifier):
    times = np.arange(300) / 20 + 0.5 * (np.arange(300) // 15)
    one = classifier(20.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for at in range(0, 300, 5):
            assert one.feed(samples(5), times[at : at + 5]) == []
    (only,) = told
    assert re.search(r"gaps longer than 0\.25 s.*than 0\.7 s", str(only.message))
    assert only.filename == __file__


def test_what_is_refused_for_its_unit_leaves_all_as_it_was(classifier):
    one = classifier(20.0)
    with pytest.raises(ValueError, match="time_unit"):
        one.feed(samples(40), 1000.0 * np.arange(40))
    found = one.feed(samples(40), np.arange(40) / 20)
    assert [d.time for d in found] == [0.0, 0.5]
