"""Whole numbers instead of float32, where that costs nothing: weights, convolutions."""

import contextlib
import io
import warnings

import numpy as np

from keras_dcat.export.micro.statistics import IN_16_BITS, IN_FLOAT32
from keras_dcat.extras import require

# What has the weights, and nearly all of the work.
HEAVY = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")
# What is as good in whole numbers if it stands beside these.
LIGHT = (
    *("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D", "MEAN", "MUL", "PAD"),
    *("RESHAPE", "SOFTMAX", "STRIDED_SLICE", "SUB", "TRANSPOSE"),
)
_WHOLE, _WIDE, _FLOAT, _CONSTANT = "whole_number", "16_bits", "float", "constant"


def quantized(
    model: bytes, windows: np.ndarray, bits: int, per_channel: bool = True
) -> bytes:
    """A LiteRT model whose weights are in int8, and most of whose values in fewer bits.

    Ranges are those of the windows, from the smallest value to the largest. Inputs and
    outputs stay float32: channels of different sizes have no one scale.

    Args:
        model: bytes of a LiteRT model of one window, in float32.
        windows: float32 array `(windows, …)` of the training.
        bits: int. 8 or 16, of what passes between operations.
        per_channel: bool. Whether each channel of a layer has a scale of its own, or
            all of its weights have one: less exact, and 12 bytes less a channel.

    Returns:
        bytes.
    """
    types = require("ai_edge_quantizer.qtyping", "micro")
    granularity = types.QuantGranularity
    quantizer = require("ai_edge_quantizer.quantizer", "micro").Quantizer
    named = _named(model)
    made = quantizer(named)
    for kind in (*HEAVY, *LIGHT):
        for name, own in ((_WHOLE, bits), (_WIDE, 16)):
            made.add_static_config(
                name,
                types.TFLOperationName(kind),
                activation_num_bits=own,
                weight_num_bits=8,
                weight_granularity=(
                    granularity.CHANNELWISE if per_channel else granularity.TENSORWISE
                ),
            )
    ranges = _ranges(named, windows)
    # It shows its progress, and warns that it looks into tensors.
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore", UserWarning)
        found = made.quantize(
            ranges,
            enable_progress_bar=False,
            enable_progress_report=False,
        )
    return bytes(found.quantized_model)


def _named(model):
    """The model, whose tensors are named by whether they are to be whole numbers."""
    files = require("ai_edge_litert.tools.flatbuffer_utils", "micro")
    content = files.read_model_from_bytearray(bytearray(model))
    (graph,) = content.subgraphs
    whole = whole_numbers(content)
    made = {place for each in graph.operators for place in _places(each.outputs)}
    for place in {*range(len(graph.tensors))} - made - {*_places(graph.inputs)}:
        graph.tensors[place].name = f"{_CONSTANT}_{place}".encode()
    for operator, is_whole in zip(graph.operators, whole, strict=True):
        for place in _places(operator.outputs):
            is_wide = IN_16_BITS.encode() in graph.tensors[place].name
            kind = (_WIDE if is_wide else _WHOLE) if is_whole else _FLOAT
            graph.tensors[place].name = f"{kind}_{place}".encode()
    return bytes(files.convert_object_to_bytearray(content))


def whole_numbers(content) -> list[bool]:
    """Which operations of a model are to be computed in whole numbers.

    Args:
        content: model as `flatbuffer_utils` reads it.

    Returns:
        list of bool, one for each operation.
    """
    files = require("ai_edge_litert.tools.flatbuffer_utils", "micro")
    (graph,) = content.subgraphs
    kinds = [
        files.opcode_to_name(content, operator.opcodeIndex)
        for operator in graph.operators
    ]
    stays = [
        IN_FLOAT32.encode() in graph.tensors[operator.outputs[0]].name
        for operator in graph.operators
    ]
    users: dict[int, list[int]] = {}
    maker: dict[int, int] = {}
    for place, operator in enumerate(graph.operators):
        maker.update(dict.fromkeys(_places(operator.outputs), place))
        for tensor in _places(operator.inputs):
            users.setdefault(tensor, []).append(place)
    whole: list[bool] = []
    for place, operator in enumerate(graph.operators):
        comes = [maker[t] for t in _places(operator.inputs) if t in maker]
        goes = [u for t in _places(operator.outputs) for u in users.get(t, [])]
        beside = any(whole[c] for c in comes) or (
            bool(goes) and all(kinds[u] in HEAVY and not stays[u] for u in goes)
        )
        is_last = set(_places(operator.outputs)) & set(_places(graph.outputs))
        is_light = kinds[place] in LIGHT and beside and not is_last
        whole.append(not stays[place] and (kinds[place] in HEAVY or is_light))
    return whole


def _places(tensors):
    return [int(place) for place in tensors]


def _ranges(model, windows):
    """The smallest and the largest value of every tensor, over windows."""
    litert = require("ai_edge_litert.interpreter", "micro")
    interpreter = litert.Interpreter(
        model_content=model,
        num_threads=1,
        # Plain kernels keep what passes between operations.
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    tensors = [
        each
        for each in interpreter.get_tensor_details()
        if each["dtype"] is np.float32 and not each["name"].startswith(_CONSTANT)
    ]
    found: dict[str, dict[str, np.ndarray]] = {}
    for window in windows:
        interpreter.set_tensor(given["index"], window[None])
        interpreter.invoke()
        for each in tensors:
            values = interpreter.get_tensor(each["index"])
            low, high = values.min(keepdims=True), values.max(keepdims=True)
            before = found.get(each["name"], {"min": low, "max": high})
            found[each["name"]] = {
                "min": np.minimum(low, before["min"]),
                "max": np.maximum(high, before["max"]),
            }
    return found
