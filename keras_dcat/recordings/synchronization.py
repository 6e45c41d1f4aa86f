"""How much two clocks differ, found by what both sensors saw or heard."""

import dataclasses
import warnings

import numpy as np

from keras_dcat.recordings.clocks import corrected, find_gaps
from keras_dcat.recordings.stream import Stream, require_rising
from keras_dcat.shown import shown_as_printed

_BELIEVED = 0.95  # an estimate of less confidence comes with a warning
_MEAN_LEAD = 0.95  # of the best over the next match of unrelated streams, measured
_SEGMENT = 10.0  # seconds that are compared at once; a drift hardly shows in them
_MOST_SEGMENTS = 720  # of longer recordings this many are compared, evenly chosen
_MIN_SEGMENTS = 6  # of shorter ones the drift cannot be told
_FAR = 0.25  # seconds between two matches that are not the same one
_CONTRASTS = 4.0, 0.6  # seconds that a level stands out from: first, to refine
_SMOOTHING = 0.05  # seconds before and after that an energy is the mean of
_QUIET = 1e-3  # share of the mean energy; below it a sensor shows its own noise
_READ = 60.0  # seconds of values that are in memory at once


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class ClockEstimate:
    """How a stream's clock differs from a reference; `corrected` takes it away.

    Attributes:
        offset: float. Seconds that the stream is late at its first sample.
        drift: float. Seconds that its clock gains in a second; 0 where the streams
            share less than a minute, in which it cannot be told.
        confidence: float in [0, 1]. The share of unrelated streams that would match
            less clearly.
    """

    offset: float
    drift: float
    confidence: float

    def __str__(self) -> str:
        return (
            f"<ClockEstimate {self.offset:+.3f} s late, gains {1e6 * self.drift:+.0f} "
            f"ppm, confidence {self.confidence:.2f}>"
        )


def estimate_offset(
    reference: Stream,
    stream: Stream,
    *,
    max_offset: float = 5.0,
    max_drift: float = 1e-3,
    rate: float = 50.0,
) -> ClockEstimate:
    """Finds how late a stream is by what moves, or sounds, in both.

    Compared is the logarithm of the energy of what changes within a second, over all
    channels. Segments of ten seconds are correlated at every lag; offset and drift
    are those at which all segments together match best, refined on what changes
    faster. Confidence comes from the lead of the best match over the next one:
    movements that repeat, such as steps, earn less of it.

    Args:
        reference: `Stream` whose clock is right.
        stream: `Stream` of another sensor at the same time.
        max_offset: float. The largest offset to look for, in seconds.
        max_drift: float from 0 to 0.02. The largest drift to look for. Quartz keeps
            below 1e-4; a sensor whose rate is not what its maker says needs more.
        rate: float. Energies are compared at this rate, in Hz.

    Returns:
        `ClockEstimate`. Below a confidence of 0.95 it comes with a `UserWarning`.

    Raises:
        ValueError: if options, timestamps or values are broken, or the overlap short.

    Example:

    >>> motion = np.random.default_rng(0).normal(size=(6000, 3)).cumsum(axis=0)
    >>> camera, watch = Stream(motion, 50.0), Stream(motion, 50.0, start=0.7)
    >>> estimate = estimate_offset(camera, watch)
    >>> round(estimate.offset, 2), estimate.confidence > 0.95
    (0.7, True)
    """
    _check_options(max_offset, max_drift, rate)
    both = require_rising(reference), require_rising(stream)
    begins, ends = zip(*(each.span for each in both), strict=True)
    shared = min(ends) - max(begins)
    if not shared >= max_offset + 1:
        raise ValueError(
            "Streams must overlap for at least a second more than `max_offset`. "
            f"Received: {max(shared, 0.0):.2f} s for max_offset={max_offset} s. "
            "Give a smaller one, or set the clock roughly: corrected(stream, offset)."
        )
    reach = max(max_offset, min(5.0, shared - 1))  # where a match must stand out
    within = max(begins) - reach - 1, min(ends) + reach + 1
    own, other = _levels(reference, rate, within), _levels(stream, rate, within)
    contrasted = [_contrasted(levels, _CONTRASTS[0]) for levels in (own, other)]
    late, drift, confidence = _best_match(*contrasted, reach, max_offset, max_drift)
    offset = _at_first(stream, late, drift)
    own = _contrasted(own, _CONTRASTS[1])
    for _ in range(2):  # where clocks nearly agree, fast changes can be compared
        nearly = corrected(stream, offset, drift)
        other = _contrasted(_levels(nearly, rate, within), _CONTRASTS[1])
        late, gained, _ = _best_match(own, other, _FAR, 0.1, max_drift / 5)
        offset += _at_first(nearly, late, gained)
        drift = (1 + drift) * (1 + gained) - 1
    if confidence < _BELIEVED:
        warnings.warn(
            f"An offset is to be believed from a confidence of {_BELIEVED} on. "
            f"Received: {confidence:.2f} for an offset of {offset:+.3f} s. "
            "Use a longer recording, or a movement that does not repeat: a clap.",
            stacklevel=2,
        )
    return ClockEstimate(offset, drift, confidence)


def _check_options(max_offset, max_drift, rate):
    if not (0 < max_offset < np.inf and 0 <= max_drift <= 0.02 and 0 < rate < np.inf):
        raise ValueError(
            "`max_offset` and `rate` must be positive, `max_drift` from 0 to 0.02. "
            f"Received: {max_offset=}, {max_drift=}, {rate=}. "
            "Give seconds, seconds per second (200 ppm is 2e-4), and Hz."
        )


def _levels(stream, rate, within):
    """Logarithm of the energy of what moves, evenly spaced; NaN in gaps."""
    begin, end = np.clip(stream.span, *within)
    grid = np.arange(begin, end, 1 / rate)
    parts = np.array_split(grid, int(len(grid) / rate / _READ) + 1)
    step = stream.step  # a median over all timestamps
    energies = np.concatenate([_energies(stream, part, step) for part in parts])
    scale = energies.mean(axis=0)  # channels may differ in their units
    if not scale.any():
        raise ValueError(
            "Some values of both streams must change. "
            f"Received: {len(stream)} samples that do not. "
            "Leave out a sensor that failed."
        )
    levels = np.log(np.mean(energies[:, scale > 0] / scale[scale > 0], axis=1) + _QUIET)
    for before, after in find_gaps(stream, max(5 * step, 0.25)):
        levels[(grid > before) & (grid < after)] = np.nan
    return Stream(levels[:, None], rate, begin)


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
    energy = np.mean((values - _moving_mean(values, half, "edge")) ** 2, axis=1)
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


def _moving_mean(values, half, mode):
    """Mean of `2 · half + 1` samples around each, with ends as `np.pad` makes them."""
    ends = [(half + 1, half)] + [(0, 0)] * (values.ndim - 1)
    sums = np.cumsum(np.pad(values, ends, mode=mode), axis=0)
    return (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)


def _contrasted(levels, seconds):
    """Levels less their mean around; what stays the same tells nothing."""
    values, half = levels.values, int(seconds * levels.rate / 2)
    is_known = np.isfinite(values)
    means = _moving_mean(np.where(is_known, values, 0.0), half, "constant")
    shares = _moving_mean(is_known.astype("float64"), half, "constant")
    return dataclasses.replace(levels, values=values - means / np.maximum(shares, 1e-9))


def _best_match(own, other, reach, max_offset, max_drift):
    """How late `other` is as `(seconds at time 0, drift)`, and the confidence."""
    scores, centres = _scores(own, other, reach)
    rate, half, middle = own.rate, scores.shape[1] // 2, centres.mean()
    max_drift = max_drift if len(centres) >= _MIN_SEGMENTS else 0.0

    def totals(lags, drifts):
        """Mean score `(drifts, lags)` of segments whose lags are on a line."""
        since = (centres - middle)[:, None] * rate
        return np.stack([_interpolated(scores, lags + d * since) for d in drifts])

    count = int(np.ceil(np.ptp(centres) * max_drift / 0.1))  # matches are 0.1 s wide
    lags = np.arange(-half, half + 1.0)
    drifts = np.linspace(-max_drift, max_drift, 2 * count + 1)
    found = totals(lags, drifts)
    is_near = np.abs(lags) <= max_offset * rate + 1e-9
    row, best = divmod(int(np.argmax(np.where(is_near, found, -np.inf))), len(lags))
    confidence = _confidence(found.max(axis=0), found, best, rate)

    lag, drift, width = lags[best], drifts[row], 1.0
    while width > 0.001:  # ever finer around the best
        near = width * np.linspace(-1, 1, 15)
        lags = np.clip(lag + 0.1 * rate * near, -max_offset * rate, max_offset * rate)
        drifts = np.clip(
            drift + max_drift / max(count, 1) * near, -max_drift, max_drift
        )
        found = totals(lags, np.unique(drifts))
        row, best = np.unravel_index(found.argmax(), found.shape)
        lag, drift, width = lags[best], np.unique(drifts)[row], width / 3
    return float(lag / rate - drift * middle), float(drift), confidence


def _at_first(stream, late, drift):
    """How late a stream is at its first sample, given how late it is at time 0."""
    shown = stream.span[0]
    return shown - (shown - late) / (1 + drift)


def _scores(own, other, reach):
    """How well segments match at every lag `(segments, lags)`, and their centres."""
    begin, end = max(own.start, other.start), min(own.span[1], other.span[1])
    count = max(1, int((end - begin) / _SEGMENT))
    borders = np.linspace(begin, end, count + 1)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SEGMENTS)).round())
    lags, rate, matches = int(np.ceil(reach * own.rate)), own.rate, []
    for first in borders[chosen.astype(int)]:
        times = (
            first + np.arange(-lags, int((end - begin) / count * rate) + lags) / rate
        )
        part = np.interp(times[lags : len(times) - lags], own.times, own.values[:, 0])
        whole = np.interp(times, other.times, other.values[:, 0], np.nan, np.nan)
        matches.append(_correlations(part, whole))
    correlations, shared = np.swapaxes(matches, 0, 1)
    centres = borders[chosen.astype(int)] + (end - begin) / count / 2
    return correlations * np.sqrt(shared / shared.max()), centres


def _correlations(part, whole):
    """Correlation at every lag, and of how many levels: NaN is left out."""
    spectra = []
    for levels in (part, whole):
        powers = np.nan_to_num([np.isfinite(levels), levels, levels**2])
        spectra.append(np.fft.rfft(powers, len(whole)))
    products = np.conj(spectra[0])[:, None] * spectra[1]
    sums = np.fft.irfft(products, len(whole))[..., : len(whole) - len(part) + 1]
    count = np.maximum(sums[0, 0], 1.0)
    both = sums[1, 1] - sums[1, 0] * sums[0, 1] / count
    own = np.maximum(sums[2, 0] - sums[1, 0] ** 2 / count, 1e-6)
    other = np.maximum(sums[0, 2] - sums[0, 1] ** 2 / count, 1e-6)
    return both / np.sqrt(own * other), count


def _interpolated(scores, lags):
    """Mean score of the segments at a lag each `(segments, lags)`; 0 beyond them."""
    positions = lags + scores.shape[1] // 2
    nearest = np.clip(np.rint(positions).astype(int), 1, scores.shape[1] - 2)
    before, at, after = (
        np.take_along_axis(scores, nearest + step, axis=1) for step in (-1, 0, 1)
    )
    away = positions - nearest  # a parabola through three scores
    values = at + away * (after - before) / 2 + away**2 * (after - 2 * at + before) / 2
    return np.where(np.abs(away) <= 1, values, 0.0).mean(axis=0)


def _confidence(profile, found, best, rate):
    """The share of unrelated streams whose best match leads by less.

    The lead of the largest of many independent normal numbers over the next is
    exponentially distributed, in proportion to their spread.
    """
    distance = np.abs(np.arange(len(profile)) - best) / rate
    rises = np.diff(profile, prepend=-np.inf) > 0
    is_peak = rises & (np.diff(profile, append=-np.inf) <= 0)
    others = profile[is_peak & (distance > _FAR)]
    rest = found[:, distance > 2 * _FAR]
    if not rest.size:
        return 0.0
    lead = max(profile[best] - others.max(initial=0.0), 0.0)
    return float(1 - np.exp(-lead / (_MEAN_LEAD * np.sqrt(np.mean(rest**2)) + 1e-12)))
