"""What a firmware engineer pastes: the model as a C array, its numbers, a sketch."""

import json
import math
import pathlib
import string

from keras_dcat.export.description import Description
from keras_dcat.export.micro.measures import Measures
from keras_dcat.export.micro.spectrum import Spectrum

HEADER, SOURCE = "target_model.h", "target_model.cc"
SKETCH, NUMBERS = "sketch.cc", "firmware.json"
_ALIGNED = 16  # bytes: what TensorFlow Lite Micro reads must begin at such an address
_A_LINE = 12  # bytes of a C array


def sources(
    model: bytes,
    description: Description,
    measures: Measures,
    arena: int,
    shape: tuple[int, ...],
    spectrum: Spectrum | None,
) -> dict[str, str]:
    """Files of firmware.

    Args:
        model: bytes of the LiteRT model.
        description: `Description`.
        measures: `Measures` of the model.
        arena: int. Bytes that the interpreter was found to need.
        shape: tuple of int. Shape of what the model takes.
        spectrum: `Spectrum`, or `None`: what the firmware makes of a window first.

    Returns:
        dict from the name of a file to its text.
    """
    numbers = _numbers(model, description, measures, arena, shape, spectrum)
    return {
        HEADER: _header(len(model), arena),
        SOURCE: _source(model),
        SKETCH: _sketch(numbers),
        NUMBERS: json.dumps(numbers, indent=2, ensure_ascii=False) + "\n",
    }


def _numbers(model, description, measures, arena, shape, spectrum):
    rate = description.rate
    given, made = measures.input, measures.output
    numbers = {
        "stream": description.stream,
        "rate_hz": rate,
        "lowpass_hz": rate / 2,
        "steps": description.shape[0],
        "values_per_step": math.prod(description.shape[1:]),
        "stride_steps": max(1, round(description.stride * rate)),
        "class_names": list(description.class_names),
        "task": description.task,
        "input": {**_told(given), "shape": list(shape)},
        "output": _told(made),
        "operations": list(measures.operations),
        "multiply_accumulates": measures.multiply_accumulates,
        "arena_bytes": arena,
        "flash_bytes": len(model),
    }
    if spectrum is not None:
        numbers["spectrum"] = vars(spectrum)
    return numbers


def _told(number):
    kind, scale, zero_point = number
    return {"type": kind, "scale": scale, "zero_point": zero_point}


def _header(size, arena):
    return f"""// The model, for TensorFlow Lite Micro. Written by keras_dcat.
#ifndef TARGET_MODEL_H_
#define TARGET_MODEL_H_

constexpr unsigned int kTargetModelSize = {size};  // bytes of flash
// Bytes of RAM, as measured on a machine of 64 bits: one of 32 needs less.
constexpr unsigned int kTargetArenaSize = {-(-arena // _ALIGNED) * _ALIGNED};
extern const unsigned char kTargetModel[];

#endif  // TARGET_MODEL_H_
"""


def _source(model):
    rows = [model[at : at + _A_LINE] for at in range(0, len(model), _A_LINE)]
    lines = "\n".join(f"    {', '.join(f'0x{b:02x}' for b in row)}," for row in rows)
    return f"""// The model, for TensorFlow Lite Micro. Written by keras_dcat.
#include "{HEADER}"

alignas({_ALIGNED}) extern const unsigned char kTargetModel[kTargetModelSize] = {{
{lines}
}};
"""


def _sketch(numbers):
    template = string.Template(_TEMPLATE.read_text("utf-8"))
    given, made = numbers["input"], numbers["output"]
    filled, declared = _FILLED, ""
    if "spectrum" in numbers:
        filled = "  make_spectrum(window, input);"
        declared = _DECLARED.format(count=math.prod(given["shape"]))
    names = numbers["class_names"]
    return template.substitute(
        stream=_clean(numbers["stream"]),
        rate=f"{numbers['rate_hz']:g}",
        rate_hz=f"{float(numbers['rate_hz'])!r}f",
        steps=numbers["steps"],
        values=numbers["values_per_step"],
        stride=numbers["stride_steps"],
        input_scale=f"{given['scale']!r}f",
        input_zero=given["zero_point"],
        input_type=_TYPES[given["type"]],
        output_scale=f"{made['scale']!r}f",
        output_zero=made["zero_point"],
        output_type=_TYPES[made["type"]],
        names=", ".join(json.dumps(_clean(name), ensure_ascii=False) for name in names),
        count=len(numbers["operations"]),
        adds="\n".join(
            f"  if (resolver.Add{name}() != kTfLiteOk) return false;"
            for name in numbers["operations"]
        ),
        declared=declared,
        filled=filled,
        said=_SAID[numbers["task"]].format(count=len(names)),
    )


_TEMPLATE = pathlib.Path(__file__).parent / "sketch.cc"
_TYPES = {"float32": "float", "int16": "int16_t", "int8": "int8_t"}
_FILLED = """  for (int i = 0; i < kSteps * kValues; ++i)
    input[i] = static_cast<Input>(window[i] / kInputScale + kInputZeroPoint);"""
_DECLARED = """
// Yours to write: {count} values, by the recipe under `spectrum` in firmware.json.
void make_spectrum(const float* samples, Input* values);
"""
_LARGEST = """  int best = 0;
  for (int i = 1; i < {count}; ++i)
    if (probability(i) > probability(best)) best = i;"""
# What is returned, by what a target is for.
_SAID = {
    "binary": "  return kNames[probability(0) > 0.5f ? 1 : 0];",
    "multiclass": f"{_LARGEST}\n  return kNames[best];",
    "multilabel": f"""  // Each label above 0.5 is said; this is the most probable.
{_LARGEST}
  return probability(best) > 0.5f ? kNames[best] : nullptr;""",
}


def _clean(text):
    """Words in one line, so that no comment and no string is longer than it looks."""
    words = " ".join(text.replace("\\", "/").split())
    return "".join(letter for letter in words if letter.isprintable())
