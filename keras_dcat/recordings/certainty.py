"""How far an offset may be wrong, by how its parts disagree."""

import numpy as np

_BLOCK = 10.0  # seconds whose movement is taken as one, of its own
_FEWEST = 6  # blocks; they are shorter in short recordings, but not below
_SHORTEST = 2.5
_REACH = 0.4  # seconds around the match in which each part is matched
_UNLIKE = 0.45  # of a width that unlike quantities lie apart, measured; see below


def uncertainties(own, other, late, gained) -> tuple[float, float, float]:
    """Standard errors of an offset, of a drift, and the time the first is that of.

    `own` and `other` are levels that nearly match: what is left of the offset at time
    0 and of the drift is `late` and `gained`. Two things add up. The match of each
    block of ten seconds would pull the offset its own way: their spread is what chance
    does. And quantities that are unlike, such as acceleration and turn rate in a step,
    have their largest energy at different moments, every time: of that the spread over
    the channels tells, each of which has a moment of its own.
    """
    rate = own.rate
    begin, end = max(own.start, other.start), min(own.span[1], other.span[1])
    times = np.arange(begin, end - 1 / rate, 1 / rate)
    middle = (begin + end) / 2
    since = times - middle
    mine = _at(own, times)
    theirs = _at(other, times + late + gained * times)
    shared, theirs_shared = mine[:, 0].copy(), theirs[:, 0].copy()
    slopes = np.gradient(shared) * rate, np.gradient(theirs_shared) * rate
    pulls, bends = shared * slopes[1], slopes[0] * slopes[1]
    steepness = np.sqrt(np.sum(slopes[0] ** 2) * np.sum(slopes[1] ** 2)) + 1e-12
    count = int((end - begin) / _BLOCK)
    count = max(2, count, min(_FEWEST, int((end - begin) / _SHORTEST)))
    block = np.arange(len(times)) * count // len(times)

    def standard_error(weights):
        """That of a least-squares fit whose blocks are independent."""
        own_pulls = np.bincount(block, pulls * weights, count)
        bend = max(np.sum(bends * weights**2), 0.02 * steepness * np.mean(weights**2))
        return np.sqrt(np.sum(own_pulls**2) * count / max(count - 2, 1)) / bend

    match = np.sum(shared * theirs_shared) / np.sqrt(
        np.sum(shared**2) * np.sum(theirs_shared**2) + 1e-12
    )
    width = max(
        np.sqrt(np.sum(levels**2) / (np.sum(slope**2) + 1e-12))
        for levels, slope in ((shared, slopes[0]), (theirs_shared, slopes[1]))
    )
    unlike = width * (1 - max(match, 0.0) ** 2)
    apart = _apart(mine, theirs, rate)
    apart = 2 * unlike if apart is None else np.hypot(apart, _UNLIKE * unlike)
    offset = np.hypot(standard_error(np.ones_like(since)), apart)
    return float(offset), float(standard_error(since)), float(middle)


def _at(levels, times):
    """Levels at these times; 0, which pulls nowhere, in gaps."""
    columns = [np.interp(times, levels.times, column) for column in levels.values.T]
    return np.nan_to_num(np.stack(columns, axis=1))


def _apart(mine, theirs, rate):
    """Standard deviation of where each part matches best, None if there are none."""
    reach = min(int(_REACH * rate), len(mine) // 4)
    courses = []
    if reach >= 1 and mine.shape[1] > 2:
        courses.append(_courses(mine[:, 1:], theirs[:, 0].copy(), reach))
    if reach >= 1 and theirs.shape[1] > 2:
        courses.append(_courses(theirs[:, 1:], mine[:, 0].copy(), reach)[::-1])
    if not courses:
        return None
    found = np.concatenate(courses, axis=1)
    best = np.clip(found.argmax(axis=0), 1, len(found) - 2)
    each = np.arange(found.shape[1])
    before, at, after = (found[best + step, each] for step in (-1, 0, 1))
    bend = 2 * at - before - after  # a parabola through three
    away = np.clip((after - before) / np.maximum(2 * bend, 1e-12), -1, 1)
    places = (best - reach + away) / rate
    weights = np.maximum(at, 0.0) ** 2
    if not weights.any():
        return _REACH
    mean = np.average(places, weights=weights)
    return float(np.sqrt(np.average((places - mean) ** 2, weights=weights)))


def _courses(parts, whole, reach):
    """Correlation of each part with what comes later by a lag `(lags, parts)`."""
    inside = np.ascontiguousarray(parts[reach : len(parts) - reach].T)
    count = inside.shape[1]
    found = [inside @ whole[first : first + count] for first in range(2 * reach + 1)]
    powers = np.sum(parts**2, axis=0) * np.sum(whole**2)
    return np.stack(found) / np.sqrt(powers + 1e-12)
