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


def labels_apart(recordings, labels) -> str:
    """Whether labels are of another time than their recording.

    Args:
        recordings: list of `Recording`.
        labels: list of int or `Intervals`, one for each.

    Returns:
        str, empty unless all labels of some recording are before or after it.
    """
    apart = []
    for recording, label in zip(recordings, labels, strict=True):
        spans = [each.span for each in recording.streams.values() if len(each)]
        if isinstance(label, int | np.integer) or not has_labels(label) or not spans:
            continue
        is_class = label.labels >= 0
        begin, end = label.starts[is_class].min(), label.ends[is_class].max()
        first, last = min(one[0] for one in spans), max(one[1] for one in spans)
        if end <= first or begin >= last:
            apart.append(
                f"{recording.session!r}, streams from {first:.10g} to {last:.10g} s "
                f"and labels from {begin:.10g} to {end:.10g} s"
            )
    if not apart:
        return ""
    return (
        "Labels must be of the time of their recording. "
        f"Received: {counted(len(apart), 'recording')} without a label in it: "
        f"{few(apart, 2, str)}. Bring both to one clock: check the unit and the time "
        "zone, or say by the reader's `start` when the clock of the labels reads 0. "
        "Who has no label there has label=None."
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
