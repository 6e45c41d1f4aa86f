"""What a program must know of an artefact, kept inside the artefact."""

import dataclasses
import json
import pathlib
import zipfile

from keras_dcat.extras import require

NAME = "keras_dcat.json"


@dataclasses.dataclass(frozen=True)
class Description:
    """Which windows a model takes, and what its outputs are called.

    Attributes:
        class_names: tuple of str, in the order of the outputs.
        stream: str. Name of the stream that windows are of.
        rate: float. Samples per second of a window, in Hz.
        length: float. Seconds that a window lasts.
        stride: float. Seconds from window to window, as in training.
        shape: tuple of int. Shape of a window, `(steps, channels…)`.
    """

    class_names: tuple[str, ...]
    stream: str
    rate: float
    length: float
    stride: float
    shape: tuple[int, ...]

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
        try:
            fields = json.loads(text)
            tuples = {
                name: tuple(fields.pop(name)) for name in ("class_names", "shape")
            }
            return cls(**fields, **tuples)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                "A description must be one that `export_target` has written. "
                f"Received: {text[:80]!r} ({error}). Export the model anew."
            ) from error

    @classmethod
    def of(cls, path) -> "Description":
        """Reads the description out of an artefact.

        Args:
            path: str or path of a SavedModel, `.tflite` or `.onnx`.

        Returns:
            `Description`.

        Raises:
            ValueError: if there is none in it.
        """
        path = pathlib.Path(path)
        if path.is_dir():
            file = path / "assets.extra" / NAME
            text = file.read_text("utf-8") if file.is_file() else ""
        elif path.suffix == ".onnx":
            text = _of_onnx(path)
        else:
            text = _of_zip(path)
        return cls.from_json(text)

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


def _of_onnx(path):
    session = require("onnxruntime", "export").InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    return session.get_modelmeta().custom_metadata_map.get(NAME, "")


def _of_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(NAME).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, KeyError):
        return ""
