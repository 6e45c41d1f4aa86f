"""A model card, whose numbers are computed and not typed."""

import html
from collections.abc import Mapping

import numpy as np

from keras_dcat.evaluation import (
    Interval,
    f1_per_class_intervals,
    macro_f1_interval,
)
from keras_dcat.export.checking import mean_f1


def model_card(
    description,
    labels,
    predicted,
    subjects,
    training: Mapping,
    about: Mapping,
    table,
    micro=None,
) -> str:
    """What an artefact was made of, how good it is, and for whom, in Markdown.

    Args:
        description: `Description`.
        labels: int array `(windows,)` of people held out, −1 for none; of a multi-label
            target `(windows, labels)`.
        predicted: int array of the same shape.
        subjects: array `(windows,)`.
        training: dict from words to a value: how the model was trained.
        about: dict from a heading, such as `"Data"`, to what its user says.
        table: str. The checked artefacts.
        micro: str. What is to be known on a microcontroller, or `None`.

    Returns:
        str.
    """
    known = labels >= 0 if labels.ndim == 1 else (labels >= 0).any(axis=1)
    labels, predicted, subjects = labels[known], predicted[known], subjects[known]
    people = np.unique(subjects)
    names = description.class_names
    tell = _of_labels if description.is_multilabel else _of_classes
    overall, rows, counts = tell(description, labels, predicted, subjects)
    of_whom = f"{len(people)} people who were held out (95 % interval over people)"
    if len(people) == 1:
        overall, rows = f"{overall.mean:.3f}", [f"{each.mean:.3f}" for each in rows]
        of_whom = "one person who was held out, which says nothing of others"
    kind = "label" if description.is_multilabel else "class"
    kinds = "labels" if description.is_multilabel else "classes"
    facts = {
        "Sensor": description.stream,
        "Sampling rate": f"{description.rate:g} Hz",
        "Window": f"{description.length:g} s, every {description.stride:g} s",
        "Input": f"{' × '.join(map(str, description.shape))} raw values",
        **training,
    }
    lines = [
        f"# {_cell(description.stream)}: {len(names)} {kinds}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(value)} |" for name, value in facts.items()),
        "",
        "## How good it is",
        f"Macro F1 {overall} on {len(labels)} windows of {of_whom}.",
        "",
        f"| {kind} | F1 | windows |",
        "|---|---|---|",
        *(
            f"| {_cell(name)} | {interval} | {count} |"
            for name, interval, count in zip(names, rows, counts, strict=True)
        ),
        "",
        "## Artefacts",
        table,
    ]
    if micro is not None:
        lines += ["", "## On a microcontroller", micro]
    for heading, text in about.items():
        lines += ["", f"## {heading}", text]
    return "\n".join(lines) + "\n"


def _of_classes(description, labels, predicted, subjects):
    """Macro F1, the F1 of each class, and how many windows are of it."""
    count = len(description.class_names)
    rows = f1_per_class_intervals(labels, [predicted], subjects, count)
    overall = macro_f1_interval(labels, [predicted], subjects)
    return overall, rows, np.bincount(labels, minlength=count)


def _of_labels(description, labels, predicted, subjects):
    """The same of labels that are said each by itself: their F1 is that of yes.

    Of the mean over labels there is no interval.
    """
    rows = [
        f1_per_class_intervals(own, [said], subjects, 2)[1]
        if (own >= 0).any()
        else Interval(*[float("nan")] * 3)
        for own, said in zip(labels.T, predicted.T, strict=True)
    ]
    overall = mean_f1(labels, predicted, description)
    nothing = float("nan")
    return Interval(overall, nothing, nothing), rows, (labels == 1).sum(axis=0)


def _cell(value):
    """What stands in one cell of a table, and is no markup."""
    text = html.escape(" ".join(str(value).split()), quote=False)
    return text.replace("|", "\\|")
