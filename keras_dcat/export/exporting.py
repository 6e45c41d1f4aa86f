"""A target in several formats, each checked before it is called done."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from keras_dcat.class_names import checked_class_names
from keras_dcat.export.card import model_card
from keras_dcat.export.checking import Check, check, failed, last_words
from keras_dcat.export.description import Description
from keras_dcat.export.formats import FORMATS, USUAL, calibration_rows, serving_model
from keras_dcat.export.micro.writing import OnMicrocontroller
from keras_dcat.shown import shown_as_printed
from keras_dcat.storage import written_whole
from keras_dcat.transfer import DCATModel
from keras_dcat.transfer.models.heads import find_head
from keras_dcat.windows import WindowIndex


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Export:
    """A folder of artefacts with their checks. `print` shows a table.

    Attributes:
        path: path of the folder.
        description: `Description`, which is inside each artefact.
        checks: tuple of `Check`.
        micro: `OnMicrocontroller`, what was chosen for a microcontroller; `None` if
            `"micro"` was none of the formats.
    """

    path: pathlib.Path
    description: Description
    checks: tuple[Check, ...]
    micro: OnMicrocontroller | None = None

    def file(self, name: str) -> pathlib.Path:
        """Path of one artefact.

        Args:
            name: str. Its format.

        Returns:
            path.
        """
        return self.path / FORMATS[name].file

    def __str__(self) -> str:
        table = _table(self.checks)
        return table if self.micro is None else f"{table}\n\n{self.micro}"


def export_target(
    model: keras.Model,
    path: str | os.PathLike,
    held_out: WindowIndex,
    stream: str,
    class_names: Sequence[str],
    *,
    stride: float,
    task: str | None = None,
    calibration: WindowIndex | None = None,
    formats: Sequence[str] = USUAL,
    about: Mapping[str, str] | None = None,
    verbose: int = 1,
) -> Export:
    """Exports a target to artefacts with a description inside, and checks each.

    Raw windows go in and probabilities come out; of a SavedModel, names of classes,
    too. Every artefact is loaded in a fresh process without this package, and, but for
    a SavedModel, without Keras, and must say what the model says: the same label for
    99.9 % of the windows held out, or, in int8, a macro F1 at most 0.01 less. Beside
    them is a `model_card.md` with what those windows tell. A target with recurrent
    layers that are not unrolled takes one window at a time in LiteRT, and has only its
    weights in int8.

    One sigmoid unit gives the probability of the second of two class names, several
    give that of each label by itself: above 0.5, it is said of the window.

    Args:
        model: `DCATModel`, whose target is exported; or a target.
        path: folder to write. It appears when all is done, and must not be there.
        held_out: `WindowIndex` of people who were not in the training. For several
            labels, its `labels` are `(windows, labels)`, −1 or NaN for none.
        stream: str. The target's stream in it.
        class_names: sequence of str, in the order of the outputs; of one sigmoid unit,
            the names of no and of yes.
        stride: float. Seconds from window to window, for those that stream.
        task: what a target is for, where its last activation does not tell: logits of
            `"binary"` or `"multilabel"`. A `DCATModel` knows it.
        calibration: `WindowIndex` of the training, which whole numbers need.
        formats: some of `"saved_model"`, `"litert"`, `"litert_int8"`, `"onnx"`, and
            `"micro"` for microcontrollers, which is no default: a folder with a
            `.tflite` that TensorFlow Lite Micro runs, the same as a C array, a sketch
            of the firmware, and its numbers. Of int8, int16 × int8 and float32 it is
            the smallest that loses at most 0.01 macro F1. It needs the extra `micro`.
            TensorFlow writes all; torch `"litert"` and `"onnx"`, and JAX `"onnx"`.
        about: dict from a heading of the model card to its text, such as `"Data"`,
            `"Licence"` or `"Limits"`.
        verbose: 0 for no progress bar.

    Returns:
        `Export`.

    Raises:
        ValueError: if a format is unknown, or is not written on this backend of Keras,
            if names and outputs differ in number, if the model does not take such
            windows, says no classes of them, is stateful, or if whole numbers have
            nothing to calibrate with.
        FileExistsError: if there is such a folder.
        RuntimeError: if an artefact cannot be written, or fails its check. Nothing is
            left on disk then.
        ImportError: if a package is missing that a format needs.
    """
    target = model.target if isinstance(model, DCATModel) else model
    folder = pathlib.Path(path)
    _check_arguments(folder, formats, held_out, calibration)
    shape = _window_shape(held_out, stream)
    head = model.head if target is not model else find_head(target, task)
    serving = serving_model(target, shape, head)
    description = _description(head, held_out, stream, class_names, stride)
    labels = _labels(held_out, description)
    windows = held_out.gather(stream).astype("float32")
    expected = _predicted(serving, windows)
    seen = None
    if calibration is not None:
        rows = calibration_rows(len(calibration))
        seen = calibration.gather(stream, rows).astype("float32")
    names = {v.path for v in target.variables}
    progress = keras.utils.Progbar(len(formats), unit_name="format", verbose=verbose)
    micro = None
    with written_whole(folder) as part:
        part.mkdir()
        checks = []

        def judge(written, given):
            return check(
                written,
                name,
                given,
                expected,
                labels,
                description,
                names,
                FORMATS[name].is_exact,
                held_out.subjects,
            )

        for name in formats:
            written = part / FORMATS[name].file
            write = FORMATS[name].write
            if name == "micro":
                found, micro = write(
                    serving, written, description, seen, windows, judge
                )
            else:
                _write(name, serving, written, description, seen)
                description.put_into(written)
                found = judge(written, windows)
            checks.append(found)
            progress.add(1)
        card = model_card(
            description,
            labels,
            description.decisions(description.probabilities(expected)),
            held_out.subjects,
            _training(model),
            about or {},
            _table(checks),
            None if micro is None else micro.told(checks[list(formats).index("micro")]),
        )
        (part / "model_card.md").write_text(card, "utf-8")
    return Export(folder, description, tuple(checks), micro)


def _write(name, serving, path, description, calibration):
    """Writes an artefact; what goes wrong in other packages is told in one sentence."""
    try:
        FORMATS[name].write(serving, path, description, calibration)
    except (ImportError, OSError):
        raise
    except Exception as error:  # converters have errors of many kinds
        reason = f"{type(error).__name__} in writing it: {last_words(str(error))}"
        raise failed(name, reason) from error


def _window_shape(held_out, stream):
    if stream not in held_out.samples:
        raise ValueError(
            "`stream` must be one of the windows held out. "
            f"Received: {stream!r}. Choose from {sorted(held_out.samples)}."
        )
    return held_out.shape(stream)


def _description(head, held_out, stream, class_names, stride):
    shape = held_out.shape(stream)
    count = 2 if head.task == "binary" else head.size
    class_names = checked_class_names(class_names, count)
    if not stride > 0:
        raise ValueError(
            f"`stride` must be above 0 s. Received: stride={stride}. "
            "Give that of the training."
        )
    rate, length = held_out.rates[stream], held_out.length
    return Description(
        class_names, stream, rate, length, float(stride), shape, head.task
    )


def _labels(held_out, description):
    """Labels of the windows held out, −1 for none, of the shape of decisions."""
    labels = np.asarray(held_out.labels)
    count = len(description.class_names)
    wanted = (len(labels), count) if description.is_multilabel else (len(labels),)
    if labels.shape != wanted:
        raise ValueError(
            "`held_out` must have the labels that the target gives. "
            f"Received: labels of shape {labels.shape}, not {wanted}. "
            "Set them: dataclasses.replace(held_out, labels=…)."
        )
    labels = np.where(labels >= 0, labels, -1).astype("int64")
    if not (labels >= 0).any():
        raise ValueError(
            "`held_out` must have labels, by which the model card is made. "
            "Received: windows without any. Hold out people of whom you know them."
        )
    return labels


def _check_arguments(folder, formats, held_out, calibration):
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ValueError(
            f"`formats` must be some of {list(FORMATS)}. Received: {list(formats)}. "
            "Leave it out for all but 'micro'."
        )
    if calibration is None and not all(FORMATS[name].is_exact for name in formats):
        raise ValueError(
            "An export in whole numbers must see windows of the training. "
            "Received: no `calibration`. Give their WindowIndex, or leave it out."
        )
    for name in formats:
        FORMATS[name].check_backend(name, keras.backend.backend())
    if folder.exists():
        raise FileExistsError(
            f"{folder} must not be there yet. Take another folder, or delete it."
        )


def _predicted(serving, windows):
    parts = np.array_split(windows, -(-len(windows) // 256))
    return np.concatenate([ops.convert_to_numpy(serving(part)) for part in parts])


def _training(model):
    """What a model card says of how a target was trained."""
    if not isinstance(model, DCATModel):
        return {"Weights": f"{model.count_params():,}"}
    return {
        "Weights": f"{model.target.count_params():,}",
        "Trained by": "D-CAT, decoupled cross-attention transfer",
        "λ at the end": f"{model.transfer_weight:g}",
        "Transfer losses": ", ".join(loss.name for loss in model.transfer_losses),
    }


def _table(checks):
    lines = [
        "| format | kB | ms a window | same label | macro F1 | less than the model |",
        "|---|---|---|---|---|---|",
    ]
    for each in checks:
        cells = (
            each.format,
            f"{each.kilobytes:.0f}",
            f"{each.milliseconds:.3g}",
            f"{each.agreement:.2%}",
            f"{each.macro_f1:.3f}",
            f"{each.macro_f1_drop:+.3f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
