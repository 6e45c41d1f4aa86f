"""Five questions about a folder of files, whose answers are an experiment."""

import pathlib
from typing import Any

from keras_dcat.cli import folders
from keras_dcat.extras import require

click: Any = require("click", extra="cli")


def ask(folder: pathlib.Path, path: pathlib.Path) -> list[str]:
    """Asks in the terminal, and writes the table of recordings and the experiment.

    Args:
        folder: path of the files.
        path: path of the experiment file, which must not be there.

    Returns:
        list of str, what a reader should look at in what was written.

    Raises:
        ValueError: if the files or the answers do not make an experiment.
    """
    folders.refuse_written(folder, path)
    files = folders.files_of(folder)
    click.echo(f"{len(files)} files, such as {files[0]}\n")
    pattern = click.prompt(
        "How are they named, with {subject}, {label}, {stream}, and * for the rest?",
        folders.guessed_pattern(files),
    )
    found = folders.sorted_by(folder, files, pattern)
    for name, head in found.heads.items():
        click.echo(f"{name}: {head}")
    source = click.prompt(
        "Which sensor teaches?", found.streams[0], type=click.Choice(found.streams)
    )
    others = [name for name in found.streams if name != source]
    target = click.prompt("Which sensor stays?", others[-1], type=click.Choice(others))
    length = click.prompt(
        "How many seconds is a window?",
        min(2.0, found.seconds),
        type=click.FloatRange(0, min_open=True),
    )
    people = found.subjects
    test = click.prompt(
        f"Who tests, of {', '.join(people)}?",
        ", ".join(people[-max(1, len(people) // 3) :]),
    )
    named = [who.strip() for who in test.split(",")]
    return folders.write_new(found, path, source, target, length, named)
