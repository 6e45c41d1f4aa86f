import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, misaligned, mispaired

RATES = {"camera": 20.0, "imu": 50.0}


@pytest.fixture(scope="module")
def index():
    """Ten seconds of two people; each sample is its time, plus 100 for the second."""
    recordings = [
        Recording(
            {
                name: Stream(np.arange(10 * rate)[:, None] / rate + 100 * person, rate)
                for name, rate in RATES.items()
            },
            label=person,
            subject=person,
        )
        for person in range(2)
    ]
    return index_windows(recordings, length=1.0, stride=0.5)


@pytest.mark.parametrize("seconds", [-1.0, -0.1, 0.1, 0.5])
@pytest.mark.parametrize("stream", RATES)
def test_a_window_shows_what_happened_later_and_the_other_stream_stays(
    index, stream, seconds
):
    moved = misaligned(index, stream, seconds)
    for name, rate in RATES.items():
        lag = (moved.gather(name) - index.gather(name))[..., 0]
        inside = (index.times + seconds >= 0) & (index.times + seconds + 1 <= 10)
        expected = seconds if name == stream else 0.0
        np.testing.assert_allclose(lag[inside], expected, atol=0.5 / rate)
        assert np.all(np.abs(lag) <= abs(expected) + 1e-6)
    np.testing.assert_array_equal(moved.labels, index.labels)


def test_no_window_leaves_its_recording(index):
    for seconds in (-100.0, 100.0):
        values = misaligned(index, "imu", seconds).gather("imu")[..., 0]
        np.testing.assert_array_equal(values[:, 0] >= 100, index.subjects == 1)
        np.testing.assert_array_equal(values[:, -1] >= 100, index.subjects == 1)


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1), seed=st.integers(0, 9))
def test_exactly_a_share_of_the_windows_gets_that_of_another(index, share, seed):
    changed = mispaired(index, "imu", share, seed)
    is_other = changed.starts["imu"] != index.starts["imu"]
    count = round(share * len(index))
    assert is_other.sum() == (max(count, 2) if share else 0)
    assert sorted(changed.starts["imu"]) == sorted(index.starts["imu"])
    np.testing.assert_array_equal(changed.starts["camera"], index.starts["camera"])


def test_the_index_that_came_is_not_changed(index):
    before = index.starts["imu"].copy()
    misaligned(index, "imu", 1.0), mispaired(index, "imu")
    np.testing.assert_array_equal(index.starts["imu"], before)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: misaligned(x, "radar", 1), r"'radar'.*\['camera', 'imu'\]"),
        (lambda x: misaligned(x, "imu", np.nan), "seconds=nan.*tenths of a second"),
        (lambda x: mispaired(x, "radar"), r"'radar'.*\['camera', 'imu'\]"),
        (lambda x: mispaired(x, "imu", 1.5), "share=1.5.*0.1 for a tenth"),
    ],
)
def test_what_cannot_be_spoiled_is_refused(index, spoil, message):
    with pytest.raises(ValueError, match=message):
        spoil(index)


def test_a_shift_is_of_seconds_where_a_window_is_no_whole_number_of_steps():
    stream = Stream(np.arange(1000)[:, None], 10.0)
    index = index_windows([Recording({"a": stream}, 0, "A")], length=0.16, stride=1.0)
    moved = misaligned(index, "a", 30.0)  # windows of 2 steps last 0.2 s, not 0.16 s
    assert (moved.starts["a"] - index.starts["a"])[0] == 300


def test_a_small_share_of_few_windows_is_a_pair_of_them(index):
    changed = mispaired(index.subset(np.arange(10)), "imu", 0.1)
    assert np.sum(changed.starts["imu"] != index.starts["imu"][:10]) == 2
