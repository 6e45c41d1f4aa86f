"""A model card, whose numbers are computed and not typed."""

from collections.abc import Mapping

import numpy as np

from keras_dcat.evaluation import f1_per_class_intervals, macro_f1_interval


def model_card(
    description, labels, predicted, subjects, training: Mapping, about: Mapping, table
) -> str:
    """What an artefact was made of, how good it is, and for whom, in Markdown.

    Args:
        description: `Description`.
        labels: int array `(windows,)` of people held out, −1 for none.
        predicted: int array `(windows,)`.
        subjects: array `(windows,)`.
        training: dict from words to a value: how the model was trained.
        about: dict from a heading, such as `"Data"`, to what its user says.
        table: str. The checked artefacts.

    Returns:
        str.
    """
    known = labels >= 0
    labels, predicted, subjects = labels[known], predicted[known], subjects[known]
    people = np.unique(subjects)
    names = description.class_names
    rows = f1_per_class_intervals(labels, [predicted], subjects, len(names))
    counts = np.bincount(labels, minlength=len(names))
    overall = macro_f1_interval(labels, [predicted], subjects)
    facts = {
        "Sensor": description.stream,
        "Sampling rate": f"{description.rate:g} Hz",
        "Window": f"{description.length:g} s, every {description.stride:g} s",
        "Input": f"{' × '.join(map(str, description.shape))} raw values",
        **{name: str(value) for name, value in training.items()},
    }
    lines = [
        f"# {description.stream}: {len(names)} classes",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        "",
        "## How good it is",
        f"Macro F1 {overall} on {len(labels)} windows of {len(people)} people who "
        "were held out (95 % interval over people).",
        "",
        "| class | F1 | windows |",
        "|---|---|---|",
        *(
            f"| {name} | {interval} | {count} |"
            for name, interval, count in zip(names, rows, counts, strict=True)
        ),
        "",
        "## Artefacts",
        table,
    ]
    for heading, text in about.items():
        lines += ["", f"## {heading}", text]
    return "\n".join(lines) + "\n"
