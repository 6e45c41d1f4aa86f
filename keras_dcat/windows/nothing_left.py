"""Of recordings without a window, or without a label: what is odd about them."""

import numpy as np

from keras_dcat.recordings.holes import find_holes
from keras_dcat.recordings.odd_times import describe_odd_times
from keras_dcat.shown import counted, few
from keras_dcat.windows.labels import has_labels

_MOST = 3  # recordings that are told of


def what_is_odd(recordings, labels, cuts) -> str:
    """Why there may be no window: sentences about the first few recordings.

    Args:
        recordings: list of `Recording`.
        labels: list of int or `Intervals`, one for each.
        cuts: list of `Cut`, one for each.

    Returns:
        str, each sentence on a line of its own; empty if nothing is odd.
    """
    lines = []
    for recording, label, cut in zip(recordings, labels, cuts, strict=True):
        said = [
            f"{name!r} of {recording.session!r}: {sentence}"
            for name, stream in recording.streams.items()
            for sentence in _sentences(stream, cut.dropped)
        ]
        spans = [f"{n!r} {_span(each)}" for n, each in recording.streams.items()]
        if "between labels" in cut.dropped:
            begin, end = label.starts.min(), label.ends.max()
            spans.append(f"labels from {begin:.10g} to {end:.10g} s")
        if {"stream missing", "between labels"} & cut.dropped.keys() and not said:
            said.append(f"In {recording.session!r}: {', '.join(spans)}.")
        lines += said
        if len(lines) >= _MOST:
            break
    return "".join(f"\n{line}" for line in lines)


def clocks_apart(recordings, labels) -> str:
    """Whether streams, or labels, are of another time than the others of a recording.

    Args:
        recordings: list of `Recording`.
        labels: list of int or `Intervals`, one for each.

    Returns:
        str, empty unless streams of some recording share no time, or all its labels
        are before or after it.
    """
    apart = []
    for recording, label in zip(recordings, labels, strict=True):
        spans = {n: each.span for n, each in recording.streams.items() if len(each)}
        if not spans:
            continue
        first = min(begin for begin, _ in spans.values())
        last = max(end for _, end in spans.values())
        is_apart = max(b for b, _ in spans.values()) > min(e for _, e in spans.values())
        if not isinstance(label, int | np.integer) and has_labels(label):
            is_class = label.labels >= 0
            begin, end = label.starts[is_class].min(), label.ends[is_class].max()
            if end <= first or begin >= last:
                spans["the labels"], is_apart = (begin, end), True
        if is_apart:
            told = (f"{n} from {s:.10g} to {e:.10g} s" for n, (s, e) in spans.items())
            apart.append(f"{recording.session!r} with {', '.join(told)}")
    if not apart:
        return ""
    return (
        "What belongs to a recording must be of one time. "
        f"Received: {counted(len(apart), 'recording')} that have no window, or no "
        f"label, as it is not: {few(apart, 2, str)}. Bring all to one clock: check the "
        "unit and the time zone, or say by the `start` of a reader when the clock of "
        "its file reads 0. Who has no label there has label=None."
    )


def _span(stream):
    if not len(stream):
        return "has no sample"
    return "from {:.10g} to {:.10g} s".format(*stream.span)


def _sentences(stream, dropped):
    if stream.timestamps is not None:
        said = describe_odd_times(stream.timestamps)
        if said:
            yield f"times are odd: {said}."
    if "missing values" in dropped:
        holes = find_holes(stream, "the stream")
        if holes is not None:
            spent = np.bincount(holes.channel, holes.stop - holes.first)
            worst = int(spent.argmax())
            yield (
                f"channel {worst} misses {spent[worst] / len(stream):.0%} of its "
                "values. Leave the channel out, fill short holes by "
                "recordings.filled(stream, max_gap), or allow a share of a window: "
                "max_missing=0.1."
            )
