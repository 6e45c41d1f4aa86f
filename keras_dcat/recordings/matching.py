"""The offset and the drift at which two courses of energy match best."""

import numpy as np

_MEAN_LEAD = 0.95  # of the best over the next match of unrelated streams, measured
_SEGMENT = 10.0  # seconds that are compared at once; a drift hardly shows in them
_MOST_SEGMENTS = 720  # of longer recordings this many are compared, evenly chosen
_MIN_SEGMENTS = 6  # of shorter ones the drift cannot be told
FAR = 0.25  # seconds between two matches that are not the same one


def best_match(own, other, reach, max_offset, max_drift):
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
    others = profile[is_peak & (distance > FAR)]
    rest = found[:, distance > 2 * FAR]
    if not rest.size:
        return 0.0
    lead = max(profile[best] - others.max(initial=0.0), 0.0)
    return float(1 - np.exp(-lead / (_MEAN_LEAD * np.sqrt(np.mean(rest**2)) + 1e-12)))
