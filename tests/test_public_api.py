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
    "keras_dcat.windows.augmentation",
    "keras_dcat.attention",
    "keras_dcat.encoders",
    "keras_dcat.transfer",
    "keras_dcat.diagnosis",
    "keras_dcat.metrics",
    "keras_dcat.evaluation",
    "keras_dcat.export",
    "keras_dcat.streaming",
    "keras_dcat.tuning",
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
    if hasattr(value, "_fields"):
        return list(value._fields)
    function = value.__init__ if inspect.isclass(value) else value
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_four_names_stand_at_the_root():
    assert keras_dcat.__all__ == [
        "AttentionKV",
        "DCATModel",
        "MaskedCrossAttentionLoss",
        "diagnose",
    ]
    assert re.fullmatch(r"\d+\.\d+\.\d+", keras_dcat.__version__)


CALLABLE = [names for names in PUBLIC if callable(value_of(*names))]


@pytest.mark.parametrize(("namespace", "name"), CALLABLE)
def test_a_public_name_explains_all_its_arguments(namespace, name):
    value = value_of(namespace, name)
    docstring = inspect.getdoc(value)
    first_line = docstring.splitlines()[0]
    assert first_line.endswith(".")
    assert len(first_line) <= 80
    # What is handed to users, not made by them, explains its attributes instead.
    section = "Attributes" if "\nAttributes:\n" in docstring else "Args"
    block = re.search(rf"^{section}:\n((?:(?:    .*)?\n?)*)", docstring, re.M)
    explained = re.findall(r"^    \**(\w+):", block.group(1), re.M) if block else []
    assert explained == [
        name for name in parameters(value) if name not in referred_to(value, docstring)
    ]


def referred_to(value, docstring):
    """What a docstring says to be as in a class that this one is derived from."""
    bases = value.__mro__[1:] if inspect.isclass(value) else ()
    named = [base for base in bases if f"those of `{base.__name__}`" in docstring]
    return {name for base in named for name in parameters(base)}


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
    if inspect.isfunction(getattr(keras_dcat, name)):
        sections.remove("Call args:")
    positions = [docstring.index(section) for section in sections]
    assert positions == sorted(positions)
    assert ">>> " in docstring
