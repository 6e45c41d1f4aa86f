"""How strongly a sensor is moved, or hears something, at every moment."""

import dataclasses

import numpy as np

from keras_dcat.recordings.clocks import find_gaps
from keras_dcat.recordings.stream import Stream

_SMOOTHING = 0.05  # seconds before and after that an energy is the mean of
_QUIET = 1e-3  # share of the mean energy; below it a sensor shows its own noise
_READ = 60.0  # seconds of values that are in memory at once
_MOST_PARTS = 8  # groups of channels whose energies are told apart


def levels(stream, rate, within):
    """Logarithm of the energy of what moves, evenly spaced; NaN in gaps.

    The first column `(time, 1 + parts)` is that of all channels, the others are of a
    part of them each.
    """
    begin, end = np.clip(stream.span, *within)
    grid = np.arange(begin, end, 1 / rate)
    times = np.array_split(grid, int(len(grid) / rate / _READ) + 1)
    step = stream.step  # a median over all timestamps
    energies = np.concatenate([_energies(stream, each, step) for each in times])
    scale = energies.mean(axis=0)  # channels may differ in their units
    if not scale.any():
        raise ValueError(
            "Some values of both streams must change. "
            f"Received: {len(stream)} samples that do not. "
            "Leave out a sensor that failed."
        )
    energies = energies[:, scale > 0] / scale[scale > 0]
    parts = np.array_split(energies, min(energies.shape[1], _MOST_PARTS), axis=1)
    columns = [np.mean(each, axis=1) for each in (energies, *parts)]
    found = np.log(np.stack(columns, axis=1) + _QUIET)
    for before, after in find_gaps(stream, max(5 * step, 0.25)):
        found[(grid > before) & (grid < after)] = np.nan
    return Stream(found, rate, begin)


def _energies(stream, grid, step):
    """Mean square of what moves around each time `(time, channels)`."""
    times, values = _between(stream, grid[0] - 1, grid[-1] + 1)
    if not np.isfinite(values).all():
        raise ValueError(
            "The values of both streams must be finite. "
            f"Received: {np.isfinite(values).sum()} of {values.size} that are, from "
            f"{times[0]:.2f} to {times[-1]:.2f} s. Leave out a channel that failed."
        )
    values = (values - values[:1]).reshape(len(times), -1, values.shape[-1])
    half = max(1, round(0.5 / step))  # what is slower than a second is posture
    energy = np.mean((values - moving_mean(values, half, "edge")) ** 2, axis=1)
    middles = (times[1:] + times[:-1]) / 2  # a sample stands for the time around it
    # The last one lasts for a whole step: `grid` goes on as long as the stream does.
    edges = np.concatenate([times[:1] - step / 2, middles, times[-1:] + step])
    sums = np.cumsum(energy * np.diff(edges)[:, None], axis=0)
    around = np.clip(grid + [[-_SMOOTHING], [_SMOOTHING]], edges[0], edges[-1])
    means = [
        np.diff(np.interp(around, edges, np.append(0.0, channel)), axis=0)[0]
        for channel in sums.T
    ]
    return np.stack(means, axis=1) / np.diff(around, axis=0).T


def _between(stream, begin, end):
    """Times and values of the samples from one time to another."""
    if stream.rate is None:
        first, last = np.searchsorted(stream.timestamps, [begin, end]) + [-1, 1]
        first = max(first, 0)  # one more on each side: in a gap there is none
        times = stream.timestamps[first:last]
    else:
        span = np.ceil((np.array([begin, end]) - stream.start) * stream.rate)
        first, last = np.clip(span, 0, len(stream)).astype(int)
        times = stream.start + np.arange(first, last) / stream.rate
    return times, np.asarray(stream.values[first:last], "float64")


def moving_mean(values, half, mode):
    """Mean of `2 · half + 1` samples around each, with ends as `np.pad` makes them."""
    ends = [(half + 1, half)] + [(0, 0)] * (values.ndim - 1)
    sums = np.cumsum(np.pad(values, ends, mode=mode), axis=0)
    return (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)


def contrasted(levels, seconds, *, whole=False):
    """Levels less their mean around; what stays the same tells nothing.

    If it is `whole`, only that of all channels together.
    """
    half = int(seconds * levels.rate / 2)
    values = levels.values[:, :1] if whole else levels.values
    is_known = np.isfinite(values)
    means = moving_mean(np.where(is_known, values, 0.0), half, "constant")
    shares = moving_mean(is_known.astype("float64"), half, "constant")
    return dataclasses.replace(levels, values=values - means / np.maximum(shares, 1e-9))
