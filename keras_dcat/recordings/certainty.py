"""How far an offset may be wrong, told from how its parts disagree."""

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
    shared, theirs_shared = mine[:, 0], theirs[:, 0]
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
    pairs = [(column, theirs[:, 0]) for column in mine.T[1:] if mine.shape[1] > 2]
    pairs += [(mine[:, 0], column) for column in theirs.T[1:] if theirs.shape[1] > 2]
    reach = min(int(_REACH * rate), len(mine) // 4)
    if not pairs or reach < 1:
        return None
    lags = np.arange(-reach, reach + 1)
    places, weights = [], []
    for one, two in pairs:
        inside = one[reach : len(one) - reach]
        found = np.array(
            [inside @ two[reach + lag : len(two) - reach + lag] for lag in lags]
        )
        best = int(np.clip(found.argmax(), 1, len(lags) - 2))
        before, at, after = found[best - 1 : best + 2]
        bend = 2 * at - before - after
        away = np.clip((after - before) / (2 * bend), -1, 1) if bend > 0 else 0.0
        places.append((lags[best] + away) / rate)
        weights.append(max(at, 0.0) ** 2 / (one @ one * (two @ two) + 1e-12))
    if not sum(weights):
        return _REACH
    mean = np.average(places, weights=weights)
    return float(np.sqrt(np.average((places - mean) ** 2, weights=weights)))
