"""Recordings are spoiled by a known amount: how much does a result withstand?"""

import numpy as np

from keras_dcat.recordings.clocks import corrected
from keras_dcat.recordings.recording import Recording
from keras_dcat.recordings.stream import Stream


def shift(recording: Recording, stream: str, seconds: float) -> Recording:
    """Adds a constant offset to the clock of a stream.

    Args:
        recording: `Recording`.
        stream: str. Name of the stream.
        seconds: float. What was shown at t is shown at t + `seconds`; a negative
            number shows it earlier. `corrected(stream, offset=seconds)` undoes it.

    Returns:
        `Recording`. Values and the other streams are shared with this one.

    Raises:
        ValueError: if there is no such stream, or if the number is not finite.

    Example:

    >>> recording = Recording({"imu": Stream(np.zeros((50, 6)), 50.0)}, 0, "A")
    >>> shift(recording, "imu", 0.5).streams["imu"].span
    (0.5, 1.5)
    """
    own = _named(recording, stream)
    return recording.replaced(**{stream: corrected(own, offset=-seconds)})


def stretch(recording: Recording, stream: str, factor: float) -> Recording:
    """Adds a drift to the clock of a stream.

    Args:
        recording: `Recording`.
        stream: str. Name of the stream.
        factor: float, positive. One second is shown as `factor` seconds; the first
            sample keeps its time. `corrected(stream, drift=factor - 1)` undoes it.

    Returns:
        `Recording`. Values and the other streams are shared with this one.

    Raises:
        ValueError: if there is no such stream, or if `factor` is not positive.

    Example:

    >>> recording = Recording({"imu": Stream(np.zeros((50, 6)), 50.0)}, 0, "A")
    >>> stretch(recording, "imu", 1.25).streams["imu"].span
    (0.0, 1.25)
    """
    own = _named(recording, stream)
    if not 0 < factor < np.inf:
        raise ValueError(
            "`factor` must be a positive number. "
            f"Received: factor={factor}. A clock that is 200 ppm fast has 1.0002."
        )
    return recording.replaced(**{stream: corrected(own, drift=1 / factor - 1)})


def jitter(recording: Recording, stream: str, seconds: float, seed: int) -> Recording:
    """Adds normal noise to the time of every sample of a stream.

    The noise of one sample is independent of the next one's, so that times may
    fall; `mend` sorts them. The stream has timestamps from then on.

    Args:
        recording: `Recording`.
        stream: str. Name of the stream.
        seconds: float. Standard deviation of the noise, at least 0.
        seed: int. The same seed gives the same noise, in proportion to `seconds`.

    Returns:
        `Recording`. Values and the other streams are shared with this one.

    Raises:
        ValueError: if there is no such stream, or if `seconds` is negative.

    Example:

    >>> recording = Recording({"imu": Stream(np.zeros((50, 6)), 50.0)}, 0, "A")
    >>> times = jitter(recording, "imu", 0.001, seed=0).streams["imu"].times
    >>> bool(np.abs(times - recording.streams["imu"].times).max() < 0.005)
    True
    """
    own = _named(recording, stream)
    if not 0 <= seconds < np.inf:
        raise ValueError(
            "`seconds` must be a standard deviation, at least 0. "
            f"Received: seconds={seconds}. Give some milliseconds: 0.005."
        )
    noise = np.random.default_rng(seed).normal(size=len(own))
    late = Stream(own.values, timestamps=own.times + seconds * noise)
    return recording.replaced(**{stream: late})


def drop(
    recording: Recording, stream: str, share: float, seed: int, burst: int = 1
) -> Recording:
    """Loses samples of a stream, one by one or several in a row.

    Exactly the share is lost, to the nearest sample. Bursts fall anywhere with the
    same chance, next to each other too; the last one may be shorter. The stream
    has timestamps from then on.

    Args:
        recording: `Recording`.
        stream: str. Name of the stream.
        share: float from 0 to 1. How many of the samples are lost.
        seed: int. The same seed loses the same samples.
        burst: int, at least 1. How many are lost in a row.

    Returns:
        `Recording`. The other streams are shared with this one.

    Raises:
        ValueError: if there is no such stream, or if `share` or `burst` is out of
            range.

    Example:

    >>> recording = Recording({"imu": Stream(np.zeros((50, 6)), 50.0)}, 0, "A")
    >>> len(drop(recording, "imu", 0.2, seed=0, burst=5).streams["imu"])
    40
    """
    own = _named(recording, stream)
    if not 0 <= share <= 1 or burst < 1:
        raise ValueError(
            "`share` must be from 0 to 1, and `burst` at least 1 sample. "
            f"Received: share={share}, burst={burst}. "
            "A tenth lost in runs of 5 is share=0.1, burst=5."
        )
    num_lost = round(share * len(own))
    lengths = np.full(-(-num_lost // burst), burst)
    lengths[-1:] -= lengths.sum() - num_lost
    # every kept sample and every burst is one item, in random order
    is_kept = np.repeat([True, False], [len(own) - num_lost, len(lengths)])
    items = np.concatenate([np.ones(len(own) - num_lost, int), lengths])
    order = np.random.default_rng(seed).permutation(len(items))
    kept = np.flatnonzero(np.repeat(is_kept[order], items[order]))
    left = Stream(np.asarray(own.values)[kept], timestamps=own.times[kept])
    return recording.replaced(**{stream: left})


def mispair(recordings: list[Recording], stream: str, seed: int) -> list[Recording]:
    """Pairs a stream of every recording with another recording, as a control.

    Each recording's stream goes to exactly one other, where it begins when that
    one's own stream began. Labels, subjects and sessions stay.

    Args:
        recordings: list of `Recording`, at least two.
        stream: str. Name of the stream.
        seed: int. The same seed mis-pairs in the same way.

    Returns:
        list of `Recording`, in the same order. Values and the other streams are
        shared with the ones that came.

    Raises:
        ValueError: if there are fewer than two, or if one has no such stream.

    Example:

    >>> pair = [Recording({"imu": Stream(np.full((5, 1), n), 1.0, start=9.0 * n)},
    ...     label=n, subject="A") for n in range(2)]
    >>> [(r.label, r.streams["imu"].span) for r in mispair(pair, "imu", seed=0)]
    [(0, (0.0, 5.0)), (1, (9.0, 14.0))]
    """
    recordings = list(recordings)
    if len(recordings) < 2:
        raise ValueError(
            "Mis-pairing takes at least two recordings. "
            f"Received: {len(recordings)}. Give all recordings of a split at once."
        )
    own = [_named(recording, stream) for recording in recordings]
    rng, order = np.random.default_rng(seed), np.arange(len(own))
    while np.any(order == np.arange(len(own))):  # 2.7 tries on average
        order = rng.permutation(len(own))
    mispaired = []
    for recording, kept, number in zip(recordings, own, order, strict=True):
        other = own[number]
        moved = corrected(other, offset=other.span[0] - kept.span[0])
        mispaired.append(recording.replaced(**{stream: moved}))
    return mispaired


def _named(recording, stream):
    if stream not in recording.streams:
        raise ValueError(
            "`stream` must name a stream of the recording. "
            f"Received: {stream!r}. Choose from {sorted(recording.streams)}."
        )
    return recording.streams[stream]
