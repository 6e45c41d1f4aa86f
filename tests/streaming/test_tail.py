import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_dcat.streaming.tail import Tail


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=12))
def test_samples_keep_their_numbers_whatever_was_forgotten(steps):
    tail, everything = Tail(), np.zeros((0, 2))
    for count, back in steps:
        values = np.arange(2.0 * count).reshape(count, 2) + len(everything)
        everything = np.concatenate([everything, values])
        if count:
            tail.append(values)
        tail.forget(before=len(everything) - back)
        if tail.end > tail.first:
            np.testing.assert_array_equal(
                tail[tail.first : tail.end], everything[tail.first :]
            )
        assert tail.end == len(everything)


def test_memory_does_not_grow_with_what_was_forgotten():
    tail = Tail()
    for _ in range(1000):
        tail.append(np.zeros((100, 3)))
        tail.forget(before=tail.end - 200)
    assert tail.end == 100_000
    assert len(tail._buffer) <= 2048
