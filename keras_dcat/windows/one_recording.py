"""The windows of one recording, and why there are no more."""

import dataclasses
from typing import NamedTuple

import numpy as np

from keras_dcat.recordings import Intervals, Recording
from keras_dcat.recordings.holes import find_holes
from keras_dcat.recordings.intervals import UNLABELLED
from keras_dcat.windows.candidates import strided, whole
from keras_dcat.windows.clips import clip_error, unit_clip
from keras_dcat.windows.even import late_by
from keras_dcat.windows.labels import TINY, UNDECIDED, has_labels, window_labels
from keras_dcat.windows.missing_values import filled_values, missing_shares
from keras_dcat.windows.window_report import nearest_distance


class Cut(NamedTuple):
    """The windows of one recording, and why there are no more.

    Attributes:
        recording: `Recording`, without holes; of clips, by a clock from 0 to 1.
        times: float array `(windows,)`, when each starts, in seconds.
        length: float. Seconds of each that were recorded.
        labels: int array `(windows,)`.
        errors: float array `(windows,)`, of pairing, in seconds.
        filled: int. How many windows had missing values.
        dropped: dict from a reason to int.
    """

    recording: Recording
    times: np.ndarray
    length: float
    labels: np.ndarray
    errors: np.ndarray
    filled: int
    dropped: dict


def cut(recording, label, rates, options) -> Cut:
    """Cuts a recording into windows.

    Args:
        recording: `Recording`.
        label: int or `Intervals`, numbered as in all recordings.
        rates: dict from a stream's name to the rate of its windows in Hz, or of clips
            to their steps.
        options: `Options`.

    Returns:
        `Cut`.

    Raises:
        ValueError: if timestamps do not rise, if a value is infinite, or if windows
            would be far more than samples.
    """
    _check_times(recording)
    if options.clips is None:
        found = strided(
            recording,
            rates,
            options.length,
            options.stride,
            options.short,
            options.max_gap,
        )
    else:
        found = whole(recording.streams, options.clips, options.max_gap)
    times, length, dropped = found
    if options.clips is not None and len(times):
        rates = {name: steps / length for name, steps in rates.items()}
    if len(times):
        recording, missing = _without_holes(recording, times, length, rates)
        is_bad = missing > options.max_missing + 1e-9
        times, missing = _without(is_bad, "missing values", dropped, times, missing)
        times, labels, missing = _labelled(
            label, options, length, dropped, times, missing
        )
    if not len(times):
        nothing = np.zeros(0)
        return Cut(
            recording, nothing, length, nothing.astype("int64"), nothing, 0, dropped
        )
    if options.clips is None:
        errors = _pairing_errors(recording.streams, rates, times, length)
    else:
        errors = np.array(
            [clip_error(recording.streams, times[0], length, options.clips)]
        )
        streams = {
            name: unit_clip(stream, times[0], length)
            for name, stream in recording.streams.items()
        }
        recording = dataclasses.replace(recording, streams=streams)
    filled = int(np.count_nonzero(missing))
    return Cut(recording, times, length, labels, errors, filled, dropped)


def _check_times(recording):
    for name, stream in recording.streams.items():
        if not stream.rises:
            raise ValueError(
                "Timestamps must be finite and rise from sample to sample. "
                f"Received: stream {name!r} of {recording.session!r}. "
                "Mend them first: stream, report = mend(stream)."
            )


def _without_holes(recording, times, length, rates):
    """The recording with all holes filled, and what share of each window they took."""
    mended, missing = {}, np.zeros(len(times))
    for name, stream in recording.streams.items():
        holes = find_holes(stream, f"stream {name!r} of {recording.session!r}")
        if holes is not None:
            shares = missing_shares(stream, holes, times, length, rates[name])
            missing = np.maximum(missing, shares)
            values = filled_values(stream, holes)
            mended[name] = dataclasses.replace(stream, values=values)
    return (recording.replaced(**mended) if mended else recording), missing


def _labelled(label, options, length, dropped, times, missing):
    """Windows whose label is pure enough, or which may do without one."""
    if not isinstance(label, Intervals) and label != UNLABELLED:
        return times, np.full(len(times), int(label)), missing
    labels, pure = window_labels(label, times, length, options.label)
    if has_labels(label):
        reason, is_kept = "between labels", options.between_labels == "keep"
    else:
        reason, is_kept = "unlabelled", options.unlabelled == "keep"
    is_mixed = (pure < options.purity - TINY / length) | (labels == UNDECIDED)
    is_without = (labels == UNLABELLED) & ~is_mixed & (not is_kept)
    is_mixed, *columns = _without(
        is_without, reason, dropped, is_mixed, times, labels, missing
    )
    return _without(is_mixed, "mixed labels", dropped, *columns)


def _without(is_bad, reason, dropped, *columns):
    if not is_bad.any():
        return columns
    dropped[reason] = dropped.get(reason, 0) + int(is_bad.sum())
    return tuple(column[~is_bad] for column in columns)


def _pairing_errors(streams, rates, times, length):
    """How far the samples that stand for one moment are apart, in seconds."""
    if len(streams) < 2:
        return np.zeros(len(times))
    errors = []
    for name, stream in streams.items():
        late = late_by(stream, times, rates[name], length)[:, None] * np.ones(3)
        if stream.timestamps is not None:
            shown = times[:, None] + length * np.array([0.0, 0.5, 1.0]) + late
            shown[:, -1] -= 1 / rates[name]
            late += nearest_distance(stream.timestamps, shown)
        errors.append(late)
    return np.ptp(np.stack(errors), axis=0).max(axis=1)
