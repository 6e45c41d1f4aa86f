"""Objects show themselves as they print: what they are, how many, of which shape."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

_LONGEST = 32  # characters of a name


def shown_as_printed(cls: type) -> type:
    """Class decorator: a prompt and a notebook show an object as `print` does.

    Where `print` fails, as on an object that is only half made and that a debugger
    shows, the type and the address are shown.

    Args:
        cls: class with a `__str__` of its own, or of a base.

    Returns:
        the class.

    Raises:
        TypeError: if it has none.

    Example:

    >>> @shown_as_printed
    ... class Report:
    ...     def __str__(self):
    ...         return "3 kept"
    >>> [Report()]
    [3 kept]
    """
    if cls.__str__ is object.__str__:
        raise TypeError(
            "What is shown as it prints must have a `__str__`. "
            f"Received: {cls.__name__}, which has none. Write one."
        )

    def __repr__(self: Any) -> str:
        try:
            return str(self)
        except Exception:  # half made: no field may be there, or be what it should
            return object.__repr__(self)

    # A class decorator may do so; to mypy, methods of a class are fixed.
    cls.__repr__ = __repr__  # type: ignore[assignment, method-assign]
    return cls


def counted(number: int, word: str, words: str | None = None) -> str:
    """A number and what there are so many of.

    Args:
        number: int.
        word: str. Of one.
        words: str. Of several, `word` and an s unless given.

    Returns:
        str.

    Example:

    >>> counted(1, "class", "classes"), counted(12345, "window")
    ('1 class', '12,345 windows')
    """
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def few(items: Iterable, most: int = 4, tell: Callable | None = None) -> str:
    """The first of some items, and how many more there are.

    Args:
        items: what there is.
        most: int. As many are told.
        tell: function from an item to its str, `told` unless given.

    Returns:
        str.

    Example:

    >>> few(["sit", "walk", "run"], most=2)
    "'sit', 'walk' and 1 more"
    """
    items = list(items)
    words = ", ".join(map(tell or told, items[:most]))
    return words if len(items) <= most else f"{words} and {len(items) - most:,} more"


def told(value: Any) -> str:
    """A name or a number as Python writes it, cut where it is long.

    Args:
        value: str, int or the like; NumPy's are told as Python's.

    Returns:
        str.

    Example:

    >>> told(np.str_("anna")), told(np.int64(3)), told("a" * 99)
    ("'anna'", '3', "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…")
    """
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def formed(values: Any) -> str:
    """Shape and type of an array, of which no value is read.

    Args:
        values: array-like with `shape`, and a `dtype` if it has one.

    Returns:
        str.

    Example:

    >>> formed(np.zeros((100, 3), "float32"))
    '(100, 3) float32'
    """
    shape = tuple(getattr(values, "shape", ()))
    dtype = getattr(values, "dtype", None)
    # What TensorFlow and torch call their types begins with their own name.
    kind = "" if dtype is None else f" {getattr(dtype, 'name', dtype)}".split(".")[-1]
    return f"{shape} {kind.strip()}".strip()
