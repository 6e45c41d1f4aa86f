import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.windows.samples import Samples, is_in_memory


def parts_of(lengths, channels=2):
    values = np.arange(1, 1 + sum(lengths) * channels, dtype="float32")
    return np.split(values.reshape(-1, channels), np.cumsum(lengths)[:-1])


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    steps=st.integers(1, 12),
    stride=st.integers(1, 7),
    seed=st.integers(0, 99),
)
def test_packed_blocks_hold_the_same_windows_as_the_parts(lengths, steps, stride, seed):
    parts = parts_of(lengths)
    samples = Samples(parts, steps)
    phase = np.random.default_rng(seed).integers(0, 3, len(parts))
    starts, expected = [], []
    for part, offset, first in zip(parts, samples.offsets, phase, strict=False):
        for start in range(min(first, max(len(part) - steps, 0)), len(part), stride):
            if start and start + steps > len(part):
                break
            window = np.zeros((steps, 2), "float32")
            window[: len(part[start : start + steps])] = part[start : start + steps]
            starts.append(offset + start)
            expected.append(window)
    starts = np.array(starts)
    np.testing.assert_array_equal(samples.gather(starts), expected)
    blocks, first_block, per_window = samples.packed(starts)
    gathered = blocks[first_block[:, None] + np.arange(per_window)]
    np.testing.assert_array_equal(gathered.reshape(len(starts), steps, 2), expected)


def test_even_strides_pack_into_large_blocks():
    samples = Samples(parts_of([1000, 1000], channels=9), steps=200)
    starts = np.array([3, 53, 103, 1007, 1057])
    blocks, _, per_window = samples.packed(starts)
    assert blocks.shape[1] == 50 * 9
    assert per_window == 4


def test_a_part_shorter_than_a_window_takes_the_room_of_one():
    samples = Samples(parts_of([3, 10]), steps=5)
    assert samples.offsets.tolist() == [0, 5, 15]
    assert samples.shape == (15, 2)


def test_reading_stops_at_the_end_of_a_part():
    parts = parts_of([4, 6])
    np.testing.assert_array_equal(Samples(parts, 2).read(2, 5), parts[0][2:])
    np.testing.assert_array_equal(Samples(parts, 2).read(4, 5), parts[1][:5])


def test_a_memory_map_is_not_in_memory(tmp_path):
    array = np.zeros((5, 2))
    np.save(tmp_path / "a.npy", array)
    on_disk = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert is_in_memory(array)
    assert not is_in_memory(on_disk)
    assert not Samples([array, on_disk], 2).in_memory


def test_windows_in_any_order_are_read_in_the_order_of_time():
    class Watched:
        shape, dtype, first = (20, 2), np.dtype("float32"), 0

        def __getitem__(self, index):
            assert index.start >= self.first
            self.first = index.start
            return parts_of([20])[0][index]

    starts = np.array([7, 0, 12, 7, 3])
    found = Samples([Watched()], 4).gather(starts)
    expected = [parts_of([20])[0][start : start + 4] for start in starts]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_the_type_of_the_samples_is_kept(dtype):
    samples = Samples([np.ones((5, 3, 3, 1), dtype)], 2)
    assert samples.gather(np.array([0, 3])).dtype == dtype
    assert samples.gather(np.array([0, 3])).shape == (2, 2, 3, 3, 1)


@pytest.mark.parametrize("turn", [1, -1])
def test_windows_are_of_the_type_that_holds_all_parts(turn):
    parts = [np.zeros((3, 1), "int16"), np.full((3, 1), 0.75, "float32")][::turn]
    windows = Samples(parts, 3).gather(np.array([0, 3]))
    assert windows[:, 0, 0].tolist() == [0.0, 0.75][::turn]
    assert windows.dtype == "float32"
