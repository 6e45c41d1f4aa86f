"""Windows of one stream are paired wrongly: how much does a transfer withstand?"""

import dataclasses

import numpy as np

from keras_dcat.windows.index import WindowIndex


def misaligned(index: WindowIndex, stream: str, seconds: float) -> WindowIndex:
    """Delays the windows of one stream, as a control.

    A window moves no further than its recording goes, so that none is lost and
    results stay comparable; `(moved.starts[stream] - index.starts[stream])` says by
    how many samples each did.

    Args:
        index: `WindowIndex`.
        stream: str. Name of the stream.
        seconds: float. How much later; a negative number is earlier.

    Returns:
        `WindowIndex` on the same samples, with the labels and times that it had.

    Raises:
        ValueError: if there is no such stream, or if the number is not finite.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, "A")], length=1, stride=0.5)
    >>> misaligned(index, "imu", 0.7).starts["imu"].tolist()  # they were 0, 25, 50
    [35, 50, 50]
    """
    starts = _starts_of(index, stream)
    if not np.isfinite(seconds):
        raise ValueError(
            "`seconds` must be finite. "
            f"Received: seconds={seconds}. Give some tenths of a second: 0.5."
        )
    samples, steps = index.samples[stream], index.steps[stream]
    part = samples.part_of(starts)
    moved = starts + round(seconds * index.rates[stream])
    last = samples.offsets[part + 1] - steps
    return _with_starts(index, stream, np.clip(moved, samples.offsets[part], last))


def mispaired(
    index: WindowIndex, stream: str, share: float = 1.0, seed: int = 0
) -> WindowIndex:
    """Pairs some windows with another moment in one stream, as a control.

    They change places in a circle, so that every window of the stream still occurs
    once, and none of those that were drawn keeps its own. One alone has nobody to
    change with: of a share that is less than two windows, two are drawn.

    Args:
        index: `WindowIndex`.
        stream: str. Name of the stream.
        share: float from 0 to 1. How many of the windows; two at least, or none at 0.
        seed: int. Which ones, and whom they get.

    Returns:
        `WindowIndex` on the same samples, with the labels and times that it had.

    Raises:
        ValueError: if there is no such stream, or if the share is out of range.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, "A")], length=1, stride=0.5)
    >>> mispaired(index, "imu").starts["imu"].tolist()  # they were 0, 25, 50
    [50, 0, 25]
    """
    starts = _starts_of(index, stream)
    if not 0 <= share <= 1:
        raise ValueError(
            "`share` must lie between 0 and 1. "
            f"Received: share={share}. Give 0.1 for a tenth of the windows."
        )
    count = max(2, round(share * len(index))) if share else 0
    drawn = np.random.default_rng(seed).permutation(len(index))[:count]
    changed = starts.copy()
    changed[drawn] = starts[np.roll(drawn, 1)]
    return _with_starts(index, stream, changed)


def _starts_of(index, stream):
    if stream not in index.starts:
        raise ValueError(
            "`stream` must name a stream of the windows. "
            f"Received: {stream!r}. Choose from {sorted(index.starts)}."
        )
    return index.starts[stream]


def _with_starts(index, stream, starts):
    return dataclasses.replace(index, starts={**index.starts, stream: starts})
