"""What a program must know of an artefact, kept inside the artefact."""

import dataclasses
import json
import math
import os
import pathlib
import zipfile
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.shown import counted, few, shown_as_printed, told
from keras_dcat.storage import JSON_ERRORS, ZIP_ERRORS

NAME = "keras_dcat.json"
# What a target that is exported may be for, as in `keras_dcat.transfer`.
TASKS = ("multiclass", "binary", "multilabel")
# What is said of a window of several labels, or of none.
_AND, _NONE = " + ", "–"


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Description:
    """Which windows a model takes, and what its outputs are called.

    Attributes:
        class_names: tuple of str, in the order of the outputs; of one sigmoid unit, the
            names of no and of yes.
        stream: str. Name of the stream that windows are of.
        rate: float. Samples per second of a window, in Hz.
        length: float. Seconds that a window lasts.
        stride: float. Seconds from window to window, as in training.
        shape: tuple of int. Shape of a window, `(steps, channels…)`.
        task: `"multiclass"` (one of several classes), `"binary"` (one unit, the
            probability of the second class) or `"multilabel"` (each label by itself).

    Example:

    >>> fall = Description(("no", "fall"), "imu", 50.0, 2.0, 1.0, (100, 3), "binary")
    >>> fall.probabilities(np.array([[0.75]])).tolist()
    [[0.25, 0.75]]
    """

    class_names: tuple[str, ...]
    stream: str
    rate: float
    length: float
    stride: float
    shape: tuple[int, ...]
    task: str = "multiclass"

    def __str__(self) -> str:
        kinds = ("label", "labels") if self.is_multilabel else ("class", "classes")
        return (
            f"<Description {told(self.stream)} {self.shape} at {self.rate:.6g} Hz, "
            f"windows of {self.length:.6g} s every {self.stride:.6g} s, "
            f"{counted(len(self.class_names), *kinds)}: "
            f"{few(self.class_names)}>"
        )

    @property
    def is_multilabel(self) -> bool:
        """Whether several labels, or none, may be said of a window."""
        return self.task == "multilabel"

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of every name.

        Args:
            outputs: float array `(windows, outputs)`, of the artefact.

        Returns:
            float array `(windows, names)`.
        """
        if self.task != "binary":
            return outputs
        return np.concatenate([1 - outputs, outputs], axis=-1)

    def decisions(self, probabilities: np.ndarray) -> np.ndarray:
        """What probabilities say: the largest one, or each label above 0.5.

        Args:
            probabilities: float array `(windows, names)`.

        Returns:
            int array `(windows,)`, the number of the class; of a multi-label target
            `(windows, names)`, 1 for what is said and 0 for what is not.
        """
        if self.is_multilabel:
            return (probabilities > 0.5).astype("int64")
        return probabilities.argmax(axis=-1)

    def names_of(self, decision: Any) -> tuple[str, ...]:
        """The names of what is said of a window.

        Args:
            decision: int or int array `(names,)`, as of `decisions`.

        Returns:
            tuple of str: one, or as many as are said of a multi-label target.
        """
        if self.is_multilabel:
            return tuple(self.class_names[n] for n in np.flatnonzero(decision))
        return (self.class_names[int(decision)],)

    def to_json(self) -> str:
        """The description as text.

        Returns:
            str.
        """
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Description":
        """The description that was written as text.

        Args:
            text: str, as of `to_json`.

        Returns:
            `Description`.

        Raises:
            ValueError: if it is not such a text.
        """
        return cls._parsed(text, f"{text[:80]!r}")

    @classmethod
    def of(cls, path: str | os.PathLike) -> "Description":
        """Reads the description out of an artefact.

        Args:
            path: str or path of a SavedModel, `.tflite` or `.onnx`.

        Returns:
            `Description`.

        Raises:
            FileNotFoundError: if there is nothing at `path`.
            ValueError: if it is a file of another format, if there is no description in
                it, or it is damaged.
        """
        path = pathlib.Path(path)
        if not path.exists():
            raise FileNotFoundError(
                "An artefact must be a file, or the folder of a SavedModel. "
                f"Received: {str(path)!r}, where there is nothing. "
                "Export the model, or check the spelling."
            )
        _check_format(path)
        if path.is_dir():
            path = path / "assets.extra" / NAME
            text = path.read_text("utf-8", "replace") if path.is_file() else ""
        elif path.suffix == ".onnx":
            text = _of_onnx(path)
        else:
            text = _of_zip(path)
        return cls._parsed(text, f"{str(path)!r}, in which there is {text[:80]!r}")

    @classmethod
    def _parsed(cls, text, received):
        try:
            fields = json.loads(text)
            lists = [fields.pop(name) for name in ("class_names", "shape")]
            if not all(isinstance(each, list) for each in lists):
                raise ValueError("class names and shape are no lists")
            names, shape = map(tuple, lists)
            description = cls(**fields, class_names=names, shape=shape)
            description._check()
        except JSON_ERRORS as error:
            raise ValueError(
                "A description must be one that `export_target` has written. "
                f"Received: {received} ({error}). Export the model anew."
            ) from error
        return description

    def _check(self):
        names = [self.stream, self.task, *self.class_names]
        numbers = [self.rate, self.length, self.stride]
        if (
            not self.class_names
            or not self.shape
            or not all(type(name) is str for name in names)
            or self.task not in TASKS
            or (self.task == "binary" and len(self.class_names) != 2)
            or not all(type(size) is int and 0 < size < 2**31 for size in self.shape)
            or not all(type(n) in (int, float) and 0 < n < math.inf for n in numbers)
        ):
            raise ValueError("a part of it is of another type, or out of range")

    def put_into(self, path: pathlib.Path) -> None:
        """Writes the description into an artefact, which works as before.

        Args:
            path: path of a SavedModel, `.tflite` or `.onnx`.
        """
        if path.is_dir():
            folder = path / "assets.extra"
            folder.mkdir(exist_ok=True)
            (folder / NAME).write_text(self.to_json(), "utf-8")
        elif path.suffix == ".onnx":
            onnx = require("onnx", "export")
            model = onnx.load(str(path))
            onnx.helper.set_model_props(model, {NAME: self.to_json()})
            onnx.save(model, str(path))
        else:
            # Readers of LiteRT look at the front of a file, those of zip at its end.
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr(NAME, self.to_json())
                archive.writestr("labels.txt", "\n".join(self.class_names))


def joined(names: tuple[str, ...]) -> str:
    """Names of what is said of a window, as one label.

    Args:
        names: tuple of str.

    Returns:
        str.

    Example:

    >>> joined(("walk",)), joined(("walk", "talk")), joined(())
    ('walk', 'walk + talk', '–')
    """
    return _AND.join(names) or _NONE


def _check_format(path):
    """Refuses what is no artefact, and parts of one."""
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return
        found = "a folder without saved_model.pb"
    elif path.suffix in (".tflite", ".onnx"):
        return
    else:
        found = "a file of another format"
    cure = "Give the .tflite or .onnx that `export_target` has written, or that folder."
    if path.suffix == ".pb" or path.name == NAME:
        cure = "Give the artefact that it is a part of: its folder, .tflite or .onnx."
    raise ValueError(
        "An artefact must be a .tflite, a .onnx or the folder of a SavedModel. "
        f"Received: {str(path)!r}, {found}. {cure}"
    )


def _of_onnx(path):
    session = require("onnxruntime", "export").InferenceSession
    try:
        found = session(str(path), providers=["CPUExecutionProvider"]).get_modelmeta()
        return found.custom_metadata_map.get(NAME, "")
    except Exception:  # of onnxruntime, one kind for each of its status codes
        return ""


def _of_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(NAME).file_size > _MOST_BYTES:
                return ""
            return archive.read(NAME).decode("utf-8", errors="replace")
    except PermissionError:
        raise
    except ZIP_ERRORS:
        return ""


_MOST_BYTES = 2**20  # of a description
