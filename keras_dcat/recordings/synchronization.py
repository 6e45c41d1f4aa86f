"""How much two clocks differ, found by what both sensors saw or heard."""

import warnings

import numpy as np

from keras_dcat.real_numbers import is_number, is_positive
from keras_dcat.recordings.certainty import uncertainties
from keras_dcat.recordings.clock_estimate import BELIEVED, ClockEstimate
from keras_dcat.recordings.clocks import corrected
from keras_dcat.recordings.levels import contrasted, levels
from keras_dcat.recordings.matching import FAR, best_match
from keras_dcat.recordings.stream import Stream, require_rising

_CONTRASTS = 4.0, 0.6  # seconds that a level stands out from: first, to refine


def estimate_offset(
    reference: Stream,
    stream: Stream,
    *,
    max_offset: float = 5.0,
    max_drift: float = 1e-3,
    rate: float = 50.0,
) -> ClockEstimate:
    """Estimates the offset and drift of a stream from movement or sound in both.

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
    check_options(max_offset, max_drift, rate)
    estimate = estimated(reference, stream, max_offset, max_drift, rate)
    if not estimate.is_believed:
        warnings.warn(
            f"An offset is to be believed from a confidence of {BELIEVED} on. "
            f"Received: {estimate.confidence:.2f} for an offset of "
            f"{estimate.offset:+.3f} s. "
            "Use a longer recording, or a movement that does not repeat: a clap.",
            stacklevel=2,
        )
    return estimate


def estimated(reference, stream, max_offset, max_drift, rate) -> ClockEstimate:
    """The estimate, without a warning."""
    shared = shared_seconds(reference, stream)
    if not shared >= max_offset + 1:
        raise ValueError(
            "Streams must overlap for at least a second more than `max_offset`. "
            f"Received: {shared:.2f} s for max_offset={max_offset} s. "
            "Give a smaller one, or set the clock roughly: corrected(stream, offset)."
        )
    begins, ends = zip(reference.span, stream.span, strict=True)
    reach = max(max_offset, min(5.0, shared - 1))  # where a match must stand out
    within = max(begins) - reach - 1, min(ends) + reach + 1
    own, other = levels(reference, rate, within), levels(stream, rate, within)
    both = [contrasted(each, _CONTRASTS[0], whole=True) for each in (own, other)]
    late, drift, confidence = best_match(both[0], both[1], reach, max_offset, max_drift)
    offset = _at_first(stream, late, drift)
    own = contrasted(own, _CONTRASTS[1])
    for _ in range(2):  # where clocks nearly agree, fast changes can be compared
        nearly = corrected(stream, offset, drift)
        other = contrasted(levels(nearly, rate, within), _CONTRASTS[1])
        late, gained, _ = best_match(own, other, FAR, 0.1, max_drift / 5)
        offset += _at_first(nearly, late, gained)
        drift = (1 + drift) * (1 + gained) - 1
    at_middle, of_drift, middle = uncertainties(own, other, late, gained)
    middle -= nearly.span[0]
    of_drift = min(of_drift, max_drift) if drift else max_drift
    return ClockEstimate(
        offset=offset,
        drift=drift,
        confidence=confidence,
        uncertainty=float(np.hypot(at_middle, middle * of_drift)),
        drift_uncertainty=of_drift,
        middle=middle,
    )


def shared_seconds(reference, stream) -> float:
    """How long two streams last at the same time."""
    both = require_rising(reference), require_rising(stream)
    begins, ends = zip(*(each.span for each in both), strict=True)
    return max(min(ends) - max(begins), 0.0)


def check_options(max_offset, max_drift, rate):
    """Refuses options that cannot be."""
    fits = is_positive(max_offset) and is_positive(rate) and is_number(max_drift)
    if not fits or not 0 <= max_drift <= 0.02:
        raise ValueError(
            "`max_offset` and `rate` must be positive, `max_drift` from 0 to 0.02. "
            f"Received: {max_offset=}, {max_drift=}, {rate=}. "
            "Give seconds, seconds per second (200 ppm is 2e-4), and Hz."
        )


def _at_first(stream, late, drift):
    """How late a stream is at its first sample, given how late it is at time 0."""
    shown = stream.span[0]
    return shown - (shown - late) / (1 + drift)
