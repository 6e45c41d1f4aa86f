"""What label files say, whatever their format, as `Intervals`."""

import bisect
import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.readers.opened_files import Source


@dataclasses.dataclass(frozen=True)
class Mark:
    """One entry of a label file.

    Args:
        begin: float. In seconds.
        end: float. In seconds; None for what has no length, such as a marker.
        text: str. What the file calls it.
    """

    begin: float
    end: float | None
    text: str


def as_intervals(
    source: Source,
    marks: Sequence[Mark],
    *,
    class_names: Sequence[str] | None,
    ignore: str | Sequence[str],
    start: float = 0.0,
    instants: str | None = None,
    until: float | None = None,
    pairs: Sequence[str] | None = None,
) -> Intervals:
    """Entries of a file as labels that hold from one time to another.

    Labels that are not names and are all whole numbers are numbers of classes.

    Args:
        source: `Source`. The file, for the error.
        marks: sequence of `Mark`, on the file's own clock.
        class_names: sequence of str, in the order of the classes. None for the sorted
            names of the file.
        ignore: str or sequence of str. Entries that are no label.
        start: float. Seconds at which the file's own clock reads 0.
        instants: str. What entries without a length mean: `"hold"` until the next
            entry, or `"drop"`. None if there should be none.
        until: float. When the last of those that hold ends, in seconds, `start`
            included.
        pairs: two str such as `("start {}", "stop {}")`. Entries without a length that
            begin and end a class, whose name stands at `{}`.

    Returns:
        `Intervals`, in the order of their starts.

    Raises:
        ValueError: if an entry has no length or no text and nobody says what that
            means, if it ends before it begins, or if its name is not a class.
    """
    ignored = {ignore} if isinstance(ignore, str) else set(ignore)
    marks = sorted(marks, key=lambda mark: mark.begin)
    _check(source, marks, ignored)
    if pairs is not None:
        marks = _paired(source, marks, pairs, ignored)
    end = None if until is None else until - start
    marks = [mark for mark in _lasting(source, marks, instants, end, ignored)]
    marks = [mark for mark in marks if mark.text not in ignored]
    for mark in marks:
        if mark.end is not None and mark.end <= mark.begin:
            raise ValueError(
                "A label must end after it begins. "
                f"Received: {source.name!r}: {mark.text!r} from {mark.begin} to "
                f"{mark.end}. Correct the file; if the entry is no label, pass "
                f"ignore=[{mark.text!r}]."
            )
    labels, names = _classes(source, [mark.text for mark in marks], class_names)
    begins = np.array([mark.begin for mark in marks], "float64") + start
    ends = np.array([mark.end for mark in marks], "float64") + start
    return Intervals(begins, ends, labels, class_names=names)


def _check(source, marks, ignored):
    """Refuses entries without a text, and times that are none."""
    for mark in marks:
        times = [mark.begin] if mark.end is None else [mark.begin, mark.end]
        if not all(map(math.isfinite, times)):
            raise ValueError(
                "The times of labels must be finite. "
                f"Received: {source.name!r}: {mark.text!r} at {times}. "
                "Correct the file."
            )
        if not mark.text and "" not in ignored:
            raise ValueError(
                "Every label must have a text. "
                f"Received: {source.name!r}: none at {mark.begin}. "
                "Write one; if no text means no label, pass ignore=['']."
            )


def _lasting(source, marks, instants, until, ignored):
    """Entries that all have an end."""
    if instants not in (None, "hold", "drop"):
        raise ValueError(
            "`instants` must say what entries without a length mean. "
            f"Received: instants={instants!r}. "
            "Choose 'hold', until the next entry, or 'drop'."
        )
    bare = [mark for mark in marks if mark.end is None and mark.text not in ignored]
    if instants is None and bare:
        raise ValueError(
            "A label must have a length, or it must be said what none means. "
            f"Received: {source.name!r} with {len(bare)} that have none, such as "
            f"{bare[0].text!r} at {bare[0].begin}. Pass instants='hold' if each holds "
            "until the next entry, or instants='drop' to leave them out."
        )
    if instants != "hold":
        return [mark for mark in marks if mark.end is not None]
    return _held(source, marks, until, ignored)


def _held(source, marks, until, ignored):
    """Entries without a length end where the next entry begins."""
    begins = [mark.begin for mark in marks]
    held = []
    for mark in marks:
        if mark.end is not None:
            held.append(mark)
            continue
        later = bisect.bisect_right(begins, mark.begin)
        rivals = {m.text for m in marks[bisect.bisect_left(begins, mark.begin) : later]}
        if len(rivals - ignored) > 1 and mark.text not in ignored:
            raise ValueError(
                "A label that holds until the next one must be alone at its time. "
                f"Received: {source.name!r} with {sorted(rivals)} at {mark.begin}. "
                "Name those that are no label: ignore=[…]."
            )
        end = begins[later] if later < len(marks) else until
        if mark.text in ignored:
            continue
        if end is None or end <= mark.begin:
            raise ValueError(
                "The last label must end after it begins, and a file of beginnings "
                f"does not say when. Received: {source.name!r} with {mark.text!r} at "
                f"{mark.begin}, until={until}. Pass the time at which it ends, such "
                "as until=stream.span[1]; if it is no label, pass "
                f"ignore=[{mark.text!r}]."
            )
        held.append(dataclasses.replace(mark, end=end))
    return list(dict.fromkeys(held))


def _paired(source, marks, pairs, ignored):
    """What begins and ends a class, put together; entries with a length stay."""
    if (
        isinstance(pairs, str)
        or len(pairs) != 2
        or any(p.count("{}") != 1 for p in pairs)
    ):
        raise ValueError(
            "`pairs` must be two texts with {} where the name of the class stands. "
            f"Received: pairs={pairs!r}. Pass, say, ('start {{}}', 'stop {{}}')."
        )
    open_since: dict[str, float] = {}
    joined: list[Mark] = []
    for mark in marks:
        if mark.end is not None:
            joined.append(mark)
            continue
        if mark.text in ignored:
            continue
        name, ends = next(
            (
                (name, ends)
                for ends, pattern in enumerate(pairs)
                if (name := _filled(pattern, mark.text)) is not None
            ),
            (None, 0),
        )
        if name is None or (name in open_since) != bool(ends):
            told = "neither begins nor ends one"
            if name is not None:
                told = f"{'ends' if ends else 'begins'} one that has "
                told += f"{'not begun' if ends else 'not ended'}"
            raise ValueError(
                "Every marker must begin a class, or end one that has begun. "
                f"Received: {source.name!r}: {mark.text!r} at {mark.begin}, which "
                f"{told}, by pairs={tuple(pairs)}. Correct the file or the pairs; if "
                f"it is no label, pass ignore=[{mark.text!r}]."
            )
        if ends:
            joined.append(Mark(open_since.pop(name), mark.begin, name))
        else:
            open_since[name] = mark.begin
    if open_since:
        name, begin = next(iter(open_since.items()))
        raise ValueError(
            "What begins a class needs a marker that ends it. "
            f"Received: {source.name!r}: {name!r} begins at {begin} and has no end. "
            f"Add the end, or pass ignore=[{pairs[0].replace('{}', name)!r}]."
        )
    return sorted(joined, key=lambda mark: mark.begin)


def _filled(pattern, text):
    """What stands at `{}`, or None if the text is not of the pattern."""
    before, after = pattern.split("{}")
    long_enough = len(text) > len(before) + len(after)
    if not (long_enough and text.startswith(before) and text.endswith(after)):
        return None
    return text[len(before) : len(text) - len(after)].strip()


def _classes(source, texts, class_names):
    """Labels for `Intervals`, and the names of their classes."""
    numbers = [_whole(text) for text in texts]
    if class_names is None:
        if texts and None not in numbers:
            return numbers, None
        names = sorted(set(texts))
        _check_spelling(source, names)
        fractions = [name for name in names if _is_fraction(name)]
        if fractions:
            raise ValueError(
                "Labels must be names of classes or their whole numbers. "
                f"Received: {fractions[:8]} in {source.name!r}. "
                "Choose the column of labels; if these are names, pass "
                "class_names=[…] with them."
            )
        return _places(texts, names), names or None
    names = list(class_names)
    unknown = sorted(set(texts) - set(names))
    if not unknown:
        return _places(texts, names), names
    if None not in numbers and -1 <= min(numbers) <= max(numbers) < len(names):
        return numbers, names
    raise ValueError(
        "Labels must be among `class_names`. "
        f"Received: {source.name!r} with {unknown[:8]}"
        f"{f' and {len(unknown) - 8} more' if len(unknown) > 8 else ''}, for {names}. "
        f"Add them to the names; if they are no label, pass ignore={unknown[:8]}."
    )


def _places(texts, names):
    places = {name: number for number, name in enumerate(names)}
    return [places[text] for text in texts]


def _check_spelling(source, names):
    """Refuses names of one file that only their case or blanks tell apart."""
    spelled: dict[str, list[str]] = {}
    for name in names:
        spelled.setdefault(" ".join(name.casefold().split()), []).append(name)
    for alike in spelled.values():
        if len(alike) > 1:
            raise ValueError(
                "Names of classes must differ by more than case and blanks. "
                f"Received: {alike} in {source.name!r}. Correct the file; if they are "
                "two classes, pass class_names=[…] with both."
            )


def _whole(text):
    """The whole number that a text is, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


def _is_fraction(text):
    try:
        return not float(text).is_integer()
    except ValueError:
        return False
