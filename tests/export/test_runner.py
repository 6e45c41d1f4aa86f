import ast
import os
import pathlib

import numpy as np
import pytest

from keras_dcat.export import runner
from keras_dcat.export.micro import lowering
from tests.export.micro.models import serving


def test_it_needs_nothing_of_this_package():
    source = pathlib.Path(runner.__file__).read_text()
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
    }
    assert names == {
        "ai_edge_litert",
        "numpy",
        "onnxruntime",
        "os",
        "pathlib",
        "re",
        "statistics",
        "sys",
        "tempfile",
        "tensorflow",
        "tflite_micro",
        "time",
    }


def test_a_folder_is_a_saved_model_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "saved_model", lambda path: path)
    folder = tmp_path / "target.v2"
    folder.mkdir()
    assert runner.load(folder) == str(folder)


@pytest.mark.tensorflow
def test_the_arena_of_a_microcontroller_is_what_it_needs_and_no_more(tmp_path):
    runtime = pytest.importorskip("tflite_micro").runtime
    model, windows = serving("attached")
    path = tmp_path / "target.tflite"
    path.write_bytes(lowering.float_model(model))
    run, variables, owner = runner.load(path, "micro")
    assert variables == []
    probabilities, labels = run(windows)
    assert labels is None
    np.testing.assert_allclose(probabilities, model.predict(windows), atol=1e-5)
    arena = owner.arena()
    runtime.Interpreter.from_file(str(path), arena_size=arena).invoke()
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_file(str(path), arena_size=arena - runner.STEP)


def test_what_code_in_c_says_is_read_and_what_follows_is_not(capfd):
    with runner._said_by_c() as said:
        os.write(2, b"no such operation\n")
        assert said.read() == "no such operation\n"
    os.write(2, b"later")
    assert capfd.readouterr().err == "later"
