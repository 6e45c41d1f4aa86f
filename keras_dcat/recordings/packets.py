"""Samples that share a time: repeats are found, packets spread."""

from typing import Any

import numpy as np

ANCHORS = ("end", "start", "centre")
_READ = 1 << 25  # bytes of values that are in memory at once
_NEARLY = 0.2  # of a step; samples that are nearer belong to one packet
_GAP = 1.75  # steps a sample; a packet that is further from the next is after a gap
_BURST = 1e-3  # seconds; samples that are nearer came in one packet, if most did


def fingerprints(values, rows: np.ndarray) -> np.ndarray:
    """A number for each of the rows, in rising order, that equal rows share."""
    shape, dtype = np.shape(values), np.dtype(values.dtype)
    size = max(1, int(np.prod(shape[1:])) * dtype.itemsize)
    block = max(1, _READ // size)
    prints = np.empty(len(rows), "uint64")
    begin = 0
    while begin < len(rows):
        end = np.searchsorted(rows, rows[begin] + block)
        if not isinstance(values, np.ndarray):  # no more is read than is near
            wide = np.flatnonzero(np.diff(rows[begin:end]) > 64)
            end = begin + wide[0] + 1 if len(wide) else end
        first = rows[begin]
        part = np.asarray(values[first : rows[end - 1] + 1])[rows[begin:end] - first]
        prints[begin:end] = _hashed(part.reshape(len(part), -1))
        begin = end
    return prints


def _hashed(rows):
    if rows.dtype.kind == "f":
        rows = np.where(np.isnan(rows), np.nan, rows) + 0.0  # one NaN, and no -0.0
    octets = np.ascontiguousarray(rows).view("uint8").reshape(len(rows), -1)
    octets = np.pad(octets, ((0, 0), (0, -octets.shape[1] % 8)))
    words = octets.view("uint64")
    keys = np.random.default_rng(0).integers(1 << 63, size=words.shape[1]) * 2 + 1
    words = words ^ keys.astype("uint64")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    return (words ^ (words >> np.uint64(31))).sum(axis=1, dtype="uint64")


def find_repeats(values, rows, times, packets) -> tuple[np.ndarray, str | None]:
    """Which rows, in order of their times, are to go, and what packets are left.

    Packets are told of, as part of a sentence, unless `packets` says what to do.
    """
    is_gone = np.zeros(len(rows), bool)
    same = np.diff(times) == 0
    if not same.any():
        return is_gone, None
    if packets == "first":
        is_gone[1:] = same
        return is_gone, None
    starts = np.flatnonzero(np.append(True, ~same))
    counts = np.diff(np.append(starts, len(rows)))
    group = np.repeat(np.arange(len(starts)), counts)
    shared = np.flatnonzero(counts[group] > 1)
    ascending = np.argsort(rows[shared], kind="stable")
    prints = np.zeros(len(rows), "uint64")
    prints[shared[ascending]] = fingerprints(values, rows[shared][ascending])
    # Rows that are equal in all, the first of them first.
    alike = shared[np.lexsort((shared, prints[shared], group[shared]))]
    again = np.zeros(len(rows), bool)
    again[alike[1:]] = (prints[alike[1:]] == prints[alike[:-1]]) & (
        group[alike[1:]] == group[alike[:-1]]
    )
    if packets in ANCHORS:
        usual = int(np.median(counts))
        for number in np.unique(group[again]):
            first, count = starts[number], counts[number]
            kept = _written_once(prints[first : first + count], usual)
            is_gone[first + kept : first + count] = True
        return is_gone, None
    different = np.bincount(group[~again], minlength=len(starts))
    are_copies = different * (counts // np.maximum(different, 1)) == counts
    is_packet = (different > 2) | (different == 2) & (counts > 3) & ~are_copies
    if is_packet.any():
        most = np.flatnonzero(is_packet)[np.argmax(counts[is_packet])]
        return again, (
            f"{counts[is_packet].sum()} samples of {len(rows)} in "
            f"{is_packet.sum()} packets, such as {counts[most]} at "
            f"{float(times[starts[most]])!r} s"
        )
    return again, None


def _written_once(prints, usual):
    """How many samples of a packet are no repetition of it as a whole."""
    for size in range(1, len(prints) // 2 + 1):
        is_repeated = (
            len(prints) % size == 0
            and (prints.reshape(-1, size) == prints[:size]).all()
        )
        if is_repeated and (size >= usual or len(np.unique(prints[:size])) > 2):
            return size
    return len(prints)


def come_in_bursts(times: np.ndarray) -> bool:
    """Whether most rising times follow each other within no time to speak of."""
    steps = np.diff(times)
    steps = steps[steps > 0]
    median = np.median(steps) if len(steps) > 3 else np.inf
    pauses = steps[steps > max(10 * median, 1e-6)]
    if not median < _BURST or 500 * len(pauses) < len(steps):
        return False
    usual = np.median(pauses)
    within = steps[steps <= 10 * median].sum()
    return bool(within < 0.1 * usual * len(pauses) and usual < 10.0)


def usual_step(times: np.ndarray, packets: str = "end") -> float:
    """Seconds a sample of rising times, of which many may be the same.

    Packets do not show the sensor's rate from one sample to the next: the median is
    taken over as many samples as it needs to come out the same for twice as many.
    """
    steps = np.diff(times)
    if come_in_bursts(times):
        steps = np.where(steps < _BURST, 0.0, steps)
    if not steps.any():
        return 0.0
    shown, size, found = np.append(0.0, np.cumsum(steps)), 1, 0.0
    while not found and 2 * size <= len(steps):
        one, two = (np.median(shown[k:] - shown[:-k]) / k for k in (size, 2 * size))
        if one > 0 and 0.7 < two / one < 1.4:
            found = one
        size *= 2
    found = found or float(np.mean(steps))
    starts = np.flatnonzero(np.append(True, steps > _NEARLY * found))
    lasts = np.append(starts[1:], len(times)) - 1
    counts = lasts - starts + 1
    between = np.diff(times[starts if packets == "start" else lasts])
    if not len(between):
        return float(found)
    # As many samples as came in the meantime, by what a packet's time is that of.
    shares = {"start": counts[:-1], "end": counts[1:]}
    samples = shares.get(packets, (counts[:-1] + counts[1:]) / 2)
    each = between / samples
    is_near = each < _GAP * np.median(each)
    return float(between[is_near].sum() / samples[is_near].sum())


def spread(times: np.ndarray, packets: str) -> tuple[np.ndarray, int]:
    """Rising times of their own for samples that share one, and how many they are."""
    if not len(times):
        return times, 0
    is_packet = packets in ANCHORS
    if not is_packet and (np.diff(times) > 0).all():
        return times, 0
    step = usual_step(times, packets)
    nearly = _NEARLY * step if is_packet else 0.0
    starts = np.flatnonzero(np.append(True, np.diff(times) > nearly))
    counts = np.diff(np.append(starts, len(times)))
    if (counts == 1).all():
        return times, 0
    if not step:
        raise ValueError(
            "Samples can be given times of their own if there is more than one time. "
            f"Received: {len(times)} samples at {float(times[0])!r} s. "
            "Give the sensor's rate: Stream(values, rate=…, start=…)."
        )
    firsts, lasts = times[starts], times[starts + counts - 1]
    anchors = {"end": lasts, "start": firsts}.get(packets, (firsts + lasts) / 2)
    between, near = np.diff(anchors), _GAP * step
    if packets == "end":
        each = np.append(step, between / counts[1:])
    elif packets == "start":
        each = np.append(between / counts[:-1], step)
    else:
        each = 2 * between / (counts[:-1] + counts[1:])
        each = np.where(each > near, np.inf, each)
        each = np.minimum(np.append(np.inf, each), np.append(each, np.inf))
    each = np.where(each > near, step, each)
    place = np.arange(len(times)) - np.repeat(starts, counts)
    counts_each = np.repeat(counts, counts)
    origin: Any = {"end": counts_each - 1, "start": 0}.get(
        packets, (counts_each - 1) / 2
    )
    even = np.repeat(anchors, counts) + (place - origin) * np.repeat(each, counts)
    even = np.where(counts_each > 1, even, times)
    if not (np.diff(even) > 0).all():
        raise ValueError(
            "Times must be fine enough for samples between them. "
            f"Received: samples {step:.3g} s apart at {float(times[-1]):.6g} s. "
            "Let times begin near 0: Stream(values, timestamps=times - times[0])."
        )
    return even, int(counts[counts > 1].sum())
