import re

import keras
import pytest

import keras_dcat
from keras_dcat.transfer.summary import called_by_side
from tests.models import branch


@pytest.fixture(autouse=True)
def wide_enough(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")


def rows(model, **options):
    """Names, types and numbers of parameters of the rows of a summary."""
    lines = []
    model.summary(print_fn=lines.append, **options)
    cells = [re.split("[│┃|]", line) for line in "\n".join(lines).splitlines()]
    return [[cell.strip() for cell in row[1:-1]] for row in cells if len(row) > 3]


def named(name, features, **options):
    model = branch(features, **options)
    return keras.Model(model.input, model.output, name=name)


def test_a_summary_calls_its_rows_source_and_target():
    source, target = named("camera", 5, steps=12), named("watch", 3)
    model = keras_dcat.DCATModel(source, target)
    found = {row[0]: row[2] for row in rows(model)}
    assert found["source (Functional)"] == f"{source.count_params():,}"
    assert found["target (Functional)"] == f"{target.count_params():,}"
    assert (source.name, target.name) == ("camera", "watch")


def test_several_sources_are_numbered_and_one_given_twice_is_one():
    sources = [named("camera", 5, steps=12), named("microphone", 2)]
    model = keras_dcat.DCATModel([*sources, sources[0]], named("watch", 3))
    names = [row[0].split(" (")[0] for row in rows(model)]
    assert [n for n in names if n.startswith(("source", "target"))] == [
        "source 0",
        "source 1",
        "target",
    ]
    assert [source.name for source in sources] == ["camera", "microphone"]


def test_nested_layers_keep_their_names():
    source, target = named("camera", 5, steps=12), named("watch", 3)
    model = keras_dcat.DCATModel(source, target)
    names = [row[0] for row in rows(model, expand_nested=True)]
    at = names.index("target (Functional)")
    for layer in target.layers:
        assert any(layer.name in name for name in names[at:]), layer.name
    options = {"layer_range": ["target", "target"], "show_trainable": True}
    shown = [row[0] for row in rows(model, **options)]
    assert "target (Functional)" in shown
    assert "source (Functional)" not in shown


def test_names_come_back_where_the_block_fails():
    source, target = named("camera", 5, steps=12), named("watch", 3)
    with pytest.raises(RuntimeError), called_by_side((source,), target):
        raise RuntimeError
    assert (source.name, target.name) == ("camera", "watch")
