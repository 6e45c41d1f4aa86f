"""What `inspect` tells: what was recorded, and what became of it."""

import numpy as np

from keras_dcat import recordings
from keras_dcat.cli.checks import done
from keras_dcat.cli.data import Prepared, people
from keras_dcat.cli.experiment import Experiment
from keras_dcat.shown import counted

_MOST_ROWS = 40
_COLUMNS = "session stream samples kept lost rate gaps done".split()


def told(experiment: Experiment, prepared: Prepared) -> str:
    """All that can be said of an experiment's data before anything is trained.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`.

    Returns:
        str.
    """
    own = prepared.recordings
    subjects = {str(each.subject) for each in own}
    streams = []
    for name in (experiment.source, experiment.target):
        seconds = sum(each.streams[name].duration for each in own)
        first = own[0].streams[name]
        streams.append(
            f"{name}: {seconds / 60:.1f} min at about {1 / first.step:.4g} Hz, "
            f"{' × '.join(map(str, np.shape(first.values)[1:]))} values a sample"
        )
    parts = [
        f"{len(own)} recordings of {len(subjects)} subjects",
        "\n".join(streams),
        clocks_table(prepared),
        windows_table(experiment, prepared),
        str(prepared.index.report),
        _lateness(experiment, longest(experiment, prepared)),
    ]
    return "\n\n".join(filter(None, parts))


def longest(experiment: Experiment, prepared: Prepared) -> recordings.Recording:
    """The recording with the longest stream of the target.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`.

    Returns:
        `Recording`.
    """
    target = experiment.target
    return max(prepared.recordings, key=lambda each: each.streams[target].duration)


def _lateness(experiment, recording):
    """How late the target's clock is, as far as one recording shows it."""
    names = experiment.source, experiment.target
    try:
        found = recordings.estimate_offset(*(recording.streams[n] for n in names))
    except ValueError as error:
        return f"The clocks cannot be compared: {error}"
    return (
        f"In the longest recording the {experiment.target} is {found.offset:+.3f} s "
        f"late (uncertain by {1e3 * found.uncertainty:.0f} ms), with a confidence of "
        f"{found.confidence:.2f}."
    )


def windows_table(experiment: Experiment, prepared: Prepared) -> str:
    """Windows of each class, and those without a label, on each side of the split.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`.

    Returns:
        str.
    """
    split, index, names = experiment.split, prepared.index, prepared.class_names
    sides: dict[str, tuple] = {"train": (prepared.train, None)}
    if prepared.validation is not None:
        sides["validation"] = (prepared.validation, split.validation)
    sides["test"] = (prepared.test, split.test)
    columns = {}
    for side, (own, named) in sides.items():
        labels = own.labels[own.is_labelled]
        without = ~own.is_labelled
        if named is not None:  # who judges is there with labels alone
            without = np.isin(index.subjects, people(index, named)) & ~index.is_labelled
        counts = np.bincount(labels, minlength=len(names))
        columns[side] = [*counts, int(without.sum())]
    width = max(map(len, (*names, "no label")))
    lines = [f"{'windows':{width}}" + "".join(f"{side:>12}" for side in columns)]
    for number, name in enumerate((*names, "no label")):
        row = "".join(f"{counts[number]:12}" for counts in columns.values())
        lines.append(f"{name:{width}}{row}")
    return "\n".join(lines)


def clocks_table(prepared: Prepared) -> str:
    """What was done to timestamps, and what was lost; the worst streams first.

    Args:
        prepared: `Prepared`.

    Returns:
        str, empty if no stream has timestamps.
    """
    if not prepared.mended:
        return ""
    touched = [each for each in prepared.mended if done(each) or each.report.gaps]
    touched.sort(key=lambda each: each.report.lost, reverse=True)
    rows = [
        (
            each.session,
            each.stream,
            f"{each.report.samples:,}",
            f"{each.report.kept:,}",
            f"{each.report.lost:.1%}",
            f"{each.report.rate:.4g} Hz",
            f"{each.report.gaps:,}",
            done(each) or "gaps only",
        )
        for each in touched[:_MOST_ROWS]
    ]
    lines = []
    if rows:
        table = [_COLUMNS, *rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            cells = [
                f"{cell:<{width}}" if place in (0, 1, 7) else f"{cell:>{width}}"
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
    if more := len(touched) - len(rows):
        lines.append(f"… and {counted(more, 'stream')} of which less was lost")
    if in_order := len(prepared.mended) - len(touched):
        lines.append(f"{counted(in_order, 'stream')} came in order and without gaps")
    return "\n".join(lines)
