"""Which windows follow each other, in one recording and without a gap."""

import numpy as np

from keras_dcat.windows.index import WindowIndex


def stretches(index: WindowIndex) -> np.ndarray:
    """Numbers windows by runs without a gap.

    Windows are on end if they are of one recording, and each begins before the one
    before it has ended, or as soon as most do. What is said of the time, such as how
    many events were found, is said within a stretch.

    Args:
        index: `WindowIndex`.

    Returns:
        int array `(windows,)`, rising from 0.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> two = [Recording({"imu": Stream(np.zeros((90, 3)), 10.0)}, 0, who)
    ...        for who in "ab"]
    >>> stretches(index_windows(two, length=2.0, stride=2.0)).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    if not len(index):
        return np.zeros(0, int)
    steps = np.diff(index.times)
    is_same = index.sessions[1:] == index.sessions[:-1]
    is_same = is_same & (index.subjects[1:] == index.subjects[:-1]) & (steps > 0)
    usual = float(np.median(steps[is_same])) if is_same.any() else 0.0
    reach = np.maximum(index.durations[:-1], usual) * 1.01
    return np.concatenate([[0], np.cumsum(~(is_same & (steps <= reach)))]).astype(int)
