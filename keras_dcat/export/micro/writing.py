"""The smallest model for a microcontroller that is as good as the target, nearly."""

import dataclasses
import pathlib
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_dcat.export.checking import Check, failed, last_words
from keras_dcat.export.description import Description
from keras_dcat.export.micro.firmware import sources
from keras_dcat.export.micro.lowering import float_model
from keras_dcat.export.micro.measures import measured, operation_count
from keras_dcat.export.micro.quantizing import quantized
from keras_dcat.export.micro.slimming import slimmed
from keras_dcat.export.micro.spectrum import split
from keras_dcat.shown import counted, shown_as_printed

# Each step of a recurrent layer is some twenty, written out.
MOST_OPERATIONS = 2000
# What is tried beside float32: bits of what passes between operations, and whether each
# channel has a scale of its own. Weights have 8 bits.
VARIANTS = {"int8": (8, False), "int8 per channel": (8, True), "int16x8": (16, True)}


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class OnMicrocontroller:
    """The format chosen for a microcontroller, and what it needs.

    Attributes:
        variant: str. The smallest that lost at most 0.01 macro F1, of `"int8"`, `"int8
            per channel"` (scales of weights), `"int16x8"` (activations in 16 bits,
            weights in 8) and `"float32"`. Normalizations are in float32 in all.
        arena_kilobytes: float. Memory that the interpreter needs, on 64 bits.
        flash_kilobytes: float. Of the model, beside the code of its operations.
        multiply_accumulates: int. Of a window.
        operations: tuple of str, as `MicroMutableOpResolver` names them.
        refused: dict from each smaller variant to why it was not taken.
        spectrum: str. What the firmware must compute of a window of sound first;
            `None` if windows go in as they are.
    """

    variant: str
    arena_kilobytes: float
    flash_kilobytes: float
    multiply_accumulates: int
    operations: tuple[str, ...]
    refused: dict[str, str]
    spectrum: str | None = None

    def __str__(self) -> str:
        return (
            f"micro: {self.variant}, {self.arena_kilobytes:.1f} kB of arena, "
            f"{self.flash_kilobytes:.1f} kB of flash, "
            f"{self.multiply_accumulates:,} multiply-accumulates a window, "
            f"{counted(len(self.operations), 'operation')}"
        )

    def told(self, check: Check) -> str:
        """What a model card says of it, in Markdown.

        Args:
            check: `Check` of it.

        Returns:
            str.
        """
        interval = check.f1_drop_interval
        loss = f"{check.macro_f1_drop:+.3f}" if interval is None else interval.signed
        lines = [
            f"Computed in {self.variant}, whose macro F1 is {check.macro_f1:.3f}: less "
            f"than the model's by {loss}. It was chosen by these windows.",
            "",
            *(f"- {each} was not taken: {why}" for each, why in self.refused.items()),
            f"- Memory: {self.arena_kilobytes:.1f} kB of arena, as the interpreter "
            "measures it on 64 bits, and the window.",
            f"- Flash: {self.flash_kilobytes:.1f} kB, and the code of "
            f"{len(self.operations)} operations: {', '.join(self.operations)}.",
            f"- Work: {self.multiply_accumulates:,} multiply-accumulates a window.",
            "- Numbers for the firmware: `micro/firmware.json`; a sketch: "
            "`micro/sketch.cc`.",
        ]
        if self.spectrum is not None:
            lines.append(f"- The firmware makes the spectrum: {self.spectrum}.")
        return "\n".join(lines)


def write_micro(
    serving: keras.Model,
    path: pathlib.Path,
    description: Description,
    calibration: np.ndarray,
    windows: np.ndarray,
    judge: Callable[[pathlib.Path, np.ndarray], Check],
) -> tuple[Check, OnMicrocontroller]:
    """Writes the smallest variant that is good enough, and what firmware needs beside.

    Args:
        serving: `keras.Model`, as of `serving_model`.
        path: path of the `.tflite` to write, in a folder of its own.
        description: `Description`.
        calibration: float32 array `(windows, …)` of the training.
        windows: float32 array `(windows, …)` of people held out.
        judge: function of a path and what goes into the model there, which gives its
            `Check` or raises a `RuntimeError`.

    Returns:
        tuple of `Check` and `OnMicrocontroller`.

    Raises:
        ValueError: if the model has a spectrum that cannot be taken out of it.
        RuntimeError: if none of them is good enough.
    """
    front, behind, spectrum = split(serving)
    calibration, windows = (_made(front, each) for each in (calibration, windows))
    exact = _converted(float_model, behind)
    _check_size(exact)
    models, refused = _variants(exact, calibration)
    path.parent.mkdir(parents=True, exist_ok=True)
    for variant, model in models.items():
        path.write_bytes(model)
        try:
            check = judge(path, windows)
            break
        except RuntimeError as error:
            if variant == list(models)[-1]:
                raise
            refused[variant] = _reason(error)
    measures = measured(model)
    arena = round(1000 * (check.arena_kilobytes or 0))
    shape = tuple(behind.input_shape[1:])
    texts = sources(model, description, measures, arena, shape, spectrum)
    for name, text in texts.items():
        (path.parent / name).write_text(text, "utf-8")
    if front is None:
        description.put_into(path)
    return check, OnMicrocontroller(
        variant=variant,
        arena_kilobytes=arena / 1000,
        flash_kilobytes=len(model) / 1000,
        multiply_accumulates=measures.multiply_accumulates,
        operations=measures.operations,
        refused=refused,
        spectrum=None if spectrum is None else str(spectrum),
    )


def _check_size(model):
    operations = operation_count(model)
    if operations > MOST_OPERATIONS:
        raise failed(
            "micro",
            f"{operations:,} operations, where {MOST_OPERATIONS:,} are the most",
            "Give recurrent layers fewer steps, as strided convolutions before them "
            "do, or choose keras_dcat.encoders.imu",
        )


def _variants(exact, calibration):
    """Models by variant, the smallest first, and why there is none of others."""
    models = {"float32": slimmed(exact)}
    refused = {}
    for variant, numbers in VARIANTS.items():
        try:
            model = _converted(quantized, exact, calibration, *numbers)
            models[variant] = slimmed(model)
        except RuntimeError as error:
            refused[variant] = _reason(error)
    return dict(sorted(models.items(), key=lambda each: len(each[1]))), refused


def _converted(convert, *given):
    """What a converter makes; what goes wrong in it is told in one sentence."""
    try:
        return convert(*given)
    except (ImportError, OSError):
        raise
    except Exception as error:  # converters have errors of many kinds
        reason = f"{type(error).__name__} in writing it: {last_words(str(error))}"
        raise failed("micro", reason) from error


def _made(front, windows):
    if front is None:
        return windows
    parts = [windows[at : at + 256] for at in range(0, len(windows), 256)]
    return np.concatenate([ops.convert_to_numpy(front(part)) for part in parts])


def _reason(error):
    """What was received, of an error that says the rule, this, and what to do."""
    told = str(error)
    if "Received: " in told:
        told = told.split("Received: ", 1)[1].rsplit(". ", 1)[0]
    return told
