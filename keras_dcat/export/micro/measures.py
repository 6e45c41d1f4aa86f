"""What a LiteRT file needs of a device, as far as the file itself says it."""

import dataclasses
import math

import numpy as np

from keras_dcat.extras import require

_TYPES = {0: "float32", 7: "int16", 9: "int8"}
# Names of operations that `MicroMutableOpResolver` writes in its own way.
_WORDS = {"2D": "2D", "MATMUL": "MatMul", "PADV2": "PadV2", "LSTM": "LSTM"}


@dataclasses.dataclass(frozen=True)
class Measures:
    """What a file says of itself.

    Attributes:
        operations: tuple of str, as `MicroMutableOpResolver` names them, such as
            `"Conv2D"` for `AddConv2D()`.
        multiply_accumulates: int. Of a window, in convolutions and matrix products.
        input: tuple of type, scale and zero point; 1 and 0 of float32.
        output: tuple, likewise.
    """

    operations: tuple[str, ...]
    multiply_accumulates: int
    input: tuple[str, float, int]
    output: tuple[str, float, int]


def measured(model: bytes) -> Measures:
    """Reads what a LiteRT model needs.

    Args:
        model: bytes of a LiteRT model of one window.

    Returns:
        `Measures`.
    """
    files = require("ai_edge_litert.tools.flatbuffer_utils", "micro")
    content = files.read_model_from_bytearray(bytearray(model))
    (graph,) = content.subgraphs
    kinds = [
        files.opcode_to_name(content, operator.opcodeIndex)
        for operator in graph.operators
    ]
    work = sum(
        _multiply_accumulates(kind, operator, graph.tensors)
        for kind, operator in zip(kinds, graph.operators, strict=True)
    )
    return Measures(
        operations=tuple(sorted({resolver_name(kind) for kind in kinds})),
        multiply_accumulates=work,
        input=_number(graph.tensors[graph.inputs[0]]),
        output=_number(graph.tensors[graph.outputs[0]]),
    )


def operation_count(model: bytes) -> int:
    """How many operations a LiteRT model has.

    Args:
        model: bytes of a LiteRT model.

    Returns:
        int.
    """
    files = require("ai_edge_litert.tools.flatbuffer_utils", "micro")
    content = files.read_model_from_bytearray(bytearray(model))
    return sum(len(graph.operators) for graph in content.subgraphs)


def resolver_name(kind: str) -> str:
    """How `MicroMutableOpResolver` names an operation of LiteRT.

    Args:
        kind: str, as the schema of LiteRT names it.

    Returns:
        str.

    Example:

    >>> [resolver_name(kind) for kind in ("CONV_2D", "BATCH_MATMUL", "LOG")]
    ['Conv2D', 'BatchMatMul', 'Log']
    """
    words = kind.split("_")
    return "".join(_WORDS.get(word, word.capitalize()) for word in words)


def _multiply_accumulates(kind, operator, tensors):
    made = _size(tensors[operator.outputs[0]])
    if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"):
        return 0
    if kind == "BATCH_MATMUL":
        left = tensors[operator.inputs[0]].shape
        return made * int(left[-2] if operator.builtinOptions.adjX else left[-1])
    weights = tensors[operator.inputs[1]].shape
    if kind == "DEPTHWISE_CONV_2D":
        return made * math.prod(map(int, weights[1:3]))
    return made * math.prod(map(int, weights[1:]))


def _size(tensor):
    return math.prod(map(int, tensor.shape))


def _number(tensor):
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return _TYPES[tensor.type], 1.0, 0
    scale, zero = np.ravel(quantization.scale)[0], np.ravel(quantization.zeroPoint)[0]
    return _TYPES[tensor.type], float(scale), int(zero)
