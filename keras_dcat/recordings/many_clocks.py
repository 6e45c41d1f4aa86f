"""The clocks of a whole set of recordings, and one word about those in doubt."""

import sys
import warnings
from collections.abc import Sequence

import numpy as np

from keras_dcat.recordings.clock_estimate import BELIEVED, ClockEstimate
from keras_dcat.recordings.recording import Recording
from keras_dcat.recordings.synchronization import (
    check_options,
    estimated,
    shared_seconds,
)

_NAMED = 5  # recordings that a warning names


def estimate_offsets(
    recordings: Sequence[Recording],
    reference: str,
    stream: str,
    *,
    max_offset: float = 5.0,
    max_drift: float = 1e-3,
    rate: float = 50.0,
    verbose: int = 1,
) -> list[ClockEstimate]:
    """Estimates the offset of a stream in each of several recordings.

    Each is compared by itself, as by `estimate_offset`. One that is too short for it
    counts as one of which nothing is known: offset 0, confidence 0.

    Args:
        recordings: sequence of `Recording`.
        reference: str. Name of the stream whose clock is right.
        stream: str. Name of another stream.
        max_offset: float. The largest offset to look for, in seconds.
        max_drift: float from 0 to 0.02. The largest drift to look for.
        rate: float. Energies are compared at this rate, in Hz.
        verbose: int. 0 for no progress; it is shown on a terminal only.

    Returns:
        list of `ClockEstimate`, one for each recording. If some are not to be
        believed, one `UserWarning` says how many and which, and what can be done.

    Raises:
        ValueError: if there is no such stream, or if options, timestamps or values are
            broken; it says in which recording.

    Example:

    >>> from keras_dcat.recordings import Stream
    >>> motion = np.random.default_rng(0).normal(size=(6000, 3)).cumsum(axis=0)
    >>> days = [Recording({"camera": Stream(motion, 50.0),
    ...     "watch": Stream(motion, 50.0, start=late)}, 0, "A") for late in (0.7, 0.2)]
    >>> estimates = estimate_offsets(days, "camera", "watch")
    >>> [round(estimate.offset, 2) for estimate in estimates]
    [0.7, 0.2]
    """
    check_options(max_offset, max_drift, rate)
    recordings = list(recordings)
    shows = verbose and sys.stderr.isatty()
    estimates, too_short = [], 0
    for number, recording in enumerate(recordings):
        missing = {reference, stream} - set(recording.streams)
        if missing:
            raise ValueError(
                "Both streams must be in every recording. "
                f"Received: {sorted(recording.streams)} in {_name(recording, number)}. "
                f"Leave out recordings without {sorted(missing)}."
            )
        pair = recording.streams[reference], recording.streams[stream]
        try:
            if shared_seconds(*pair) >= max_offset + 1:
                estimate = estimated(*pair, max_offset, max_drift, rate)
            else:
                too_short += 1
                estimate = ClockEstimate(0.0, 0.0, 0.0, max_offset, max_drift)
        except ValueError as error:
            raise ValueError(f"In {_name(recording, number)}: {error}") from error
        estimates.append(estimate)
        if shows:
            end = "\n" if number + 1 == len(recordings) else ""
            sys.stderr.write(f"\r{number + 1}/{len(recordings)} clocks compared{end}")
    _warn(recordings, stream, estimates, too_short)
    return estimates


def _warn(recordings, stream, estimates, too_short):
    doubted = [
        _name(recording, number)
        for number, recording in enumerate(recordings)
        if not estimates[number].is_believed
    ]
    if not doubted:
        return
    named = ", ".join(doubted[:_NAMED])
    more = f" and {len(doubted) - _NAMED} more" if len(doubted) > _NAMED else ""
    short = f", {too_short} of them too short to be compared" if too_short else ""
    believed = [each.offset for each in estimates if each.is_believed]
    median = (
        f"the median of those that are believed, {np.median(believed):+.3f} s, if one "
        "device was set once for all; "
        if believed
        else ""
    )
    warnings.warn(
        f"Offsets are to be believed from a confidence of {BELIEVED} on. Received: "
        f"{len(doubted)} of {len(estimates)} below ({named}{more}){short}. They "
        "correct nothing. What can be done: join(recordings) of the sessions in which "
        f"a device ran on, and estimate on that; {median}or give an offset that you "
        f'know, corrected(recording.streams["{stream}"], offset=…).',
        stacklevel=3,
    )


def _name(recording, number):
    return repr(recording.session) if recording.session else f"recording {number}"
