"""Models of all kinds, that the tests of microcontrollers lower and quantize."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_dcat import encoders
from keras_dcat.export.formats import serving_model
from keras_dcat.transfer.head import Head


def _sequential(shape, *inside):
    return keras.Sequential([keras.Input(shape), *inside, layers.Dense(4)])


def _frames():
    image = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(4, 3, 2), layers.Flatten()]
    )
    return encoders.video_of_frames(image, 4, 4, key_dim=8)


def _heads():
    inputs = keras.Input((20, 6))
    x = layers.Dense(8)(inputs)
    x = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(x, x))
    return keras.Model(inputs, layers.Dense(4)(x))


TINY = {"num_classes": 4, "size": "tiny"}
MODELS = {
    "imu": ((40, 6), lambda s: encoders.imu(s, **TINY)),
    "imu, long": ((100, 6), lambda s: encoders.imu(s, **TINY, attention="linear")),
    "imu, padded": ((40, 6), lambda s: encoders.imu(s, **TINY, padded=True)),
    "imu, of two": (
        (40, 6),
        lambda s: encoders.imu(
            s, **TINY, sensors=((0, 1, 2), (3, 4, 5)), spectrum=True
        ),
    ),
    "skeleton": (
        (24, 12),
        lambda s: encoders.skeleton(s, **TINY, parents=(0, 0, 1, 2)),
    ),
    "video": ((4, 16, 16, 1), lambda s: encoders.video(s, **TINY, motion=True)),
    "frames": ((4, 16, 16, 3), lambda s: _frames()),
    "attached": (
        (20, 6),
        lambda s: encoders.attach_attention(
            keras.Sequential([keras.Input(s), layers.Conv1D(8, 5)]), 4, key_dim=4
        ),
    ),
    "heads": ((20, 6), lambda s: _heads()),
    "gru": ((12, 6), lambda s: _sequential(s, layers.GRU(4))),
    "lstm": ((8, 6), lambda s: _sequential(s, layers.Bidirectional(layers.LSTM(4)))),
}


def serving(name, seed=0):
    """A model by its name, and windows that it takes."""
    shape, build = MODELS[name]
    keras.utils.set_random_seed(seed)
    model = build(shape)
    rng = np.random.default_rng(seed)
    for layer in model.layers:  # so that a normalization does something
        if isinstance(layer, layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    windows = rng.normal(size=(24, *shape)).astype("float32")
    return serving_model(model, shape, Head("multiclass", 4)), windows


def run(model, windows):
    """What LiteRT makes of windows, one by one."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(
        model_content=model,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    (given,), (made,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    rows = []
    for window in windows:
        interpreter.set_tensor(given["index"], window[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(made["index"])[0].copy())
    return np.stack(rows)


def operations(model):
    """Kinds of operations of a LiteRT model, in order."""
    files = pytest.importorskip("ai_edge_litert.tools.flatbuffer_utils")
    content = files.read_model_from_bytearray(bytearray(model))
    (graph,) = content.subgraphs
    return [files.opcode_to_name(content, each.opcodeIndex) for each in graph.operators]
