import ast
import pathlib

from keras_dcat.export import runner


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
        "pathlib",
        "statistics",
        "sys",
        "tensorflow",
        "time",
    }


def test_a_folder_is_a_saved_model_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "saved_model", lambda path: path)
    folder = tmp_path / "target.v2"
    folder.mkdir()
    assert runner.load(folder) == str(folder)
