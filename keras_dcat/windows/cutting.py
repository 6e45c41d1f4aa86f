"""Recordings are cut into windows that show the same moment in every stream."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from keras_dcat.recordings import Recording, find_gaps
from keras_dcat.windows.even import even_samples
from keras_dcat.windows.index import WindowIndex
from keras_dcat.windows.labels import TINY, UNLABELLED, window_labels
from keras_dcat.windows.report import REASONS, WindowReport, nearest_distance


def index_windows(
    recordings: Iterable[Recording],
    length: float,
    stride: float,
    *,
    rates: dict[str, float] | None = None,
    label: str = "majority",
    purity: float = 0.8,
    max_gap: float = 0.25,
    short: str = "drop",
) -> WindowIndex:
    """Cuts recordings into windows that show the same moment in every stream.

    Windows start every `stride` seconds from the moment when all streams have
    begun, and end before the first of them ends. None crosses a recording, a gap
    or, beyond `purity`, a border between labels. `index.report` says what became
    of every window that was possible.

    Streams that have the rate of their windows are cut as they are; nothing is read
    before a batch needs it if they lie on disk. All others are brought to the rate as
    `Stream.resampled` does, between gaps, in steps that meet the windows' starts: at
    once in memory, or where a batch needs it. Values become floats. Of pictures (ints
    with two axes or more for a frame) the nearest is picked instead, and stays what it
    is, unless they have a rate and are brought to a lower one.

    Args:
        recordings: list of `Recording` with the same streams.
        length: float. Length of a window in seconds.
        stride: float. Seconds from the start of one window to the next.
        rates: dict from a stream's name to the rate, in Hz, that its windows
            have. A stream that is not named keeps its own, the same in all
            recordings.
        label: `"majority"`, the label that holds longest, or `"end"`, the one at
            the window's last moment.
        purity: float in [0, 1]. The share of a window that must have its label.
        max_gap: float. Seconds between two timestamps that a window may bridge.
        short: `"drop"` recordings shorter than a window, or `"pad"` them with
            zeros (`index.mask` says where).

    Returns:
        `WindowIndex`.

    Raises:
        ValueError: if an option makes no sense, if the recordings differ in
            streams, channels or rates, if timestamps do not rise, or if no window
            is left.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> streams = {"imu": Stream(np.zeros((250, 6)), 50), "pose": Stream(
    ...     np.zeros((100, 60)), 20)}
    >>> index = index_windows([Recording(streams, 0, "A")], length=2, stride=1)
    >>> len(index), index.gather("imu").shape, index.gather("pose").shape
    (4, (4, 100, 6), (4, 40, 60))
    """
    _check_options(length, stride, label, purity, max_gap, short)
    recordings = list(recordings)
    rates = _common_rates(recordings, rates or {})
    steps = {name: max(1, round(length * rate)) for name, rate in rates.items()}
    cuts = [
        _cut(recording, rates, length, stride, label, purity, max_gap, short)
        for recording in recordings
    ]
    counts = [len(cut.times) for cut in cuts]
    report = WindowReport(
        sessions=[str(recording.session) for recording in recordings],
        kept=np.array(counts),
        dropped={
            reason: np.array([cut.dropped.get(reason, 0) for cut in cuts])
            for reason in REASONS
        },
        pairing_errors=np.concatenate([cut.errors for cut in cuts]),
    )
    if not sum(counts):
        raise ValueError(
            f"At least one window must be left. Received: length={length} s, and\n"
            f"{report}\nChoose a shorter window, or allow what it was dropped for."
        )
    samples, starts = {}, {}
    for name, rate in rates.items():
        samples[name], starts[name] = even_samples(
            [recording.streams[name] for recording in recordings],
            [cut.times for cut in cuts],
            rate,
            steps[name],
        )
    return WindowIndex(
        samples=samples,
        starts=starts,
        steps=steps,
        rates={name: float(rate) for name, rate in rates.items()},
        labels=np.concatenate([cut.labels for cut in cuts]),
        subjects=np.repeat([r.subject for r in recordings], counts),
        sessions=np.repeat([r.session for r in recordings], counts),
        times=np.concatenate([cut.times for cut in cuts]),
        length=float(length),
        real_share=np.concatenate([cut.real_share for cut in cuts]),
        report=report,
    )


class _Cut(NamedTuple):
    """The windows of one recording, and why there are no more."""

    times: np.ndarray
    labels: np.ndarray
    real_share: np.ndarray
    errors: np.ndarray
    dropped: dict


def _check_options(length, stride, label, purity, max_gap, short):
    for name, seconds in (("length", length), ("stride", stride)):
        if not 0 < seconds < np.inf:
            raise ValueError(
                f"`{name}` must be a positive number of seconds. "
                f"Received: {name}={seconds}. Activities take 1 to 10 s."
            )
    for name, value, choices in (
        ("label", label, ("majority", "end")),
        ("short", short, ("drop", "pad")),
    ):
        if value not in choices:
            raise ValueError(
                f"`{name}` must be one of {choices}. "
                f"Received: {name}={value!r}. Use {choices[0]!r}, the default."
            )
    if not 0 <= purity <= 1 or not max_gap >= 0:
        raise ValueError(
            "`purity` must be a share, and `max_gap` at least 0 s. "
            f"Received: purity={purity}, max_gap={max_gap}. "
            "Leave the defaults, 0.8 and 0.25 s, unless you know your sensors."
        )


def _common_rates(recordings, rates):
    """The rate of every stream, checked to be the same in all recordings."""
    if not recordings:
        raise ValueError(
            "`recordings` must hold at least one recording. Received: none. "
            "Check the path and the subjects you asked for."
        )
    first = recordings[0]
    unknown = set(rates) - set(first.streams)
    if unknown:
        raise ValueError(
            "`rates` must name streams of the recordings. "
            f"Received: {sorted(unknown)}. Choose from {sorted(first.streams)}."
        )
    wrong = {name: rate for name, rate in rates.items() if not 0 < rate < np.inf}
    if wrong:
        raise ValueError(
            "Rates must be positive numbers of samples per second. "
            f"Received: rates={wrong}. Give them in Hz."
        )
    subjects = {isinstance(each.subject, str): each.subject for each in recordings}
    if len(subjects) > 1:
        raise ValueError(
            "The subjects of all recordings must be ints, or all of them str. "
            f"Received: {subjects[False]!r} and {subjects[True]!r}. "
            "Give all of them names: str(subject)."
        )
    own = {name: stream.rate for name, stream in first.streams.items()}
    for recording in recordings:
        found = {name: stream.rate for name, stream in recording.streams.items()}
        differ = found.keys() ^ own.keys() or any(
            found[name] != own[name] for name in own if name not in rates
        )
        if differ:
            raise ValueError(
                "All recordings must have the same streams at the same rates. "
                f"Received: {own} in {first.session!r} and {found} in "
                f"{recording.session!r}. Bring them to one rate: rates={{name: rate}}."
            )
    _check_channels(recordings)
    common = {**own, **rates}
    clocked = sorted(name for name, rate in common.items() if rate is None)
    if clocked:
        raise ValueError(
            "Streams with timestamps need a rate for their windows. "
            f"Received: none for {clocked}. "
            f"Choose one near their own, such as rates={{{clocked[0]!r}: 50}}."
        )
    return common


def _check_channels(recordings):
    """That a stream has the same channels wherever it has a sample."""
    found = {}
    for recording in recordings:
        for name, stream in recording.streams.items():
            channels = np.shape(stream.values)[1:]
            if len(stream):
                first, session = found.setdefault(name, (channels, recording.session))
                if channels != first:
                    raise ValueError(
                        "All recordings must have the same channels in a stream. "
                        f"Received: {first} of {name!r} in {session!r}, and "
                        f"{channels} in {recording.session!r}. "
                        "Choose the same columns, or one size of frames."
                    )


def _cut(recording, rates, length, stride, label, purity, max_gap, short):
    _check_times(recording)
    streams = recording.streams
    times, share, dropped = _shared_times(streams.values(), length, stride, short)
    if not len(times):
        return _Cut(times, np.zeros(0, "int64"), share, np.zeros(0), dropped)
    for stream in streams.values():
        if stream.timestamps is not None:
            is_bad = _bridges(stream, times, length, max_gap)
            times, share = _without(is_bad, "gap", dropped, times, share)
    seconds = length * share.min(initial=1)
    labels, pure = window_labels(recording.label, times, seconds, label)
    times, share, labels, pure = _without(
        labels == UNLABELLED, "unlabelled", dropped, times, share, labels, pure
    )
    times, share, labels = _without(
        pure < purity - 1e-9, "mixed labels", dropped, times, share, labels
    )
    errors = _pairing_errors(streams, rates, times, length * share)
    return _Cut(times, labels, share, errors, dropped)


def _check_times(recording):
    for name, stream in recording.streams.items():
        if not stream.rises:
            raise ValueError(
                "Timestamps must be finite and rise from sample to sample. "
                f"Received: stream {name!r} of {recording.session!r}. "
                "Mend them first: stream, report = mend(stream)."
            )


def _shared_times(streams, length, stride, short):
    """Where windows start that all streams hold, and how much of each is real.

    And, by reason, how many more the longest span of any stream would hold.
    """
    spans = [stream.span for stream in streams if len(stream)]
    if len(spans) < len(streams):
        possible = max(
            (_count(end - begin, length, stride) for begin, end in spans), default=0
        )
        return np.zeros(0), np.zeros(0), {"stream missing": max(possible, 1)}
    begin, end = max(s[0] for s in spans), min(s[1] for s in spans)
    first, last = min(s[0] for s in spans), max(s[1] for s in spans)
    kept = _count(end - begin, length, stride)
    possible = max(kept, 1)
    if last - first + TINY >= length:
        before = int((begin - first + TINY) / stride) if begin < last else 0
        anchor = begin if begin < last else first
        possible = max(before + _count(last - anchor, length, stride), kept, 1)
    is_short = kept == 0 and 0 < end - begin
    if is_short and short == "pad":
        kept = 1
    lost = "too short" if is_short and last - first < length else "stream missing"
    dropped = {lost: possible - kept} if possible > kept else {}
    real = (end - begin) / length if is_short else 1.0
    return begin + np.arange(kept) * stride, np.full(kept, real), dropped


def _count(duration, length, stride):
    return max(0, math.floor((duration - length + TINY) / stride) + 1)


def _without(is_bad, reason, dropped, *columns):
    if is_bad.any():
        dropped[reason] = dropped.get(reason, 0) + int(is_bad.sum())
    return tuple(column[~is_bad] for column in columns)


def _bridges(stream, times, length, max_gap):
    """Which windows hold a part of a gap, which a sample's own step is not."""
    begins, ends = find_gaps(stream, max(max_gap, TINY)).T
    begun = np.searchsorted(begins + stream.step, times + length - TINY)
    over = np.searchsorted(ends, times + TINY)
    return begun > over


def _pairing_errors(streams, rates, times, lengths):
    """How far the samples that stand for one moment are apart, in seconds."""
    if len(streams) < 2 or not len(times):
        return np.zeros(len(times))
    errors = []
    for name, stream in streams.items():
        if stream.timestamps is not None:
            moments = times[:, None] + lengths[:, None] * [0.0, 0.5, 1.0]
            moments[:, -1] -= 1 / rates[name]
            errors.append(nearest_distance(stream.timestamps, moments))
        else:
            # What is brought to another rate has a step where the first window starts.
            since = times - (stream.start if stream.rate == rates[name] else times[0])
            late = np.rint(since * rates[name]) / rates[name] - since
            errors.append(late[:, None] * np.ones(3))
    return np.ptp(np.stack(errors), axis=0).max(axis=1)
