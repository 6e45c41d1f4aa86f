"""Values between samples whose times are uneven."""

import numpy as np

CONTEXT = 6  # samples that count before, and behind, the two around a moment
_LONG = 2.5  # times a step beside it: a step that a straight line bridges
_UNEVEN = 0.25  # of a step: samples that are no further from even ones are nearly even


def interpolated(
    values: np.ndarray, times: np.ndarray, moments: np.ndarray
) -> np.ndarray:
    """Values at moments between times that rise; held at both ends.

    Where the twelve samples around a moment are nearly even, as those of a clock are,
    each is moved along its slope to its even place, and a windowed sinc tells what is
    between them: up to half of what their rate can show is right to 0.1 %. Elsewhere a
    cubic curve goes through the two on either side, with the slopes of parabolas. A
    step that is much longer than one beside it is bridged by a straight line, so that
    no curve swings in a gap, or between packets.

    Args:
        values: float array `(time, …)`.
        times: float64 array `(time,)` that rises, in seconds.
        moments: float64 array `(moments,)`, in seconds.

    Returns:
        array `(moments, …)` of the type of the values.

    Example:

    >>> squares = np.arange(5.0)[:, None] ** 2
    >>> interpolated(squares, np.arange(5.0), np.array([1.5, 2.25]))[:, 0].tolist()
    [2.25, 5.0625]
    """
    last = len(times) - 1
    if not last:
        return np.repeat(values, len(moments), axis=0)
    at = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, last - 1)
    weights = _cubic(times, moments, at)
    inner = np.flatnonzero((at >= CONTEXT) & (at + 1 + CONTEXT <= last))
    if len(inner):
        even, chosen = _even(times, moments[inner], at[inner])
        weights[:, inner[chosen]] = even
    weights = weights.astype(values.dtype)
    shape = (-1, *[1] * (values.ndim - 1))
    found = np.zeros((len(moments), *values.shape[1:]), values.dtype)
    for place, weight in zip(range(-CONTEXT, CONTEXT + 2), weights, strict=True):
        if weight.any():
            found += weight.reshape(shape) * values[np.clip(at + place, 0, last)]
    return found


def _cubic(times, moments, at):
    """What samples count `(2 CONTEXT + 2, moments)`, on cubic curves of Hermite."""
    steps = np.diff(times)
    last = len(steps) - 1
    before, own, behind = steps[np.clip(at + np.array([[-1], [0], [1]]), 0, last)]
    share = np.clip((moments - times[at]) / own, 0.0, 1.0)
    rest = 1 - share
    first, second = (1 + 2 * share) * rest**2, share**2 * (3 - 2 * share)
    slopes = share * rest**2, -(share**2) * rest
    is_long = own > _LONG * np.minimum(before, behind)
    # Both slopes, times the own step, in terms of what values change by step.
    outer, inner = [], []
    for other, at_end in ((before, at == 0), (behind, at == last)):
        straight = is_long | at_end
        outer.append(np.where(straight, 0.0, own**2 / (other * (other + own))))
        inner.append(np.where(straight, 1.0, other / (other + own)))
    across = slopes[0] * inner[0] + slopes[1] * inner[1]
    weights = np.zeros((2 * CONTEXT + 2, len(moments)))
    weights[CONTEXT - 1] = -slopes[0] * outer[0]
    weights[CONTEXT] = first + slopes[0] * outer[0] - across
    weights[CONTEXT + 1] = second + across - slopes[1] * outer[1]
    weights[CONTEXT + 2] = slopes[1] * outer[1]
    return weights


def _even(times, moments, at):
    """What samples that are nearly even count, and for which moments they are."""
    places = np.arange(-CONTEXT, CONTEXT)[:, None] + 0.5
    # Since 1970, a sum of times would be rounded to microseconds.
    nodes = times[at + np.arange(-CONTEXT, CONTEXT + 2)[:, None]] - times[at]
    moments = moments - times[at]
    centre = nodes[1:-1].mean(axis=0)
    nodes -= centre
    step = (nodes[1:-1] * places).sum(axis=0) / np.square(places).sum()
    off = nodes[1:-1] - step * places  # of the line through them
    chosen = np.maximum(off.max(axis=0), -off.min(axis=0)) <= _UNEVEN * step
    if not chosen.all():
        nodes, off, step = nodes[:, chosen], off[:, chosen], step[chosen]
        moments, centre = moments[chosen], centre[chosen]
    counts = _sinc((moments - centre) / step, places)
    weights = np.zeros_like(nodes)
    weights[1:-1] = counts
    # To its even place each moves along the slope of the parabola through it.
    counts *= off
    before, behind = np.diff(nodes[:-1], axis=0), np.diff(nodes[1:], axis=0)
    counts /= before + behind
    falls, rises = counts * behind / before, counts * before / behind
    weights[:-2] += falls
    weights[1:-1] += rises
    weights[1:-1] -= falls
    weights[2:] -= rises
    return weights, chosen


def _sinc(moment, places):
    """A sinc in a window of Blackman `(places, moments)`, in samples; its sum is 1."""
    away = moment - places
    # sin(π (m - p)) for places that are a whole number apart: but for the sign, one.
    sine = np.sin(np.pi * (moment - places[0]))
    signs = np.where(np.arange(len(places)) % 2, -1.0, 1.0)[:, None]
    at_it = away == 0
    counts = signs * sine / np.where(at_it, 1.0, np.pi * away)
    counts[at_it] = 1.0
    turn = np.pi / CONTEXT
    cosine = np.cos(turn * moment) * np.cos(turn * places)
    cosine += np.sin(turn * moment) * np.sin(turn * places)
    # 0.42 + 0.5 cos + 0.08 cos of twice the angle
    counts *= 0.34 + cosine * (0.5 + 0.16 * cosine)
    counts /= counts.sum(axis=0)
    return counts
