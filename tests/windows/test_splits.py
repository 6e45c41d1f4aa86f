import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, split_by_subject


@pytest.fixture
def index():
    stream = Stream(np.zeros((500, 1)), 50.0)
    recordings = [Recording({"a": stream}, 0, subject) for subject in (3, 1, 2, 3)]
    return index_windows(recordings, length=2.0, stride=1.0)


def test_every_window_is_on_one_side_and_no_subject_on_both(index):
    train, test = split_by_subject(index, test_subjects=[3])
    assert len(train) + len(test) == len(index)
    assert set(train.subjects) == {1, 2}
    assert set(test.subjects) == {3}
    used = [set(side.starts["a"]) for side in (train, test)]
    assert used[0] | used[1] == set(index.starts["a"])


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        ([9], r"Received: \[9\].*Choose from \[1, 2, 3\]"),
        ([], r"test_subjects=\[\].*at least one"),
        ([1, 2, 3], r"test_subjects=\[1, 2, 3\].*at least one"),
    ],
)
def test_a_split_that_leaves_a_side_empty_is_refused(index, subjects, message):
    with pytest.raises(ValueError, match=message):
        split_by_subject(index, subjects)
