import inspect

import pytest

pytest.importorskip("pydantic")

import pydantic

from keras_dcat.cli.experiment import Windows
from keras_dcat.cli.sections import taking
from keras_dcat.windows import index_windows


def cut(values, *, length: float = 2.0, pad: bool = False, unit: str | None = None):
    """A function with options."""


class Cut(taking(cut, without=["unit"])):
    """A section of it, with a name of its own."""

    stride: float = 1.0


def test_what_the_file_says_is_passed_on_and_nothing_else():
    assert Cut(stride=3.0).given() == {}
    assert Cut(pad=True, stride=3.0).given() == {"pad": True}
    assert Cut(length=1, pad=False).given() == {"length": 1.0, "pad": False}


@pytest.mark.parametrize("said", [{"unit": "s"}, {"values": []}, {"lenght": 1.0}])
def test_what_is_no_option_is_refused(said):
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        Cut(**said)


def test_an_option_has_the_kind_that_the_function_says_or_a_narrower_one():
    with pytest.raises(pydantic.ValidationError, match="valid number"):
        Cut(length="long")
    narrow = taking(cut, length=int)
    with pytest.raises(pydantic.ValidationError, match="valid integer"):
        narrow(length=0.5)


@pytest.mark.parametrize(
    ("section", "function", "elsewhere"),
    [
        (Windows, index_windows, {"length", "stride", "rates", "class_names", "clips"}),
    ],
    ids=["index_windows"],
)
def test_the_file_takes_every_option_of(section, function, elsewhere):
    options = {
        name
        for name, each in inspect.signature(function).parameters.items()
        if each.default is not each.empty
    }
    assert options - elsewhere == section.options
