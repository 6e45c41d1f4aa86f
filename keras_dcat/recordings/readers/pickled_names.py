"""Names that pandas pickled into an HDF5 file, read without unpickling them."""

import pickletools
from typing import Any

_MARK = object()
_PLAIN = (
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"),
)
_MOST = 2**20  # bytes of a pickle that is looked at


def names_in(pickled: Any) -> list[str]:
    """The names in a pickled list. Nothing in it is executed.

    Args:
        pickled: bytes of a pickle of a list of text, numbers, or tuples of both.

    Returns:
        list of str. Those in a tuple have points between them.

    Raises:
        ValueError: if it is anything else.

    Example:

    >>> import pickle
    >>> names_in(pickle.dumps([("acc", "x"), "t", 3]))
    ['acc.x', 't', '3']
    """
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for code, value, _ in pickletools.genops(_bytes(pickled)):
        name = code.name
        if name in _PLAIN:
            stack.append(str(value))
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append([])
        elif name in ("LIST", "TUPLE"):
            stack.append(_popped(stack))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [stack[-count:]]
        elif name in ("APPEND", "APPENDS"):
            more = [stack.pop()] if name == "APPEND" else _popped(stack)
            stack[-1].extend(more)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if value is None else value] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"a pickle with {name}")
    return [_said(name) for name in stack[0]]


def words_in(pickled: Any) -> list[str]:
    """All text in a pickle, in order. Nothing in it is executed.

    Args:
        pickled: bytes of a pickle of whatever it is.

    Returns:
        list of str.

    Raises:
        ValueError: if it is no pickle.
    """
    codes = pickletools.genops(_bytes(pickled))
    return [str(value) for code, value, _ in codes if code.name in _PLAIN]


def _bytes(pickled):
    pickled = bytes(pickled)
    if len(pickled) > _MOST:
        raise ValueError(f"a pickle of {len(pickled)} bytes")
    return pickled


def _popped(stack):
    place = len(stack) - 1 - stack[::-1].index(_MARK)
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _said(name):
    if isinstance(name, str):
        return name
    if not all(isinstance(part, str) for part in name):
        raise ValueError("names inside of names")
    return ".".join(name)
