"""Ways into a MAT-file, the same in all its versions: `"data/trials[1]/acc"`."""

import math
import re
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.matlab_5 import NUMBERS
from keras_dcat.recordings.readers.opened_files import Source, check_names

_PART = re.compile(r"([^/\[\]]+)((?:\[ *\d+(?: *, *\d+)* *\])*)")
_BY_MATLAB = re.compile(r"[({] *([1-9]\d*) *[)}]")
_MOST = 500  # arrays that are looked through for a list of what there is
_DEPTH = 30
_CURES = {
    "table": "T{:, {'x', 'y', 'z'}} makes an array of columns of a table T",
    "timetable": "T{:, {'x', 'y', 'z'}} makes an array of columns of a timetable T, "
    "and seconds(T.Time - T.Time(1)) its times",
    "datetime": "posixtime(t) makes seconds of a datetime t",
    "duration": "seconds(t) makes numbers of a duration t",
    "categorical": "double(c) makes numbers of a categorical c",
    "string": "str2double(s) makes numbers of a string s",
    "char": "str2num(s) makes numbers of text s",
    "sparse": "full(x) makes an array of a sparse x",
    "function_handle": "save the array that it gives",
}


def found_at(source: Source, variables: dict[str, Any], key: str) -> Any:
    """The array of numbers at a path.

    Args:
        source: `Source`. The file, for errors.
        variables: dict of arrays of it.
        key: str. Names of a variable and of fields with `/` between them, and places
            in `[]` from 0, for one of several structures or cells.

    Returns:
        array with `values`.

    Raises:
        ValueError: if there is none.
    """
    parts = [_PART.fullmatch(part) for part in str(key).split("/")]
    if not all(parts):
        raise _absent(source, variables, key)
    array: Any = None
    number: Any = None
    said = ""
    for part in filter(None, parts):
        name = part[1]
        if array is None:
            array = variables.get(name)
        elif array.kind == "struct" and name in array.names:
            check_names(source, [name], array.names)
            array = array.item(_one(source, array, number, said, f"/{name}"), name)
        else:
            array = None
        if array is None:
            raise _absent(source, variables, key)
        said, number = f"{said}/{name}".lstrip("/"), None
        for index in re.findall(r"\[([^\]]*)\]", part[2]):
            if number is not None:  # of a structure, which has no further places
                raise _absent(source, variables, key)
            number = _place(source, array, index, said)
            said = f"{said}[{index}]"
            if array.kind == "cell":
                array, number = array.item(number), None
    if array.kind not in NUMBERS:
        raise _no_numbers(source, array, number, key, said)
    if number is not None:
        raise _absent(source, variables, key)
    return array


def _one(source, array, number, said, rest):
    """Which structure is meant; it need not be said if there is one."""
    count = math.prod(array.shape)
    if number is None and count != 1:
        raise ValueError(
            "One of several structures must be named by its place. "
            f"Received: {said!r} of {source.name!r}, which has {count}. "
            f"Choose from {f'{said}[0]{rest}'!r} to {f'{said}[{count - 1}]{rest}'!r}."
        )
    return number or 0


def _place(source, array, index, said):
    """The place in MATLAB's order, which runs down columns."""
    if array.kind not in ("struct", "cell"):
        raise ValueError(
            "Only structures and cells have places. "
            f"Received: [{index}] behind {said!r} of {source.name!r}, which is MATLAB "
            f"{array.kind}. Leave it out, and slice the values of the stream."
        )
    places = [int(place) for place in index.split(",")]
    count = math.prod(array.shape)
    if len(places) == 1 and places[0] < count:
        return places[0]
    if len(places) == len(array.shape) and all(
        place < size for place, size in zip(places, array.shape, strict=True)
    ):
        return int(np.ravel_multi_index(places, array.shape, order="F"))
    raise ValueError(
        "A place counts from 0, where MATLAB counts from 1. "
        f"Received: [{index}] of {said!r} of {source.name!r}, which has shape "
        f"{array.shape}. Choose from {f'{said}[0]'!r} to {f'{said}[{count - 1}]'!r}."
        if count
        else "A place must be there. "
        f"Received: [{index}] of {said!r} of {source.name!r}, which is empty. "
        "Choose another array."
    )


def _absent(source, variables, key):
    """The error for a path that leads nowhere, with those that lead to numbers."""
    leaves: list = []
    left = [_MOST]
    for name, array in variables.items():
        if array is not None:
            _walk(array, name, leaves, left, 0)
    # What is 'st(1).acc' in MATLAB is no 'st[1]/acc', for paths count from 0.
    own = _BY_MATLAB.sub(lambda found: f"[{int(found[1]) - 1}]", key).replace(".", "/")
    if own != key and own in leaves:
        return ValueError(
            "A path has a '/' before a field, and counts from 0 in brackets. "
            f"Received: {key!r} for {source.name!r}. Pass {own!r}."
        )
    try:
        check_names(source, [key], [leaf for leaf in leaves if leaf != key])
    except ValueError as error:
        return error
    return None


def _walk(array, path, leaves, left, depth):
    """Adds the paths of arrays of numbers inside of an array."""
    left[0] -= 1
    if left[0] < 0 or depth > _DEPTH:
        return
    if array.kind in NUMBERS:
        leaves.append(path)
    if array.kind not in ("struct", "cell"):
        return
    count = math.prod(array.shape)
    for number in range(min(count, max(left[0], 0))):
        is_several = count > 1 or array.kind == "cell"
        own = f"{path}[{number}]" if is_several else path
        if array.kind == "cell":
            _walk(array.item(number), own, leaves, left, depth + 1)
        for name in array.names:
            inner = array.item(number, name)
            _walk(inner, f"{own}/{name}", leaves, left, depth + 1)


def _no_numbers(source, array, number, key, said):
    """The error for an array of something else, with what can be done."""
    leaves: list = []
    if number is None:
        _walk(array, said, leaves, [_MOST], 0)
    else:
        for name in array.names:
            inner = array.item(number, name)
            _walk(inner, f"{said}/{name}", leaves, [_MOST], 0)
    if leaves:
        more = ", …" if len(leaves) > 20 else ""
        cure = f"Choose from: {', '.join(map(repr, leaves[:20]))}{more}"
    else:
        command = _CURES.get(array.kind, "struct(x) shows the values of an object x")
        cure = f"Save it as an array of numbers; in MATLAB, {command}"
        if "empty" in array.kind or array.kind in ("struct", "cell"):
            cure = "Choose another array"
    return ValueError(
        "Values must be real numbers. "
        f"Received: {key!r} of {source.name!r} with values of type MATLAB "
        f"{array.kind}. {cure}."
    )
