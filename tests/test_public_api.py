"""Every public name is documented, registered and listed."""

import importlib
import inspect
import pathlib
import re

import keras
import pytest

import keras_dcat

ROOT = pathlib.Path(__file__).parents[1]
NAMESPACES = [
    "keras_dcat",
    "keras_dcat.datasets",
    "keras_dcat.recordings",
    "keras_dcat.windows",
    "keras_dcat.attention",
    "keras_dcat.transfer",
    "keras_dcat.metrics",
    "keras_dcat.evaluation",
    "keras_dcat.plots",
]


def public_names(namespace):
    module = importlib.import_module(namespace)
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == namespace
    ]


PUBLIC = [
    (namespace, name)
    for namespace in NAMESPACES
    for name in public_names(namespace)
    if not inspect.ismodule(getattr(importlib.import_module(namespace), name))
]


def value_of(namespace, name):
    return getattr(importlib.import_module(namespace), name)


def parameters(value):
    function = value.__init__ if inspect.isclass(value) else value
    return [
        name.lstrip("*")
        for name in inspect.signature(function).parameters
        if name != "self"
    ]


def documented(docstring, section):
    """Names that a section of a docstring explains."""
    match = re.search(
        rf"^\s*{section}:\n(.*?)(?=^\S|^    \S|\Z)", docstring, re.S | re.M
    )
    if not match:
        return []
    return re.findall(r"^    \**(\w+)[,:]", inspect.cleandoc(match.group(1)), re.M)


def test_three_names_stand_at_the_root():
    assert keras_dcat.__all__ == [
        "AttentionKV",
        "DCATModel",
        "MaskedCrossAttentionLoss",
    ]
    assert re.fullmatch(r"\d+\.\d+\.\d+", keras_dcat.__version__)


@pytest.mark.parametrize(("namespace", "name"), PUBLIC)
def test_a_public_name_explains_all_its_arguments(namespace, name):
    value = value_of(namespace, name)
    lines = inspect.getdoc(value).splitlines()
    assert lines[0].endswith(".")
    assert len(lines[0]) <= 80
    if issubclass(type(value), type) and issubclass(value, tuple):
        section = "Attributes"
    elif "Attributes:" in lines:
        section = "Attributes"
    else:
        section = "Args"
    text = inspect.getdoc(value)
    block = re.search(rf"^{section}:\n((?:(?:    .*)?\n?)*)", text, re.M)
    expected = parameters(value) if not hasattr(value, "_fields") else value._fields
    explained = re.findall(r"^    \**(\w+):", block.group(1), re.M) if block else []
    assert explained == list(expected)


@pytest.mark.parametrize(("namespace", "name"), PUBLIC)
def test_a_public_name_has_a_page_in_the_reference(namespace, name):
    pages = "".join(p.read_text() for p in (ROOT / "docs").rglob("*.md"))
    assert f"`{namespace}.{name}`" in pages or f"`keras_dcat.{name}`" in pages


@pytest.mark.parametrize(("namespace", "name"), PUBLIC)
def test_what_keras_saves_is_registered(namespace, name):
    value = value_of(namespace, name)
    kinds = (keras.layers.Layer, keras.losses.Loss, keras.Model)
    if inspect.isclass(value) and issubclass(value, kinds):
        assert keras.saving.get_registered_name(value) == f"keras_dcat>{name}"


@pytest.mark.parametrize("name", keras_dcat.__all__)
def test_the_root_names_have_examples_that_run_as_tests(name):
    docstring = inspect.getdoc(getattr(keras_dcat, name))
    sections = ["Args:", "Call args:", "Returns:", "Raises:", "Example:", "Reference:"]
    positions = [docstring.index(section) for section in sections]
    assert positions == sorted(positions)
    assert ">>> " in docstring
