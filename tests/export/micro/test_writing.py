import dataclasses

import numpy as np
import pytest

from keras_dcat.evaluation import Interval
from keras_dcat.export import Check, Description
from keras_dcat.export.checking import failed
from keras_dcat.export.micro import writing
from tests.export.micro.models import operations, serving

pytestmark = pytest.mark.tensorflow
pytest.importorskip("ai_edge_quantizer")

DROP = Interval(0.004, -0.01, 0.02)
FINE = Check("micro", 1.0, 1.0, 1.0, 0.9, 0.004, 0.0, DROP, 20.0)


def write(path, name="imu", judge=lambda path, windows: FINE):
    model, windows = serving(name)
    steps, channels = windows.shape[1:]
    description = Description(
        tuple("abcd"), "imu", 50.0, steps / 50, 0.5, (steps, channels)
    )
    return writing.write_micro(
        model, path / "micro" / "target.tflite", description, windows, windows, judge
    )


def test_the_smallest_that_is_good_enough_is_taken(tmp_path):
    seen = []

    def judge(path, windows):
        seen.append(path.stat().st_size)
        if len(seen) < 3:
            raise failed("micro", f"a macro F1 of 0.{len(seen)}00, where it has 0.900")
        return FINE

    check, found = write(tmp_path, judge=judge)
    assert check is FINE
    assert found.variant == "int16x8"
    assert found.refused == {
        "int8": "a macro F1 of 0.100, where it has 0.900",
        "int8 per channel": "a macro F1 of 0.200, where it has 0.900",
    }
    assert seen == sorted(seen)
    assert found.flash_kilobytes == seen[-1] / 1000
    assert found.arena_kilobytes == 20.0


def test_a_recurrent_target_is_smaller_in_float32(tmp_path):
    """Where each step is written out, whole numbers cost more than they save."""
    _, found = write(tmp_path, "gru")
    assert found.variant == "float32"
    assert found.refused == {}


def test_a_recurrent_target_of_many_steps_is_told_how_to_have_fewer(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "MOST_OPERATIONS", 100)
    with pytest.raises(RuntimeError, match=r"operations, where 100.*fewer steps"):
        write(tmp_path, "gru")
    assert not list(tmp_path.iterdir())


def test_none_that_is_good_enough_is_an_error(tmp_path):
    def judge(path, windows):
        raise failed("micro", "a macro F1 of 0.100, where it has 0.900")

    with pytest.raises(RuntimeError, match=r"0\.100.*keras_dcat\.encoders\.imu"):
        write(tmp_path, judge=judge)


def test_an_error_of_the_quantizer_refuses_a_variant(tmp_path, monkeypatch):
    def broken(*given):
        raise TypeError("in user code:\n  …\nno such range.")

    monkeypatch.setattr(writing, "quantized", broken)
    _, found = write(tmp_path)
    assert found.variant == "float32"
    assert set(found.refused.values()) == {"TypeError in writing it: no such range"}
    monkeypatch.setattr(writing, "float_model", broken)
    with pytest.raises(RuntimeError, match="TypeError in writing it: no such range"):
        write(tmp_path / "b")


def test_all_that_firmware_needs_is_beside_it(tmp_path):
    _, found = write(tmp_path)
    folder = tmp_path / "micro"
    assert {path.name for path in folder.iterdir()} == {
        "target.tflite",
        "target_model.h",
        "target_model.cc",
        "sketch.cc",
        "firmware.json",
    }
    assert Description.of(folder / "target.tflite").class_names == tuple("abcd")
    kinds = set(operations((folder / "target.tflite").read_bytes()))
    assert len(kinds) == len(found.operations)


def test_the_card_says_what_was_chosen_what_it_needs_and_why():
    found = writing.OnMicrocontroller(
        "int16x8", 30.976, 94.792, 1194040, ("Add", "Conv2D"), {"int8": "0.7"}, "by FFT"
    )
    told = found.told(FINE)
    assert str(found) == (
        "micro: int16x8, 31.0 kB of arena, 94.8 kB of flash, 1,194,040 "
        "multiply-accumulates a window, 2 operations"
    )
    for words in (
        "in int16x8, whose macro F1 is 0.900: less than the model's by +0.004 [-0.010",
        "chosen by these windows",
        "- int8 was not taken: 0.7",
        "31.0 kB of arena",
        "94.8 kB, and the code of 2 operations: Add, Conv2D",
        "1,194,040 multiply-accumulates",
        "makes the spectrum: by FFT.",
    ):
        assert words in told
    alone = dataclasses.replace(FINE, f1_drop_interval=None)
    assert "model's by +0.004." in found.told(alone)


def test_windows_become_spectra_a_few_hundred_at_a_time():
    sizes = []

    def front(part):
        sizes.append(len(part))
        return part * 2

    windows = np.ones((600, 2), "float32")
    assert (writing._made(front, windows) == 2).all()
    assert sizes == [256, 256, 88]
