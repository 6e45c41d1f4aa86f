import dataclasses
import json
import re
import shutil
import subprocess

import pytest

from keras_dcat.export import Description
from keras_dcat.export.micro.firmware import sources
from keras_dcat.export.micro.measures import Measures
from keras_dcat.export.micro.spectrum import Spectrum

DESCRIPTION = Description(('sit "still"', "walk"), "imu", 50.0, 2.0, 0.5, (100, 3))
MEASURES = Measures(
    ("Conv2D", "FullyConnected"), 12345, ("float32", 1.0, 0), ("int8", 0.00390625, -128)
)
SOUND = Spectrum(8000, 256, 256, 80, "hann", 40, 20.0, 4000.0, 2.0, 1e-10, True, 51)
MODEL = bytes(range(256)) * 5
# As much of TensorFlow Lite Micro as the sketch calls, for a compiler.
STAND_IN = """
#include <cstddef>
#include <cstdint>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
namespace tflite {
struct Model {};
inline const Model* GetModel(const void*) { return nullptr; }
template <unsigned int count> struct MicroMutableOpResolver {
  TfLiteStatus AddConv2D() { return kTfLiteOk; }
  TfLiteStatus AddFullyConnected() { return kTfLiteOk; }
};
struct MicroInterpreter {
  template <class Resolver>
  MicroInterpreter(const Model*, const Resolver&, uint8_t*, size_t) {}
  TfLiteStatus AllocateTensors() { return kTfLiteOk; }
  TfLiteStatus Invoke() { return kTfLiteOk; }
  template <class T> T* typed_input_tensor(int) { static T x[300]; return x; }
  template <class T> T* typed_output_tensor(int) {
    static T x[2] = {-128, 127};
    return x;
  }
};
}  // namespace tflite
"""
MAIN = """
#include <cstdio>
#include "sketch.cc"
int main() {
  float sample[kValues] = {0};
  if (!setup_target()) return 1;
  for (int i = 0; i < 160; ++i) {
    const char* said = feed_target(sample);
    if (said) std::printf("%d %s\\n", i, said);
  }
}
"""


def written(description=DESCRIPTION, spectrum=None, measures=MEASURES):
    shape = (40, 51) if spectrum else description.shape
    return sources(MODEL, description, measures, 30001, shape, spectrum)


def test_the_c_array_is_the_model():
    text = written()["target_model.cc"]
    found = bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})\b", text))
    assert found == MODEL
    assert "alignas(16) extern const unsigned char kTargetModel[" in text


def test_the_header_says_what_is_needed():
    header = written()["target_model.h"]
    assert f"kTargetModelSize = {len(MODEL)};" in header
    assert "kTargetArenaSize = 30016;" in header  # 30,001 to the next 16


def test_the_numbers_are_those_of_the_windows_and_of_the_model():
    numbers = json.loads(written()["firmware.json"])
    assert numbers == {
        "stream": "imu",
        "rate_hz": 50.0,
        "lowpass_hz": 25.0,
        "steps": 100,
        "values_per_step": 3,
        "stride_steps": 25,
        "class_names": ['sit "still"', "walk"],
        "task": "multiclass",
        "input": {
            "type": "float32",
            "scale": 1.0,
            "zero_point": 0,
            "shape": [100, 3],
        },
        "output": {"type": "int8", "scale": 0.00390625, "zero_point": -128},
        "operations": ["Conv2D", "FullyConnected"],
        "multiply_accumulates": 12345,
        "arena_bytes": 30001,
        "flash_bytes": len(MODEL),
    }


def test_the_sketch_has_the_same_numbers_and_no_more_lines_than_can_be_read():
    sketch = written()["sketch.cc"]
    for words in (
        "kRate = 50.0f;",
        "kSteps = 100;",
        "kValues = 3;",
        "kStride = 25;",
        'kNames[] = {"sit \\"still\\"", "walk"};',
        "MicroMutableOpResolver<2> resolver;",
        "resolver.AddConv2D()",
        "kOutputScale = 0.00390625f;",
        "kOutputZeroPoint = -128;",
    ):
        assert words in sketch
    assert "$" not in sketch
    assert len(sketch.splitlines()) < 80


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("multiclass", "return kNames[best];"),
        ("binary", "kNames[probability(0) > 0.5f ? 1 : 0];"),
        ("multilabel", "probability(best) > 0.5f ? kNames[best] : nullptr;"),
    ],
)
def test_it_says_what_the_target_is_for(task, words):
    assert words in written(dataclasses.replace(DESCRIPTION, task=task))["sketch.cc"]


def test_names_cannot_break_the_sketch():
    description = dataclasses.replace(
        DESCRIPTION, stream="a\nint x;\\", class_names=("a\nb", "\x07c")
    )
    sketch = written(description)["sketch.cc"]
    assert sketch.startswith("// a int x;/: from samples")
    assert '{"a b", "c"}' in sketch


def test_a_spectrum_is_left_to_the_firmware_with_its_recipe():
    texts = written(spectrum=SOUND)
    assert "// Yours to write: 2040 values" in texts["sketch.cc"]
    assert "make_spectrum(window, input);" in texts["sketch.cc"]
    recipe = json.loads(texts["firmware.json"])["spectrum"]
    assert (recipe["step"], recipe["bands"]) == (80, 40)


def compiled(folder, texts):
    """The sketch with a stand-in for TensorFlow Lite Micro, or a skipped test."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no compiler of C++ is installed")
    headers = re.findall(r'#include "(tensorflow/.*)"', texts["sketch.cc"])
    assert len(headers) == 3
    for header in headers:
        path = folder / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#pragma once\n{STAND_IN if header == headers[0] else ''}")
    for name, text in {**texts, "main.cc": MAIN}.items():
        (folder / name).write_text(text)
    command = [compiler, "-std=c++17", "-Wall", "-Werror", "-I", str(folder)]
    files = [str(folder / name) for name in ("main.cc", "target_model.cc")]
    subprocess.run([*command, *files, "-o", str(folder / "a")], check=True)
    return subprocess.run([str(folder / "a")], capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("stride", "when"), [(0.5, [99, 124, 149]), (2.0, [99]), (2.4, [99])]
)
def test_the_sketch_compiles_and_says_a_class_every_stride(tmp_path, stride, when):
    texts = written(dataclasses.replace(DESCRIPTION, stride=stride))
    said = compiled(tmp_path, texts).splitlines()
    assert said == [f"{place} walk" for place in when]
