"""A folder of files becomes a table of recordings and an experiment file."""

import csv
import itertools
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_dcat.cli.experiment import OWN_COLUMNS
from keras_dcat.cli.file_heads import Head, read_head
from keras_dcat.extras import require
from keras_dcat.shown import few
from keras_dcat.storage import written_whole

yaml = require("yaml", extra="cli")

TABLE = "sessions.csv"
_ENDINGS = (".csv", ".tsv", ".txt")
_FIELDS = ("subject", "label", "stream")
_SENSOR = re.compile(
    r"(?i)(imu|acc|gyr|mag|cam|video|audio|mic|watch|phone|wrist|chest|ankle|hip|sensor"
    r"|e[cme]g|ppg|eda|mocap|skeleton)\w*"
)
_PERSON = re.compile(r"(?i)(s|p|u|subj\w*|person|user|participant|id)?\d+")


class Folder(NamedTuple):
    """The files of a folder, by what their names say.

    Attributes:
        path: path of the folder.
        sessions: dict from a session to `{"subject": …, "label": …}`.
        files: dict from a session to `{stream: path as seen from the folder}`.
        heads: dict from a stream to the `Head` of one of its files.
    """

    path: pathlib.Path
    sessions: dict[str, dict[str, str]]
    files: dict[str, dict[str, str]]
    heads: dict[str, Head]

    @property
    def streams(self) -> list[str]:
        """The sensors, that with the most values a second first."""

        def values(name):
            options = self.heads[name].options
            return -len(options["columns"]) * options["rate"]

        return sorted(self.heads, key=values)

    @property
    def seconds(self) -> float:
        """How long a window can be, by the files that were looked into."""
        return min(head.seconds for head in self.heads.values())

    @property
    def subjects(self) -> list[str]:
        """Who was recorded, sorted."""
        return sorted({each["subject"] for each in self.sessions.values()})


def refuse_written(folder: pathlib.Path, path: pathlib.Path) -> None:
    """Makes sure that nothing is there that would be written.

    Args:
        folder: path, in which the table is written.
        path: path of the experiment file.

    Raises:
        ValueError: if one of them is there.
    """
    if there := [str(each) for each in (path, folder / TABLE) if each.exists()]:
        raise ValueError(
            "What is there is not written over. "
            f"Received: {', '.join(there)}. Rename it, or go on from it."
        )


def files_of(folder: pathlib.Path) -> list[str]:
    """The tables of samples in a folder and the folders in it.

    Args:
        folder: path.

    Returns:
        list of str, as seen from the folder, with `/` in them, sorted.

    Raises:
        ValueError: if there is none.
    """
    found = sorted(
        each.relative_to(folder).as_posix()
        for each in folder.rglob("*")
        if each.suffix.lower() in _ENDINGS and each.name != TABLE and each.is_file()
    )
    if not found:
        raise ValueError(
            "A folder must have files of samples, as CSV. "
            f"Received: {str(folder)!r}, with none that ends in {', '.join(_ENDINGS)}. "
            "Of other formats, write the table and the experiment by hand: "
            "`keras-dcat keys` tells how."
        )
    return found


def guessed_pattern(files: Sequence[str]) -> str:
    """How files seem to be named.

    Args:
        files: sequence of str, as of `files_of`.

    Returns:
        str, a pattern as `sorted_by` takes it; `{subject}_{label}_{stream}.csv` where
        the names have nothing in common.

    Example:

    >>> guessed_pattern(["p1/sit_imu.csv", "p1/sit_cam.csv", "p2/run_imu.csv",
    ...                  "p2/run_cam.csv"])
    '{subject}/{label}_{stream}.csv'
    """
    stems = [name.rpartition(".")[0] for name in files]
    parts = [re.split(r"([/_\- .]+)", stem) for stem in stems]
    seams = {tuple(each[1::2]) for each in parts}
    if len(seams) > 1:
        return "{subject}_{label}_{stream}.csv"
    words = [each[::2] for each in parts]
    columns = [sorted(set(column)) for column in zip(*words, strict=True)]
    places: dict[int, str] = {}
    free = [at for at, column in enumerate(columns) if len(column) > 1]

    def take(field, candidates):
        chosen = next((at for at in candidates if at in free), None)
        if chosen is not None:
            places[chosen] = field
            free.remove(chosen)

    text = [at for at in free if not any(map(_PERSON.fullmatch, columns[at]))]
    complete = [at for at in free if _is_complete(words, at)]
    known = [at for at in complete if any(map(_SENSOR.fullmatch, columns[at]))]
    take("stream", known + [at for at in complete[::-1] if at in text] + complete[::-1])
    people = [at for at in free if all(map(_PERSON.fullmatch, columns[at]))]
    take("subject", [*people, *free])
    take("label", [at for at in free if at in text])
    pattern = [
        f"{{{places[at]}}}" if at in places else column[0] if len(column) == 1 else "*"
        for at, column in enumerate(columns)
    ]
    seam = [*parts[0][1::2], ""]
    endings = {name.rpartition(".")[2] for name in files}
    ending = endings.pop() if len(endings) == 1 else "*"
    joined = "".join(itertools.chain(*zip(pattern, seam, strict=True)))
    return f"{joined}.{ending}"


def _is_complete(words, at):
    """Whether files that differ in one place alone have all that stands there."""
    groups: dict = {}
    for each in words:
        groups.setdefault((*each[:at], *each[at + 1 :]), set()).add(each[at])
    return len(set(map(frozenset, groups.values()))) == 1


def sorted_by(folder: pathlib.Path, files: Sequence[str], pattern: str) -> Folder:
    """Sorts files into sessions and sensors, by their names.

    Args:
        folder: path.
        files: sequence of str, as of `files_of`.
        pattern: str. A name with `{stream}` and `{subject}`, and `{label}` if files
            are named by what was done, in place of these; `*` stands for anything.

    Returns:
        `Folder` of all files that are named so.

    Raises:
        ValueError: if the pattern lacks something, no file is named so, two are of one
            session and sensor, or there are less than two sensors or subjects.
    """
    expression = _expression(pattern)
    sessions: dict[str, dict] = {}
    found: dict[str, dict] = {}
    for name in files:
        match = expression.fullmatch(name)
        if match is None:
            continue
        said = match.groupdict()
        stream = said.pop("stream")
        begin, end = match.span("stream")
        session = (name[:begin] + name[end:]).rpartition(".")[0].strip("/_- .")
        session = re.sub(r"/[_\- .]+|[_\- .]+/", "/", session)
        if stream in found.setdefault(session, {}):
            raise ValueError(
                "A session must have one file of each sensor. "
                f"Received: {found[session][stream]!r} and {name!r}. Put what tells "
                "them apart outside of {stream}."
            )
        sessions[session], found[session][stream] = said, name
    streams = sorted({stream for own in found.values() for stream in own})
    people = {said["subject"] for said in sessions.values()}
    if len(streams) < 2 or len(people) < 2:
        raise ValueError(
            "Files must be of two sensors and two subjects at least. "
            f"Received: the pattern {pattern!r}, by which there are the sensors "
            f"{streams} and the subjects {sorted(people)}, and the files {few(files)}. "
            "Write it as the files are named, such as {subject}/{label}_{stream}.csv."
        )
    if taken := sorted(set(streams) & set(OWN_COLUMNS)):
        raise ValueError(
            f"No sensor can be called one of {', '.join(OWN_COLUMNS)}. "
            f"Received: {taken}. Rename its files."
        )
    firsts = {stream: name for own in found.values() for stream, name in own.items()}
    heads = {stream: read_head(folder / firsts[stream]) for stream in streams}
    return Folder(folder, sessions, found, heads)


def _expression(pattern):
    """A pattern as a regular expression with groups."""
    parts = re.split(r"(\{\w*\}|\*)", pattern)
    fields = [part[1:-1] for part in parts if part.startswith("{")]
    once = len(fields) == len(set(fields))
    if not {"subject", "stream"} <= set(fields) <= set(_FIELDS) or not once:
        raise ValueError(
            "A pattern must have {subject} and {stream} once, {label} at most once, "
            f"and * for anything else. Received: {pattern!r}. "
            "Write it as the files are named, such as {subject}/{label}_{stream}.csv."
        )
    return re.compile(
        "".join(
            f"(?P<{part[1:-1]}>[^/]+?)"
            if part.startswith("{")
            else "[^/]*?"
            if part == "*"
            else re.escape(part)
            for part in parts
        )
    )


def write_new(
    folder: Folder,
    path: pathlib.Path,
    source: str,
    target: str,
    length: float,
    test: Sequence[str],
) -> list[str]:
    """Writes the table of recordings and the experiment file.

    Args:
        folder: `Folder`.
        path: path of the experiment file, which must not be there.
        source: str. The sensor that teaches.
        target: str. The sensor that stays.
        length: float. Seconds of a window.
        test: sequence of str. The subjects who test.

    Returns:
        list of str, what a reader should look at in what was written.

    Raises:
        ValueError: if a file is there already, no session has both sensors, or who
            tests was not recorded or leaves nobody to train.
    """
    refuse_written(folder.path, path)
    table = folder.path / TABLE
    both = [n for n, own in folder.files.items() if {source, target} <= set(own)]
    people = {folder.sessions[name]["subject"] for name in both}
    if not set(test) <= people or not people - set(test):
        raise ValueError(
            "Who tests must have been recorded by both sensors, and leave somebody to "
            f"train. Received: {list(test)}. Choose from {sorted(people)}."
        )
    column, labels = _labels(folder, both, source, target)
    names = ["session", "subject", *filter(None, [column]), source, target]
    rows = [
        {
            "session": name,
            **folder.sessions[name],
            **folder.files[name],
            **({"labels": folder.files[name][labels[0]]} if labels else {}),
        }
        for name in both
    ]
    said: dict[str, Any] = {
        "data": {
            "recordings": os.fspath(table),
            "streams": {name: folder.heads[name].options for name in (source, target)},
            **({"labels": labels[1]} if labels else {}),
        },
        "source": source,
        "target": target,
        "windows": {"length": length, "stride": length / 2},
        "split": {"test": list(test)},
        "output": f"outputs/{path.stem}",
    }
    text = "# What each name means, and what else may stand here: keras-dcat keys\n"
    text += yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
    with written_whole(table) as one, written_whole(path) as other:
        with one.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        other.write_text(text, "utf-8")
    return list(_remarks(folder, both, column, source, target))


def _labels(folder, both, source, target):
    """The column of labels; and, of those in files, of which sensor's and how read."""
    if "label" in folder.sessions[both[0]]:
        return "label", None
    for name in (target, source):
        if folder.heads[name].labels:
            return "labels", (name, folder.heads[name].labels)
    return None, None


def _remarks(folder, both, has_labels, source, target):
    left = len(folder.files) - len(both)
    if left:
        words = "session lacks" if left == 1 else "sessions lack"
        yield (
            f"{left} {words} one of the two sensors, and "
            f"{'was' if left == 1 else 'were'} left out."
        )
    if not has_labels:
        yield (
            f"There are no labels. Add a column `label` to {TABLE}, and fill it at "
            "least for who tests and for some who train."
        )
    for name in (source, target):
        if folder.heads[name].guessed:
            rate = folder.heads[name].options["rate"]
            yield (
                f"{name}: no column of times was found, and {rate:g} Hz is a guess. "
                f"Correct `rate` in the experiment."
            )
