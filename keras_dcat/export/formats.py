"""How a target is written in each format."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import ops

from keras_dcat.export import runner
from keras_dcat.export.micro.lowering import in_single_precision
from keras_dcat.export.micro.writing import write_micro
from keras_dcat.extras import require
from keras_dcat.transfer.head import Head, described
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
        write: function of the serving model, the path, its `Description` and windows to
            calibrate with. That of `"micro"` also judges what it writes.
        is_exact: bool. Whether it computes what the model does, to rounding.
        needs: modules without which it cannot be written or checked.
        extra: str. The extra of this package that installs them.
        backends: dict from a backend of Keras on which it can be written to the
            modules that it needs there, which the extra and the backend's name install.
    """

    file: str
    write: Callable
    is_exact: bool = True
    needs: tuple[str, ...] = ()
    extra: str = "export"
    backends: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=lambda: {"tensorflow": ()}
    )

    def check_backend(self, name: str, backend: str) -> None:
        """Refuses a backend on which it cannot be written.

        Args:
            name: str. Its own.
            backend: str. Name of a backend of Keras.

        Raises:
            ValueError: if it cannot.
            ImportError: if a package is missing that it needs there.
        """
        if backend not in self.backends:
            raise ValueError(
                f"The {name} export is written on these backends of Keras: "
                f"{list(self.backends)}. Received: KERAS_BACKEND={backend}. Save the "
                "target with `target.save`, and load and export it in a process with "
                "KERAS_BACKEND=tensorflow."
            )
        for module in self.backends[backend]:
            own = "" if backend == "tensorflow" else f"-{backend}"
            require(module, f"{self.extra}{own}")
        for module in self.needs:
            require(module, self.extra)


def serving_model(
    model: keras.Model, shape: tuple[int, ...], head: Head
) -> keras.Model:
    """A model from raw windows to probabilities, that shares the weights of a target.

    Args:
        model: built `keras.Model`, of any kind, with one input and a classifier.
        shape: tuple of int. Shape of a window. It fixes what the model leaves open, as
            recurrent and convolutional ones may the number of steps.
        head: `Head`, what the model ends in.

    Returns:
        `keras.Model`.

    Raises:
        ValueError: if the model has several inputs, takes windows of another shape,
            says no classes of a window, or if a recurrent layer of it is stateful.
    """
    inputs = keras.tree.flatten(input_spec(model))
    if len(inputs) != 1:
        raise ValueError(
            "An exported target must have one input, its windows. "
            f"Received: {model.name!r} with {len(inputs)} inputs. "
            "Join them inside the model, or use `keras.Model.export`."
        )
    own = inputs[0].shape[1:]
    if len(own) != len(shape) or any(
        a not in (None, b) for a, b in zip(own, shape, strict=True)
    ):
        raise ValueError(
            "An exported target must take the windows that it is checked with. "
            f"Received: windows of shape {shape}, for {model.name!r} of {own}. "
            "Name the `stream` that the target was trained on."
        )
    if not head.has_beliefs or head.steps is not None:
        raise ValueError(
            "An exported target must say classes or labels of a window. "
            f"Received: {model.name!r}, which ends in {described(head)}. "
            "Write it with `keras.Model.export`."
        )
    _check_stateless(model)
    windows = keras.Input(shape, name="windows")
    outputs = model(windows)
    options = {"dtype": "float32", "name": "probabilities"}
    if head.from_logits and head.task == "multiclass":
        outputs = keras.layers.Softmax(**options)(outputs)
    elif head.from_logits:
        outputs = keras.layers.Activation("sigmoid", **options)(outputs)
    elif outputs.dtype != "float32":
        outputs = keras.layers.Activation("linear", **options)(outputs)
    return keras.Model(windows, outputs, name="target")


def _check_stateless(model):
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            raise ValueError(
                "An exported target must say the same of a window whatever came "
                f"before. Received: {model.name!r}, whose layer {layer.name!r} is "
                "stateful. Build it with stateful=False, and pass its weights on: "
                "new.set_weights(old.get_weights())."
            )


def _write_saved_model(serving, path, description, calibration):
    """Signatures `serve`, with names of classes, and `probabilities`.

    Of several labels, or of none, there is no one name.
    """
    import tensorflow as tf

    names = tf.constant(description.class_names)
    signature = [_signature(serving)]
    archive = keras.export.ExportArchive()
    archive.track(serving)

    def probabilities(windows):
        return serving(windows, training=False)

    def serve(windows):
        scores = probabilities(windows)
        if description.is_multilabel:
            return {"probabilities": scores}
        if description.task == "binary":
            chosen = tf.cast(scores[:, 0] > 0.5, "int64")
        else:
            chosen = tf.argmax(scores, axis=-1)
        return {"probabilities": scores, "label": tf.gather(names, chosen)}

    archive.add_endpoint("serve", serve, input_signature=signature)
    archive.add_endpoint("probabilities", probabilities, input_signature=signature)
    archive.write_out(str(path), verbose=False)


def _write_litert(serving, path, description, calibration):
    with in_single_precision(serving):
        if keras.backend.backend() == "torch":
            serving.export(str(path), format="litert", verbose=False, **_one(serving))
        else:
            serving.export(str(path), **_litert_options(serving))


def _write_litert_int8(serving, path, description, calibration):
    tf = require("tensorflow", "export")

    def representative_windows():
        for window in calibration:
            yield [window[None]]

    with in_single_precision(serving):
        options = _litert_options(serving)
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
        if has_loop(serving):  # the calibrator of LiteRT does not survive one
            serving.export(str(path), **options)
            return
        serving.export(
            str(path), representative_dataset=representative_windows, **options
        )
        run, _, _owner = runner.load(path)  # which must live as long as what it runs
        wanted, found = (
            description.decisions(description.probabilities(outputs))
            for outputs in (
                ops.convert_to_numpy(serving(calibration)),
                run(calibration)[0],
            )
        )
        agreement = np.mean(found == wanted)
        if agreement < LEAST_AGREEMENT:  # as where channels are of very different sizes
            serving.export(str(path), **options)


def _litert_options(serving):
    """LiteRT runs a loop over time only where each size is known, so of one window."""
    options = {"format": "litert", "verbose": False}
    if has_loop(serving):
        options["input_signature"] = [_signature(serving, batch=1)]
    return options


def has_loop(serving: keras.Model) -> bool:
    """Whether a model loops, as recurrent layers do that are not unrolled.

    Args:
        serving: `keras.Model`, as of `serving_model`, on the TensorFlow backend.

    Returns:
        bool.
    """
    tf = require("tensorflow", "export")

    @tf.function
    def run(windows):
        return serving(windows, training=False)

    graph = run.get_concrete_function(_signature(serving, batch=1)).graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return any(node.op in ("While", "StatelessWhile") for node in nodes)


def _signature(serving, batch=None):
    tf = require("tensorflow", "export")
    return tf.TensorSpec((batch, *serving.input_shape[1:]), "float32", "windows")


def _write_onnx(serving, path, description, calibration):
    options = {"format": "onnx", "verbose": False}
    with in_single_precision(serving):
        # Keras exports only what has been called.
        serving(np.zeros((1, *serving.input_shape[1:]), "float32"))
        if keras.backend.backend() == "tensorflow":
            with _numpy_statistics(serving):
                serving.export(str(path), **options)
        elif keras.backend.backend() == "torch":
            serving.export(str(path), **options, **_one(serving))
        else:
            serving.export(str(path), **options)


def _one(serving):
    """What exporters of torch are traced with, and their artefacts take: one window."""
    shape = (1, *serving.input_shape[1:])
    return {"input_signature": [keras.InputSpec(shape=shape, dtype="float32")]}


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
    "litert": Format(
        "target.tflite",
        _write_litert,
        needs=("ai_edge_litert",),
        backends={"tensorflow": (), "torch": ("litert_torch",)},
    ),
    "litert_int8": Format(
        "target_int8.tflite",
        _write_litert_int8,
        is_exact=False,
        needs=("ai_edge_litert",),
    ),
    "onnx": Format(
        "target.onnx",
        _write_onnx,
        needs=("onnx", "onnxruntime"),
        backends={
            "tensorflow": ("tf2onnx",),
            "jax": ("jax2onnx",),
            "torch": ("onnxscript",),
        },
    ),
    "micro": Format(
        "micro/target.tflite",
        write_micro,
        is_exact=False,
        needs=("tflite_micro", "ai_edge_quantizer"),
        extra="micro",
    ),
}
# Those that an export writes unless told which: the others are for some devices only.
USUAL = ("saved_model", "litert", "litert_int8", "onnx")


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
