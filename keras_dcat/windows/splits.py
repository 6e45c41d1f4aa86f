"""Which windows are for training and which for testing."""

from collections.abc import Iterable

import numpy as np

from keras_dcat.windows.index import WindowIndex


def split_by_subject(
    index: WindowIndex, test_subjects: Iterable
) -> tuple[WindowIndex, WindowIndex]:
    """Splits windows so that no subject is on both sides.

    Args:
        index: `WindowIndex`.
        test_subjects: subjects whose windows are held out.

    Returns:
        `(train, test)`, two `WindowIndex`.

    Raises:
        ValueError: if a subject has no window, or if a side would be empty.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> stream = Stream(np.zeros((100, 3)), rate=50)
    >>> recordings = [Recording({"imu": stream}, 0, who) for who in "ABC"]
    >>> index = index_windows(recordings, length=1, stride=1)
    >>> train, test = split_by_subject(index, test_subjects=["C"])
    >>> len(train), len(test)
    (4, 2)
    """
    test_subjects = list(test_subjects)
    missing = [s for s in test_subjects if s not in index.subjects]
    known = np.unique(index.subjects).tolist()
    if missing:
        raise ValueError(
            f"`test_subjects` must be subjects of the recordings. "
            f"Received: {missing}, who have no window. Choose from {known}."
        )
    is_test = np.isin(index.subjects, test_subjects)
    if is_test.all() or not is_test.any():
        raise ValueError(
            "Both sides of a split must have subjects. "
            f"Received: test_subjects={test_subjects} of {known}. "
            "Leave at least one for training and one for testing."
        )
    return index.subset(~is_test), index.subset(is_test)
