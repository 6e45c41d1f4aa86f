import math

import pytest

from keras_dcat.recordings.readers.csv_numbers import (
    NoNumber,
    Numbers,
    comma_meanings,
    is_number,
    is_word,
)


@pytest.mark.parametrize(
    ("cell", "options", "expected"),
    [
        (" 1.5e+03 ", {}, 1500.0),
        ("-.5", {}, -0.5),
        ("inf", {}, math.inf),
        ("True", {}, 1.0),
        ("1,5", {"decimal": ","}, 1.5),
        ("1.234.567,5", {"decimal": ",", "thousands": "."}, 1234567.5),
        ("1\u202f234,5", {"decimal": ",", "thousands": " "}, 1234.5),
        ("1 234,5", {"decimal": ",", "thousands": "\u202f"}, 1234.5),
        ("1\u00a0234", {"thousands": "\u00a0"}, 1234.0),
        ("-12 345.5", {"thousands": " "}, -12345.5),
        ("1\u202f234.5", {"thousands": "\u202f"}, 1234.5),
        ("1\u00a0234.5", {"thousands": "\u202f"}, 1234.5),
        ("999", {"thousands": ","}, 999.0),
    ],
)
def test_a_number_is_what_it_is_by_its_signs(cell, options, expected):
    assert Numbers(**options).number(cell) == expected


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("1_000", {}),
        ("\uff11", {}),
        ("0x1A", {}),
        ("1,5", {"decimal": "."}),
        ("1.5", {"decimal": ","}),
        ("1.5", {"thousands": "."}),  # no group of three
        ("12,34", {"thousands": ","}),
        ("1,23,456", {"thousands": ","}),
        ("", {}),
    ],
)
def test_what_is_no_number_by_these_signs_is_none(cell, options):
    with pytest.raises(NoNumber):
        Numbers(**options).number(cell)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, r"`decimal` must be '\.' or ','.*';'"),
        ({"decimal": ",", "thousands": ","}, r"cannot group digits, too"),
        ({"thousands": "ab"}, r"one character.*'ab'"),
        ({"thousands": "1"}, r"no part of a number.*'1'"),
    ],
)
def test_signs_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Numbers(**options)


@pytest.mark.parametrize(
    ("cell", "meanings"),
    [
        ("0,123", (True, False)),
        ("1,5", (True, False)),
        ("1234,567", (True, False)),
        ("1,234", (True, True)),
        ("1,234,567", (False, True)),
        ("1,234.5", (False, True)),
        ("1,5,6", (False, False)),
        ("a,b", (False, False)),
    ],
)
def test_a_comma_begins_a_fraction_or_groups_digits(cell, meanings):
    assert comma_meanings(cell) == meanings


def test_units_are_words_and_markers_are_neither_words_nor_numbers():
    assert all(is_word(cell) for cell in ("ms", "m/(s^2)", "°C", "no_units"))
    assert not any(is_word(cell) for cell in ("", "N/A", "-", "nan", "1", "1,5"))
    assert [is_number(cell) for cell in ("1,5", "N/A")] == [True, False]
