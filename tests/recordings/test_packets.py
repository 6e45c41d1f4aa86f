import numpy as np
import pytest

from keras_dcat.recordings import Stream, mend
from keras_dcat.recordings.packets import fingerprints, spread, usual_step

RATE = 130.0
TRUE = np.arange(2600) / RATE


def shared(true, sizes, anchor):
    """The one time of each packet of these sizes, for all of its samples."""
    ends = np.cumsum(sizes) - 1
    starts = ends + 1 - sizes
    times = {"end": true[ends], "start": true[starts]}.get(
        anchor, (true[ends] + true[starts]) / 2
    )
    return np.repeat(times, sizes)


@pytest.mark.parametrize("anchor", ["end", "start", "centre"])
@pytest.mark.parametrize("varies", [False, True])
def test_packets_of_any_size_are_spread_to_the_true_times(anchor, varies):
    rng = np.random.default_rng(0)
    sizes = rng.integers(5, 16, 180) if varies else np.full(200, 13)
    true = np.arange(sizes.sum()) / RATE
    even, count = spread(shared(true, sizes, anchor), anchor)
    # Centres of packets that differ in size say less about the borders between them.
    error = 2.5 / RATE if varies and anchor == "centre" else 1e-9
    np.testing.assert_allclose(even, true, atol=error)
    assert count == len(true)


@pytest.mark.parametrize("anchor", ["end", "start", "centre"])
def test_a_packet_beside_a_pause_is_spread_over_its_own_length(anchor):
    true = np.append(TRUE, TRUE + 600.0)
    even, _ = spread(shared(true, np.full(520, 10), anchor), anchor)
    np.testing.assert_allclose(even, true, atol=1e-9)


def test_times_that_are_nearly_those_of_a_packet_belong_to_it():
    times = shared(TRUE, np.full(260, 10), "end")
    times[3::10] += 1e-3  # the clock ticked while they were read
    times[4::10] += 1e-3
    even, _ = spread(np.sort(times), "end")
    np.testing.assert_allclose(even, TRUE, atol=2e-3)


def test_what_is_alone_keeps_its_time():
    times = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 5.0, 6.0, 7.0, 8.0])
    even, count = spread(times, "end")
    assert even.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert count == 2


@pytest.mark.parametrize("rate", [1300.0, 1500.0, 1900.0])
def test_pairs_that_rounding_made_are_within_a_step_of_the_truth(rate):
    true = np.arange(5000) / rate
    even, count = spread(true.round(3), "refuse")
    assert np.abs(even - true).max() < 1 / rate
    assert count > 1000
    assert (np.diff(even) > 0).all()


def test_a_step_is_known_through_packets_bursts_and_pauses():
    for times in (
        TRUE,
        shared(TRUE, np.full(260, 10), "end"),
        shared(TRUE, np.full(26, 100), "start"),
        shared(TRUE, np.full(260, 10), "end") + np.tile(np.arange(10), 260) * 2e-5,
        np.append(TRUE, TRUE + 9000.0),
    ):
        assert usual_step(times) == pytest.approx(1 / RATE, rel=0.03)
    assert usual_step(np.zeros(5)) == 0.0


def test_samples_of_one_time_only_cannot_be_spread():
    with pytest.raises(ValueError, match=r"3 samples at 5\.0 s.*rate=…"):
        spread(np.full(3, 5.0), "end")


def test_times_that_are_too_large_for_times_between_them_are_refused():
    times = np.repeat(1e15 + np.arange(20) / 8, 10)
    with pytest.raises(ValueError, match=r"begin near 0.*times - times\[0\]"):
        spread(times, "end")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64"])
def test_rows_have_the_same_number_only_if_they_are_equal(dtype):
    rng = np.random.default_rng(0)
    values = rng.integers(-3 if dtype[0] != "u" else 0, 4, (3000, 3)).astype(dtype)
    _, expected = np.unique(values, axis=0, return_inverse=True)
    _, found = np.unique(fingerprints(values, np.arange(3000)), return_inverse=True)
    pairs = np.unique(np.stack([expected.ravel(), found], axis=1), axis=0)
    assert len(pairs) == len(np.unique(expected)) == len(np.unique(found))


def test_signs_of_nothing_and_kinds_of_nan_make_no_difference():
    other = np.array([0x7FF8000000000001], "uint64").view("float64")[0]
    values = np.array([[0.0, np.nan], [-0.0, np.nan], [0.0, other], [1.0, np.nan]])
    prints = fingerprints(values, np.arange(4))
    assert prints[0] == prints[1] == prints[2] != prints[3]
    turned = np.array([[1.0, 2.0], [-1.0, -2.0]])
    assert len(set(fingerprints(turned, np.arange(2)))) == 2


def test_a_sensor_at_rest_keeps_all_samples_of_its_packets():
    still = np.round(np.sin(TRUE / 3))[:, None]
    times = shared(TRUE, np.full(260, 10), "end")
    mended, report = mend(Stream(still, timestamps=times), packets="end")
    np.testing.assert_allclose(mended.times, TRUE, atol=1e-9)
    assert report.repeated == 0


def test_packets_that_were_sent_again_are_dropped():
    values = np.arange(2600.0)
    order = np.insert(np.arange(2600), 510, np.arange(500, 510))
    times = shared(TRUE, np.full(260, 10), "end")
    mended, report = mend(
        Stream(values[order][:, None], timestamps=times[order]), packets="end"
    )
    np.testing.assert_allclose(mended.times, TRUE, atol=1e-9)
    assert report.repeated == 10


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        ([1, 1, 1], False),  # one row, three times
        ([1, 2], False),  # a pair
        ([1, 2, 1, 2], False),  # a pair, twice
        ([1, 1, 2], False),  # a pair, one of it twice
        ([1, 2, 3], True),
        ([1, 1, 1, 2, 2], True),  # a packet of a sensor that hardly moves
    ],
)
def test_what_shares_a_time_is_a_repeat_a_pair_or_a_packet(values, is_refused):
    times = np.concatenate([np.arange(5), np.full(len(values), 5), np.arange(6, 9)])
    column = np.concatenate([np.arange(10, 15), values, np.arange(20, 23)])
    stream = Stream(column[:, None], timestamps=times)
    if is_refused:
        with pytest.raises(ValueError, match=rf"{len(values)} samples of {len(times)}"):
            mend(stream)
    else:
        mended, report = mend(stream)
        assert len(mended) == 8 + len(set(values))
        assert report.spread == (2 if len(set(values)) == 2 else 0)
