"""Every parameter and result of a public name has its type."""

import inspect
from typing import get_type_hints

import pytest

import keras_dcat
from keras_dcat import typing as types
from tests.test_public_api import CALLABLE, value_of


def is_own(value):
    """Whether a class or a function is of this package."""
    return (getattr(value, "__module__", None) or "").startswith("keras_dcat.")


def functions_of(value):
    """(name, function) of all that a user of a public name may call."""
    if not inspect.isclass(value):
        return [(value.__name__, value)] if is_own(value) else []
    found = []
    for owner in filter(is_own, value.__mro__):
        for name, member in vars(owner).items():
            if name.startswith("_") and name not in ("__init__", "__call__"):
                continue
            if isinstance(member, (staticmethod, classmethod)):
                member = member.__func__
            elif isinstance(member, property):
                member = member.fget
            if inspect.isfunction(member):
                found.append((f"{owner.__name__}.{name}", member))
    return found


def without_type(function):
    """Parameters that have no annotation, and "return" if the result has none."""
    signature = inspect.signature(function)
    names = [
        parameter.name
        for position, parameter in enumerate(signature.parameters.values())
        if parameter.annotation is parameter.empty
        and not (position == 0 and parameter.name in ("self", "cls"))
    ]
    makes = function.__name__ == "__init__"  # what it returns is `None` for all
    if signature.return_annotation is signature.empty and not makes:
        names.append("return")
    return names


@pytest.mark.parametrize(("namespace", "name"), CALLABLE)
def test_a_public_name_has_the_types_of_its_parameters_and_results(namespace, name):
    missing = {
        called: names
        for called, function in functions_of(value_of(namespace, name))
        if (names := without_type(function))
    }
    assert not missing


def test_a_parameter_without_a_type_is_seen():
    class Example:
        def method(self, known: int, unknown):
            """A method of which a parameter and the result have no type."""

        @property
        def number(self) -> int:
            return 1

    Example.__module__ = "keras_dcat.windows"
    (method, number) = (function for _, function in functions_of(Example))
    assert without_type(method) == ["unknown", "return"]
    assert without_type(number) == []


def test_a_layer_takes_and_gives_tensors_of_any_backend():
    hints = get_type_hints(keras_dcat.AttentionKV.call)
    assert hints["inputs"] == hints["return"] == types.Tensor
