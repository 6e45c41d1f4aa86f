"""How a target is written in each format."""

import contextlib
import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_dcat.export import runner
from keras_dcat.extras import require
from keras_dcat.transfer.models.heads import gives_logits
from keras_dcat.transfer.models.inspection import input_spec

# Windows that an int8 model sees to learn which range of values each layer has.
CALIBRATION_WINDOWS = 256
# Of the labels of these windows. With less, only weights are in int8, and what passes
# between layers stays float32.
LEAST_AGREEMENT = 0.98


@dataclasses.dataclass(frozen=True)
class Format:
    """One way to write a model.

    Attributes:
        file: str. Name of the file or folder.
        write: function of the serving model, the path, the class names and windows to
            calibrate with.
        is_exact: bool. Whether it computes what the model does, to rounding.
        needs: modules, each with the extra of this package that installs it.
    """

    file: str
    write: Callable
    is_exact: bool = True
    needs: tuple[str, ...] = ()


def serving_model(model: keras.Model) -> keras.Model:
    """A model from raw windows to probabilities, that shares the weights of a target.

    Args:
        model: built `keras.Model`, of any kind, with one input and a classifier.

    Returns:
        `keras.Model`.

    Raises:
        ValueError: if the model has several inputs.
    """
    inputs = keras.tree.flatten(input_spec(model))
    if len(inputs) != 1:
        raise ValueError(
            "An exported target must have one input, its windows. "
            f"Received: {model.name!r} with {len(inputs)} inputs. "
            "Join them inside the model, or use `keras.Model.export`."
        )
    windows = keras.Input(inputs[0].shape[1:], name="windows")
    outputs = model(windows)
    if gives_logits(model):
        outputs = keras.layers.Softmax(name="probabilities")(outputs)
    return keras.Model(windows, outputs, name="target")


def _write_saved_model(serving, path, class_names, calibration):
    """Signatures `serve`, with names of classes, and `probabilities`."""
    import tensorflow as tf

    names = tf.constant(class_names)
    signature = [tf.TensorSpec((None, *serving.input_shape[1:]), "float32", "windows")]
    archive = keras.export.ExportArchive()
    archive.track(serving)

    def probabilities(windows):
        return serving(windows, training=False)

    def serve(windows):
        scores = probabilities(windows)
        return {
            "probabilities": scores,
            "label": tf.gather(names, tf.argmax(scores, axis=-1)),
        }

    archive.add_endpoint("serve", serve, input_signature=signature)
    archive.add_endpoint("probabilities", probabilities, input_signature=signature)
    archive.write_out(str(path), verbose=False)


def _write_litert(serving, path, class_names, calibration):
    serving.export(str(path), format="litert", verbose=False)


def _write_litert_int8(serving, path, class_names, calibration):
    tf = require("tensorflow", "export")

    def representative_windows():
        for window in calibration:
            yield [window[None]]

    options = {
        "format": "litert",
        "verbose": False,
        "optimizations": [tf.lite.Optimize.DEFAULT],
    }
    serving.export(str(path), representative_dataset=representative_windows, **options)
    run, _, _owner = runner.load(path)  # which must live as long as what it runs
    expected = ops.convert_to_numpy(serving(calibration)).argmax(axis=-1)
    agreement = np.mean(run(calibration)[0].argmax(axis=-1) == expected)
    if agreement < LEAST_AGREEMENT:  # as where channels are of very different sizes
        serving.export(str(path), **options)


def _write_onnx(serving, path, class_names, calibration):
    with _numpy_statistics(serving):
        serving.export(str(path), format="onnx", verbose=False)


@contextlib.contextmanager
def _numpy_statistics(model):
    """Mean and variance of normalizations as NumPy arrays, for a while.

    tf2onnx takes tensors that a function finds outside itself for further inputs.
    """
    layers = [x for x in _layers(model) if isinstance(x, keras.layers.Normalization)]
    kept = [(layer, layer.mean, layer.variance) for layer in layers]
    try:
        for layer, *statistics in kept:
            layer.mean, layer.variance = map(ops.convert_to_numpy, statistics)
        yield
    finally:
        for layer, mean, variance in kept:
            layer.mean, layer.variance = mean, variance


def _layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


FORMATS = {
    "saved_model": Format("saved_model", _write_saved_model),
    "litert": Format("target.tflite", _write_litert, needs=("ai_edge_litert",)),
    "litert_int8": Format(
        "target_int8.tflite",
        _write_litert_int8,
        is_exact=False,
        needs=("ai_edge_litert",),
    ),
    "onnx": Format(
        "target.onnx", _write_onnx, needs=("tf2onnx", "onnx", "onnxruntime")
    ),
}


def calibration_rows(count: int) -> np.ndarray:
    """Which windows to calibrate with: some of all, from the first to the last.

    Args:
        count: int. How many windows there are.

    Returns:
        int array `(at most 256,)`.

    Example:

    >>> calibration_rows(4).tolist(), len(calibration_rows(1000))
    ([0, 1, 2, 3], 256)
    """
    chosen = min(count, CALIBRATION_WINDOWS)
    return np.linspace(0, count - 1, chosen).round().astype(int)
