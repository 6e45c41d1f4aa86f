"""Recordings are cut into windows that show the same moment in every stream."""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from keras_dcat.recordings import Recording
from keras_dcat.windows.even import even_samples
from keras_dcat.windows.index import WindowIndex
from keras_dcat.windows.label_names import numbered_labels
from keras_dcat.windows.labels import check_overlaps
from keras_dcat.windows.nothing_left import clocks_apart, what_is_odd
from keras_dcat.windows.one_recording import cut
from keras_dcat.windows.requests import Options, check_options, common_rates
from keras_dcat.windows.window_report import REASONS, WindowReport


def index_windows(
    recordings: Iterable[Recording],
    length: float | None = None,
    stride: float | None = None,
    *,
    rates: dict[str, float] | None = None,
    clips: dict[str, int] | None = None,
    class_names: Sequence[str] | None = None,
    label: str = "majority",
    purity: float = 0.8,
    unlabelled: str = "keep",
    between_labels: str = "drop",
    overlaps: str = "refuse",
    max_gap: float = 0.25,
    max_missing: float = 0.0,
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

    Of floats that lie on disk, all are passed over once to find what is missing.

    A recording without any label is an ordinary thing: its windows have the label -1.
    In one that has labels, what lies between them is another activity as often as not.
    A stream of labels with timestamps, of which no two neighbours are equal, is given
    at its changes: each holds until the next, and the last to the end of the
    recording. Any other is sampled: a label holds until the next sample, but one step
    only at the end, and before a silence of more than five.

    Args:
        recordings: list of `Recording` with the same streams.
        length: float. Length of a window in seconds.
        stride: float. Seconds from the start of one window to the next, at least one
            sample of the fastest stream.
        rates: dict from a stream's name to the rate, in Hz, that its windows
            have. A stream that is not named keeps its own, the same in all
            recordings.
        clips: dict from every stream's name to a number of steps, instead of `length`
            and `stride`. Each recording is one window, of the time that its streams
            share, however long, brought to so many steps. `index.length` is the median
            of their lengths, and `index.rates` the steps by that; purity and missing
            values are shares of the clip.
        class_names: sequence of str, in the order of the model's outputs: what labels
            in words are numbered by. None for all the names that recordings have,
            sorted; numbers stay as they are if there are none. `index.class_names`.
        label: `"majority"`, the label that holds longest, of two that hold as long the
            earlier; or `"end"`, the one at the window's last moment.
        purity: float in [0, 1]. The share of a window that must have its label. 0
            keeps windows across a border, as `index.step_labels` is for.
        unlabelled: `"keep"` the windows of recordings that have no label at all, or
            `"drop"` them.
        between_labels: `"drop"` windows without a label in recordings that have some,
            or `"keep"` them as -1.
        overlaps: `"refuse"` intervals of different classes that share time, or let it
            count for neither class: `"mixed"`.
        max_gap: float. Seconds between two timestamps that a window may bridge.
        max_missing: float from 0 to below 1. The share of a window that a channel may
            miss, as NaN. What is missing is interpolated in time, in the index alone.
        short: `"drop"` recordings shorter than a window, or `"pad"` them with
            zeros (`index.mask` says where).

    Returns:
        `WindowIndex`.

    Raises:
        ValueError: if an option makes no sense, if the recordings differ in
            streams, channels or rates, if timestamps do not rise, if a value is
            infinite, if labels are none, have no name among others that do, or
            overlap, or if no window is left.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> streams = {"imu": Stream(np.zeros((250, 6)), 50), "pose": Stream(
    ...     np.zeros((100, 60)), 20)}
    >>> index = index_windows([Recording(streams, 0, "A")], length=2, stride=1)
    >>> len(index), index.gather("imu").shape, index.gather("pose").shape
    (4, (4, 100, 6), (4, 40, 60))
    >>> clips = index_windows([Recording(streams, "walk", "A")], clips={
    ...     "imu": 64, "pose": 32})
    >>> clips.gather("imu").shape, clips.length, clips.class_names
    ((1, 64, 6), 5.0, ('walk',))
    """
    options = Options(
        length=length,
        stride=stride,
        rates=rates,
        clips=clips,
        label=label,
        purity=purity,
        max_gap=max_gap,
        max_missing=max_missing,
        short=short,
        unlabelled=unlabelled,
        between_labels=between_labels,
        overlaps=overlaps,
    )
    check_options(options)
    recordings = list(recordings)
    common = common_rates(recordings, options)
    labels, names = numbered_labels(recordings, class_names)
    if overlaps == "refuse":
        for recording, each in zip(recordings, labels, strict=True):
            where = f"subject {recording.subject!r}, session {recording.session!r}"
            check_overlaps(each, where, names)
    cuts = [
        cut(recording, each, common, options)
        for recording, each in zip(recordings, labels, strict=True)
    ]
    report = _report(recordings, cuts)
    if not report.kept.sum():
        asked = f"length={length} s" if clips is None else f"clips={clips}"
        raise ValueError(
            f"At least one window must be left. Received: {asked}, and\n"
            f"{report}{what_is_odd(recordings, labels, cuts)}\n"
            "Mend what is odd, choose a shorter window, or allow what it was dropped "
            "for."
        )
    if apart := clocks_apart(recordings, labels):
        warnings.warn(apart, stacklevel=2)
    return _index(cuts, labels, report, common, options, names)


def _report(recordings, cuts):
    return WindowReport(
        sessions=[str(recording.session) for recording in recordings],
        kept=np.array([len(each.times) for each in cuts]),
        dropped={
            reason: np.array([each.dropped.get(reason, 0) for each in cuts])
            for reason in REASONS
        },
        pairing_errors=np.concatenate([each.errors for each in cuts]),
        unlabelled=np.array([np.count_nonzero(each.labels < 0) for each in cuts]),
        filled=np.array([each.filled for each in cuts]),
    )


def _index(cuts, annotations, report, rates, options, names):
    counts, length, moments = report.kept, options.length, [each.times for each in cuts]
    steps = rates
    if options.clips is None:
        steps = {name: max(1, round(length * rate)) for name, rate in rates.items()}
        shares = [min(each.length / length, 1.0) for each in cuts]
        durations = np.full(len(cuts), float(length))
    else:  # each clip has a clock of its own, from 0 to 1
        moments = [np.zeros(count) for count in counts]
        shares = np.ones(len(cuts))
        durations = np.array([each.length for each in cuts])
        length = float(np.median([each.length for each in cuts if len(each.times)]))
    samples, starts = {}, {}
    for name, rate in rates.items():
        samples[name], starts[name] = even_samples(
            [each.recording.streams[name] for each in cuts],
            moments,
            float(rate),
            steps[name],
            shares=shares,
        )
    if options.clips is not None:
        rates = {name: count / length for name, count in steps.items()}
    return WindowIndex(
        samples=samples,
        starts=starts,
        steps={name: int(count) for name, count in steps.items()},
        rates={name: float(rate) for name, rate in rates.items()},
        labels=np.concatenate([each.labels for each in cuts]),
        subjects=np.repeat([each.recording.subject for each in cuts], counts),
        sessions=np.repeat([each.recording.session for each in cuts], counts),
        times=np.concatenate([each.times for each in cuts]),
        length=float(length),
        real_share=np.repeat(shares, counts),
        durations=np.repeat(durations, counts),
        annotations=tuple(annotations),
        annotated_by=np.repeat(np.arange(len(cuts)), counts),
        report=report,
        class_names=names,
    )
