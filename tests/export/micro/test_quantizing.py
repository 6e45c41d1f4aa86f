import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_dcat.export.formats import serving_model
from keras_dcat.export.micro import lowering, quantizing
from keras_dcat.transfer.head import Head
from tests.export.micro.models import run, serving

pytestmark = pytest.mark.tensorflow
files = pytest.importorskip("ai_edge_litert.tools.flatbuffer_utils")
NAMES = {0: "float32", 7: "int16", 9: "int8"}


def content_of(model):
    return files.read_model_from_bytearray(bytearray(model))


def types(content):
    """Kind of every operation, and the type of what it makes."""
    (graph,) = content.subgraphs
    return [
        (
            files.opcode_to_name(content, each.opcodeIndex),
            NAMES.get(graph.tensors[each.outputs[0]].type),
        )
        for each in graph.operators
    ]


def test_convolutions_are_whole_numbers_and_statistics_are_not():
    content = content_of(lowering.float_model(serving("imu")[0]))
    (graph,) = content.subgraphs
    whole = {}
    for operator, own in zip(
        graph.operators, quantizing.whole_numbers(content), strict=True
    ):
        kind = files.opcode_to_name(content, operator.opcodeIndex)
        whole.setdefault(kind, set()).add(own)
    for kind in ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"):
        assert whole[kind] == {True}
    for kind in ("LOG", "RSQRT", "SQUARED_DIFFERENCE"):
        assert whole[kind] == {False}
    assert whole["SOFTMAX"] == {True, False}  # of the attention, and at the end


@pytest.mark.parametrize(
    ("bits", "per_channel"), [(8, False), (8, True), (16, False), (16, True)]
)
def test_it_says_nearly_what_the_model_says(bits, per_channel):
    pytest.importorskip("ai_edge_quantizer")
    model, windows = serving("imu, long")
    exact = lowering.float_model(model)
    found = quantizing.quantized(exact, windows, bits, per_channel)
    expected = ops.convert_to_numpy(model(windows))
    assert len(found) < 0.55 * len(exact)
    tolerance = {8: 0.15, 16: 0.05}[bits]
    np.testing.assert_allclose(run(found, windows), expected, atol=tolerance)
    kinds = types(content_of(found))
    assert {made for kind, made in kinds if kind == "CONV_2D"} == {f"int{bits}"}
    # The variance of the first convolution's 1,600 values is taken in 16 bits.
    assert ("MUL", "int16") in kinds


def test_ranges_are_those_of_the_windows():
    inputs = keras.Input((4, 2))
    outputs = layers.Dense(2)(layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    target = serving_model(model, (4, 2), Head("multiclass", 2))
    named = quantizing._named(lowering.float_model(target))
    windows = np.random.default_rng(0).normal(size=(16, 4, 2)).astype("float32")
    ranges = quantizing._ranges(named, windows)
    (graph,) = content_of(named).subgraphs
    given = ranges[graph.tensors[graph.inputs[0]].name.decode()]
    assert (given["min"].item(), given["max"].item()) == (windows.min(), windows.max())
    logits = ops.convert_to_numpy(model(windows))
    found = [(r["min"].item(), r["max"].item()) for r in ranges.values()]
    assert any(np.allclose(pair, (logits.min(), logits.max())) for pair in found)
    assert not any(name.startswith("constant") for name in ranges)
