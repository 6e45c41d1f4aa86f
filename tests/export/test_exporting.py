import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from keras_dcat.encoders import audio
from keras_dcat.evaluation import macro_f1_interval
from keras_dcat.export import Description, export_target, exporting
from keras_dcat.export.formats import FORMATS, USUAL
from keras_dcat.metrics import macro_f1
from keras_dcat.recordings import Recording, Stream
from keras_dcat.streaming import StreamingClassifier
from keras_dcat.windows import index_windows, split_by_subject
from tests.export.exports import NAMES, ending_in, people, transfer

pytestmark = [
    pytest.mark.tensorflow,
    # tf2onnx asks NumPy for names that it no longer has.
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]


def export(path, formats=("litert",), epochs=0, **options):
    train, held_out = people()
    model = transfer(train, epochs)
    given = {"stride": 0.5, "calibration": train, "verbose": 0, **options}
    return (
        model,
        held_out,
        export_target(model, path, held_out, "imu", NAMES, formats=formats, **given),
    )


def test_every_format_says_what_the_model_says_and_describes_itself(tmp_path):
    path = tmp_path / "watch"
    model, held_out, done = export(
        path,
        USUAL,
        epochs=15,
        about={"Data": "Made here.", "Licence": "None."},
    )
    windows = held_out.gather("imu")
    logits = keras.ops.convert_to_numpy(model.target(windows))
    expected = macro_f1(held_out.labels, logits, len(NAMES))
    assert expected > 0.8
    assert [check.format for check in done.checks] == list(USUAL)
    for check in done.checks:
        tolerance = 1e-5 if FORMATS[check.format].is_exact else 0.3
        assert check.largest_difference < tolerance
        assert check.macro_f1 == pytest.approx(expected, abs=0.01)
        assert check.milliseconds > 0
        assert check.kilobytes > 1
        described = Description.of(done.file(check.format))
        assert described == done.description
        assert f"| {check.format} |" in str(done)
    told = (NAMES, "imu", 16.0, 1.0, 0.5, (16, 2), "multiclass")
    assert dataclasses.astuple(described) == told
    with zipfile.ZipFile(done.file("litert")) as archive:
        assert archive.read("labels.txt").decode().split() == list(NAMES)
    card = (path / "model_card.md").read_text()
    interval = macro_f1_interval(
        held_out.labels, [logits.argmax(-1)], held_out.subjects
    )
    for words in (
        f"Macro F1 {interval} on {len(held_out)} windows of 2 people",
        "| Sampling rate | 16 Hz |",
        "| λ at the end | 0.1 |",
        "## Licence\nNone.",
        str(done),
    ):
        assert words in card
    assert {file.name for file in path.iterdir()} == {
        "model_card.md",
        *(FORMATS[name].file for name in USUAL),
    }


def test_a_microcontroller_gets_a_c_array_whose_needs_the_card_states(tmp_path):
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_quantizer")
    path = tmp_path / "watch"
    model, held_out, done = export(path, ["micro"], epochs=15)
    windows = held_out.gather("imu")
    logits = keras.ops.convert_to_numpy(model.target(windows))
    expected = macro_f1(held_out.labels, logits, len(NAMES))
    (found,) = done.checks
    assert expected > 0.8
    assert found.macro_f1 == pytest.approx(expected, abs=0.01)
    assert found.macro_f1_drop == pytest.approx(expected - found.macro_f1)
    interval = found.f1_drop_interval
    assert interval.low <= interval.mean <= interval.high
    assert 1 < done.micro.arena_kilobytes < 30
    assert done.micro.flash_kilobytes == found.kilobytes
    numbers = json.loads((path / "micro" / "firmware.json").read_text())
    assert numbers["arena_bytes"] == done.micro.arena_kilobytes * 1000
    assert (numbers["rate_hz"], numbers["steps"], numbers["stride_steps"]) == (
        16,
        16,
        8,
    )
    card = (path / "model_card.md").read_text()
    assert "## On a microcontroller" in card
    assert f"{done.micro.arena_kilobytes:.1f} kB of arena" in card
    assert f"by {interval.signed}" in card
    decision = streamed(done, "micro", windows[0])
    assert decision.label in NAMES


def test_a_microphone_s_spectrum_is_left_to_the_firmware(tmp_path):
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_quantizer")
    rng = np.random.default_rng(0)
    recordings = [
        Recording(
            {"microphone": Stream(rng.normal(size=(1024, 1)) * 0.1, 1024.0)},
            label,
            person,
            f"{person}{label}",
        )
        for person in ("a", "b", "c")
        for label in (0, 1)
    ]
    index = index_windows(recordings, 1.0, 1.0)
    train, held_out = split_by_subject(index, ["b", "c"])
    target = audio((1024, 1), 2, "tiny", sampling_rate=1024, num_mels=16)
    given = {"stride": 1.0, "calibration": train, "formats": ["micro"], "verbose": 0}
    path, names = tmp_path / "a", ("noise", "more noise")
    done = export_target(target, path, held_out, "microphone", names, **given)
    assert "mel bands (HTK)" in done.micro.spectrum
    card = (path / "model_card.md").read_text()
    assert f"The firmware makes the spectrum: {done.micro.spectrum}." in card
    numbers = json.loads((path / "micro" / "firmware.json").read_text())
    assert numbers["spectrum"]["bands"] == 16 == numbers["input"]["shape"][0]
    assert numbers["steps"] == 1024
    padded = audio((1024, 1), 2, "tiny", sampling_rate=1024, padded=True)
    with pytest.raises(ValueError, match="padded=False"):
        export_target(padded, tmp_path / "b", held_out, "microphone", names, **given)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_target_that_no_microcontroller_can_run_is_told_why(tmp_path):
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_quantizer")
    train, held_out = people()
    inputs = keras.Input((16, 2))
    x = keras.layers.Conv1D(4, 3, activation="gelu")(inputs)
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(x))
    target = keras.Model(inputs, outputs)
    given = {"stride": 1.0, "calibration": train, "formats": ["micro"], "verbose": 0}
    with pytest.raises(RuntimeError) as caught:
        export_target(target, tmp_path / "a", held_out, "imu", NAMES, **given)
    told = str(caught.value)
    assert "Didn't find op for builtin opcode 'GELU'" in told
    assert "keras_dcat.encoders.imu" in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_an_artefact_that_fails_its_check_leaves_nothing(tmp_path, monkeypatch):
    train, _ = people()
    other = transfer(train)
    for weight in other.target.trainable_variables:
        weight.assign(keras.random.normal(weight.shape, seed=1))
    wrong = exporting.serving_model(other.target, (16, 2), other.head)
    honest = FORMATS["litert"]
    monkeypatch.setitem(
        FORMATS,
        "litert",
        dataclasses.replace(
            honest, write=lambda serving, *rest: honest.write(wrong, *rest)
        ),
    )
    with pytest.raises(RuntimeError, match="litert export must.*other labels"):
        export(tmp_path / "watch")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="another folder"):
        export(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ["coreml"]}, r"\['coreml'\].*all but 'micro'"),
        ({"formats": []}, r"Received: \[\].*all but 'micro'"),
        ({"formats": ["litert_int8"], "calibration": None}, "no `calibration`.*leave"),
        ({"formats": ["micro"], "calibration": None}, "no `calibration`.*leave"),
        ({"stride": 0.0}, "stride=0.0.*that of the training"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_written(
    tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        export(tmp_path / "watch", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("backend", "name"),
    [("jax", "litert"), ("torch", "saved_model"), ("torch", "micro")],
)
def test_another_backend_is_told_how_to_get_here(tmp_path, monkeypatch, backend, name):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ValueError, match=f"KERAS_BACKEND={backend}.*target.save"):
        exporting._check_arguments(tmp_path / "a", [name], None, "windows")


@pytest.mark.parametrize(
    ("backend", "name", "package"),
    [
        ("jax", "onnx", "jax2onnx"),
        ("torch", "onnx", "onnxscript"),
        ("torch", "litert", "litert_torch"),
    ],
)
def test_the_exporter_of_another_backend_is_named_where_it_is_missing(
    tmp_path, monkeypatch, backend, name, package
):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"`{package}`.*\[export-{backend}\]"):
        exporting._check_arguments(tmp_path / "a", [name], None, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "package"), [("jax", "jax2onnx"), ("torch", "onnxscript")]
)
def test_onnx_is_written_by_the_exporter_of_another_backend(tmp_path, backend, package):
    for module in (backend, package):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    program = (
        "from tests.export.exports import NAMES, people, transfer\n"
        "from keras_dcat.export import export_target\n"
        "train, held_out = people()\n"
        "done = export_target("
        f"transfer(train), {str(tmp_path / 'a')!r}, held_out, 'imu', NAMES, "
        "stride=0.5, formats=['onnx'], verbose=0)\n"
        "assert done.checks[0].agreement == 1\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend}
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "a" / "target.onnx").exists()


def test_names_and_streams_that_are_not_the_models_are_refused(tmp_path):
    train, held_out = people()
    model = transfer(train)
    given = {"stride": 1.0, "formats": ["litert"]}
    with pytest.raises(ValueError, match=r"\['sit', 'walk'\] for 3 classes"):
        export_target(model, tmp_path / "a", held_out, "imu", NAMES[:2], **given)
    with pytest.raises(ValueError, match=r"\(8, 2\), for .*\(16, 2\).*`stream`"):
        export_target(model, tmp_path / "a", held_out, "camera", NAMES, **given)
    with pytest.raises(ValueError, match=r"'gyro'. Choose from \['camera', 'imu'\]"):
        export_target(model, tmp_path / "a", held_out, "gyro", NAMES, **given)


def test_an_error_of_a_converter_is_one_sentence_of_ours(tmp_path, monkeypatch):
    def write(*given):
        raise TypeError("in user code:\n  …\nType bfloat16 has no such operation.")

    broken = dataclasses.replace(FORMATS["litert"], write=write)
    monkeypatch.setitem(FORMATS, "litert", broken)
    with pytest.raises(RuntimeError) as caught:
        export(tmp_path / "watch")
    assert str(caught.value) == (
        "The litert export must do what the model does. "
        "Received: TypeError in writing it: Type bfloat16 has no such operation. "
        "Give recurrent layers unroll=True, or export formats=['onnx']; "
        "nothing has been left on disk."
    )
    assert not list(tmp_path.iterdir())


def probabilities_of(target, windows):
    return keras.ops.convert_to_numpy(target(windows))


def streamed(done, name, window):
    """What the artefact says of one window, as it streams in."""
    (decision,) = StreamingClassifier(done.file(name)).feed(window)
    return decision


def test_one_sigmoid_unit_streams_the_probabilities_of_no_and_yes(tmp_path):
    train, held_out = people()
    runs = dataclasses.replace(held_out, labels=(held_out.labels == 2).astype(int))
    target = ending_in(train, 1, "sigmoid")
    for weight in target.layers[-1].trainable_variables:
        weight.assign(weight * 3)  # so that it says no and yes
    given = {"stride": 1.0, "calibration": train, "verbose": 0}
    names = ("still", "run")
    done = export_target(target, tmp_path / "a", runs, "imu", names, **given)
    windows = held_out.gather("imu")
    expected = probabilities_of(target, windows)[:, 0]
    assert done.description.task == "binary"
    said = np.where(expected > 0.5, 1, 0)
    assert f"Macro F1 {macro_f1_interval(runs.labels, [said], runs.subjects)}" in (
        (tmp_path / "a" / "model_card.md").read_text()
    )
    for name in ("saved_model", "litert", "onnx"):
        for row in (expected.argmin(), expected.argmax()):
            decision = streamed(done, name, windows[row])
            both = [1 - expected[row], expected[row]]
            np.testing.assert_allclose(decision.probabilities, both, atol=1e-5)
            assert decision.labels == (names[said[row]],) == (decision.label,)


@pytest.mark.slow
def test_several_sigmoid_units_stream_every_label_above_a_half(tmp_path):
    train, held_out = people()
    moves = [held_out.labels > 0, held_out.labels > 1]
    labels = np.stack(moves, axis=-1).astype(float)
    labels[0] = np.nan
    several = dataclasses.replace(held_out, labels=labels)
    target = ending_in(train, 2, None)
    kernel, bias = target.layers[-1].trainable_variables
    bias.assign([2.0, -2.0])
    kernel.assign(kernel * 0.1)
    names, formats = ("up", "fast"), ["saved_model", "litert"]
    given = {"stride": 1.0, "task": "multilabel", "formats": formats, "verbose": 0}
    done = export_target(target, tmp_path / "a", several, "imu", names, **given)
    logits = probabilities_of(target, held_out.gather("imu")[:1])[0]
    for name in formats:
        decision = streamed(done, name, held_out.gather("imu")[0])
        expected = 1 / (1 + np.exp(-logits))
        np.testing.assert_allclose(decision.probabilities, expected, atol=1e-5)
        assert (decision.label, decision.labels) == ("up", ("up",))
    card = (tmp_path / "a" / "model_card.md").read_text()
    assert "# imu: 2 labels" in card
    assert "| up | " in card
    assert f"on {len(held_out) - 1} windows of 2 people" in card
    with pytest.raises(ValueError, match=r"shape \(24,\), not \(24, 2\)"):
        export_target(target, tmp_path / "b", held_out, "imu", names, **given)
