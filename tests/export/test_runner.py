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
