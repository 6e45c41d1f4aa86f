"""Repairs timestamps, with a report."""

import typing
from typing import Any

import numpy as np

from keras_dcat.recordings.clock_events import (
    descends,
    describe_event,
    find_events,
    late_limit,
    lone_sample,
    unwrapped,
)
from keras_dcat.recordings.clock_report import ClockReport
from keras_dcat.recordings.odd_times import (
    FAR,
    describe_far,
    far_samples,
    likely_unit,
)
from keras_dcat.recordings.packets import ANCHORS, come_in_bursts, find_repeats, spread
from keras_dcat.recordings.stream import Stream

_RESETS = ("refuse", "sort", "split")
_PACKETS = ("refuse", *ANCHORS, "first")
_KEEP = 'or keep them: mend(stream, max_jump=np.inf, resets="sort")'
_LEFT_OUT = (
    "leave out what is: stream = Stream(np.asarray(stream.values)[keep], "
    "timestamps=stream.times[keep])"
)


def mend(
    stream: Stream,
    *,
    max_jump: float | None = None,
    max_backward: float | None = None,
    wraps: float | None = None,
    resets: str = "refuse",
    packets: str = "refuse",
) -> tuple[Stream, ClockReport] | tuple[list[Stream], ClockReport]:
    """Repairs a stream's timestamps, so that they are finite and increasing.

    Samples without a finite time and repeated rows are dropped. Late samples are
    sorted. Two different samples with one time, as rounding makes them, are moved up to
    half a step apart. Ambiguous times are refused, and the error names the option for
    each reading: a large step back, more than two different samples with one time, one
    time far from all others, a unit other than seconds.

    A stream with a rate is returned as it is. Nothing is changed in place. Lazy values
    are read where times repeat, and completely if a sample is dropped or moved.

    Args:
        stream: `Stream`.
        max_jump: float. Drops samples that are more than this many seconds from every
            other, as before a clock was set. None refuses times that are far from all
            others; `inf` keeps all, in any unit.
        max_backward: float. Samples may be late by this many seconds. By default two,
            or five median steps if these are longer, and only where they fill a hole.
            Elsewhere the clock was set back.
        wraps: float. Period of a counter that wraps, in seconds. Each step back by
            more than half of it adds as many periods as needed. A wrap in a pause
            longer than a period cannot be detected.
        resets: str. For a larger step back: `"refuse"` it, `"sort"` the samples, or
            `"split"` the stream into one for each run.
        packets: str. For samples with one time, or, if most are so, within a
            millisecond: their time is the `"end"`, `"start"` or `"centre"` of a packet,
            over which they are spread, but never over a pause. `"first"` keeps the
            first sample of one time; `"refuse"` refuses more than two.

    Returns:
        `(stream, report)`: a `Stream` whose timestamps rise, and a `ClockReport`.
        With `resets="split"` a list of them, in the order in which they were written,
        stands in place of the one stream.

    Raises:
        ValueError: if an option cannot be, or if times are ambiguous, as told above.

    Example:

    >>> broken = Stream(np.arange(4)[:, None], timestamps=[0.0, 0.2, np.nan, 0.1])
    >>> mended, report = mend(broken)
    >>> mended.times.tolist(), mended.values[:, 0].tolist()
    ([0.0, 0.1, 0.2], [0, 3, 1])
    """
    _check_options(max_jump, max_backward, wraps, resets, packets)
    count = len(stream)
    if stream.rate is not None:
        report = ClockReport(count, count, rate=float(stream.rate))
        same: Any = [stream] if resets == "split" else stream
        return same, report
    times: Any = stream.timestamps
    values = stream.values
    finite = rows = np.flatnonzero(np.isfinite(times))
    if max_jump != np.inf:
        _refuse_unit(times)
    if max_jump is not None:
        rows = _without_jumps(times, rows, max_jump)
    own, periods = times[rows], 0
    late = late_limit(own) if max_backward is None else max_backward
    if wraps is not None:
        own, periods = _gone_on(own, wraps, late)
    if max_jump != np.inf:
        _refuse_far(rows, own)
    backwards = int(np.count_nonzero(own[1:] < own[:-1]))
    if descends(own):
        rows, own = rows[::-1], own[::-1]
    whole = _in_order(values, rows, own, packets)
    is_kept = np.isin(np.arange(len(rows)), whole.places)
    events = find_events(own[is_kept], late, told=max_backward is not None)
    if resets != "sort" and len(events):
        _refuse_event(rows[is_kept], own[is_kept], events, late, resets)
    runs = [whole]
    if resets == "split" and len(events):  # other runs may show the same times
        borders = np.flatnonzero(is_kept)[events]
        parts = zip(np.split(rows, borders), np.split(own, borders), strict=True)
        runs = [_in_order(values, *part, packets) for part in parts]
    evened = [_evened(run, packets) for run in runs]
    kept = sum(len(run.rows) for run in runs)
    report = ClockReport(
        samples=count,
        kept=kept,
        not_finite=count - len(finite),
        repeated=len(rows) - kept,
        jumps=len(finite) - len(rows),
        backwards=backwards - (len(events) if resets == "split" else 0),
        wraps=periods,
        resets=len(events),
        spread=sum(moved for _, moved in evened),
        **_steps([times for times, _ in evened]),
    )
    pairs = zip(runs, evened, strict=True)
    streams = [_taken(stream, run.rows, times) for run, (times, _) in pairs]
    return (streams if resets == "split" else streams[0]), report


class _Run(typing.NamedTuple):
    """Rows of a stream in the order of their times, without repeats."""

    places: np.ndarray  # among those that came
    rows: np.ndarray
    times: np.ndarray
    packed: str | None  # of packets that nobody said what to do with


def _in_order(values, rows, times, packets):
    order = np.argsort(times, kind="stable")
    is_gone, packed = find_repeats(values, rows[order], times[order], packets)
    order = order[~is_gone]
    return _Run(order, rows[order], times[order], packed)


def _evened(run, packets):
    """Times of their own for samples that share one, and how many they are."""
    packed = run.packed
    if packets == "refuse" and not packed and come_in_bursts(run.times):
        packed = f"{len(run.rows)} samples, most less than a millisecond apart"
    if packed and (finest := _digits_lost(run.times)):
        raise ValueError(
            "Times must tell one sample from the next. "
            f"Received: {packed}, whose times were float32 once, {finest:g} s apart. "
            "Read them as float64; where they are lost, give the sensor's rate: "
            "Stream(values, rate=…, start=…)."
        )
    if packed and run.times[0] < run.times[-1]:
        raise ValueError(
            "Each sample must have a time of its own. "
            f"Received: {packed}. "
            "Say which of its samples a packet's time is that of, and they are spread: "
            'mend(stream, packets="end"), packets="start", or packets="centre" for '
            "rounded times; or keep the times, and the first sample of those that "
            'share one: packets="first".'
        )
    return spread(run.times, packets)


def _digits_lost(times):
    """Seconds between numbers of float32 near times that are all such; 0 if not."""
    finest = float(np.spacing(np.float32(np.abs(times).max(initial=0.0))))
    steps = np.diff(times)
    steps = steps[steps > 0]
    is_single = finest > 1 and bool((times == times.astype("float32")).all())
    return finest if is_single and len(steps) and steps.min() >= finest / 2 else 0.0


def _check_options(max_jump, max_backward, wraps, resets, packets):
    numbers = {"max_jump": max_jump, "max_backward": max_backward, "wraps": wraps}
    for name, number in numbers.items():
        is_zero = number == 0 and name == "max_backward"
        if number is not None and not (number > 0 or is_zero):
            raise ValueError(
                f"`{name}` must be positive. "
                f"Received: {name}={number}. Give it in seconds, or None."
            )
    if wraps == np.inf:
        raise ValueError(
            "`wraps` must be a finite period. "
            "Received: wraps=inf. Give it in seconds: 4294.967296 for 2**32 µs."
        )
    for name, given, known in (
        ("resets", resets, _RESETS),
        ("packets", packets, _PACKETS),
    ):
        if given not in known:
            raise ValueError(
                f"`{name}` must be one of {', '.join(map(repr, known))}. "
                f"Received: {name}={given!r}. Choose one of them."
            )


def _gone_on(times, period, late):
    """Times of a counter that went on where it wrapped; its period is checked."""
    on, periods = unwrapped(times, period, late)
    wraps = np.flatnonzero(np.diff(times) < -period / 2)
    if len(wraps) and np.median(on[wraps + 1] - on[wraps]) <= 0:
        steps = np.diff(times)
        least = float(np.median(-steps[wraps]) + np.median(steps[steps > 0]))
        raise ValueError(
            "`wraps` must be longer than the steps back that it is to undo. "
            f"Received: wraps={period:g} for steps back of {-steps[wraps[0]]:.10g} s. "
            f"Give the counter's period, perhaps wraps={least:.10g}."
        )
    return on, periods


def _refuse_odd(odd, cure):
    if odd:
        raise ValueError(
            f"Times must be seconds of one recording. Received: {odd}. {cure}."
        )


def _refuse_unit(times):
    unit, factor = likely_unit(times)
    _refuse_odd(
        unit,
        "Give seconds: stream = Stream(stream.values, timestamps=stream.times * "
        f"{factor:g}), {_KEEP}",
    )


def _refuse_far(rows, times):
    found = far_samples(times)
    if found is None:
        return
    places, _ = found
    far, others = times[places], np.delete(times, places)
    if far.min() == far.max():
        cure = f"Drop what is alone: mend(stream, max_jump={FAR:g})"
    elif far.max() < others.min():
        bound = (far.max() + others.min()) / 2
        cure = f"With keep = stream.times > {bound:.6g}, {_LEFT_OUT}"
    else:
        bound = (far.min() + others.max()) / 2
        cure = f"With keep = stream.times < {bound:.6g}, {_LEFT_OUT}"
    _refuse_odd(describe_far(times, rows), f"{cure}, {_KEEP}")


def _without_jumps(times, rows, max_jump):
    """The rows whose time is near that of another."""
    order = np.argsort(times[rows], kind="stable")
    distinct, place = np.unique(times[rows], return_inverse=True)
    if len(distinct) < 2:
        return rows
    with np.errstate(over="ignore"):  # from -1e308 s to 1e308 s
        is_far = np.diff(distinct, prepend=-np.inf, append=np.inf) > max_jump
    return rows[~(is_far[:-1] & is_far[1:])[place]] if len(order) else rows


def _refuse_event(rows, times, events, late, resets):
    rule = f"A clock must not step back by more than samples are late: {late:.3g} s."
    furthest = float(f"{(times[events - 1] - times[events]).max() * 1.05:.2g}")
    sorts = []
    if furthest <= 10 * late and len(np.unique(times)) == len(times):
        sorts = [f"mend(stream, max_backward={furthest:g}) if samples are so late"]
    lone = [lone_sample(times, event) for event in events]
    lone = [place for place in lone if place is not None]
    if lone:
        place = lone[0]
        beside = times[[p for p in (place - 1, place + 1) if 0 <= p < len(times)]]
        more = f", and {len(lone) - 1} more like it" if len(lone) > 1 else ""
        cures = "; or ".join([_cure_of_lone(rows, times, np.array(lone)), *sorts])
        raise ValueError(
            f"{rule} Received: sample {rows[place]} alone at {float(times[place])!r} "
            f"s, beside {beside.tolist()}{more}. {cures}."
        )
    if resets == "split":
        return
    first = events[0]
    what, period = describe_event(times, events)
    more = f" and {len(events) - 1} more such steps" if len(events) > 1 else ""
    cures = ['mend(stream, resets="split") for a stream of each run', *sorts]
    if period is not None:
        on, _ = unwrapped(times, period, late)
        if not len(find_events(on, late, told=False)):
            cures.insert(0, f"mend(stream, wraps={period:.10g}) if the clock went on")
    raise ValueError(
        f"{rule} Received: sample {rows[first]} at {float(times[first])!r} s after "
        f"{float(times[first - 1])!r} s{more}, {what}. "
        f"Say what it is: {'; '.join(cures)}."
    )


def _cure_of_lone(rows, times, lone):
    is_lone = np.isin(times, times[lone])
    others = np.sort(times[~is_lone])
    after = np.searchsorted(others, times[lone])
    sides = others[np.clip([after - 1, after], 0, len(others) - 1)]
    distance = float(np.abs(sides - times[lone]).min())
    jump = float(f"{distance / 2:.1g}")
    left = _without_jumps(times, np.arange(len(times)), jump) if jump else []
    if np.array_equal(left, np.flatnonzero(~is_lone)):
        return f"Drop what is alone: mend(stream, max_jump={jump:g})"
    named = rows[lone].tolist()
    if len(named) > 20:
        return 'Sort them all the same: mend(stream, resets="sort")'
    return f"With keep = ~np.isin(np.arange(len(stream)), {named}), {_LEFT_OUT}"


def _steps(runs):
    """What the steps of all runs are like."""
    with np.errstate(over="ignore"):
        steps = np.concatenate([np.diff(times) for times in runs] or [np.empty(0)])
        if not len(steps):
            return {}
        median = float(np.median(steps))
        return {
            "rate": float(np.divide(1.0, median)),
            "jitter": float(np.median(np.abs(steps - median))),
            "gaps": int(np.count_nonzero(steps > 5 * median)),
            "longest_gap": float(steps.max()),
        }


def _taken(stream, rows, times):
    """The stream's samples of these rows, with these times."""
    is_whole = np.array_equal(rows, np.arange(len(stream)))
    if is_whole and np.array_equal(times, stream.timestamps):
        return stream
    values = stream.values if is_whole else np.asarray(stream.values)[rows]
    return Stream(values, timestamps=times)
