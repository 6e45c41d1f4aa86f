import pytest

from keras_dcat.recordings.readers.date_formats import compiled, formats_of


@pytest.mark.parametrize(
    "time_format",
    ["%Y", "%H:%M %d", "%Q", "%Y-%m-%d %Y", "%I:%M", "%H:%M %p", "%z %H:%M", "", 5],
)
def test_a_format_that_says_no_time_or_half_a_day_is_refused(time_format):
    with pytest.raises(ValueError, match=r"`time_format` must say.*Pass one such as"):
        compiled(time_format)


def test_numbers_of_a_format_are_found_by_their_letters():
    match = compiled("%d.%m.%Y %H:%M:%S.%f").fullmatch("1.02.2024  3:04:05.678")
    assert match.groupdict() == {
        **{"d": "1", "m": "02", "Y": "2024", "H": "3", "M": "04", "S": "05"},
        "f": "678",
    }
    assert compiled("a+b%H:%M").fullmatch("aab03:04") is None  # signs stand for signs


def test_only_formats_that_read_a_text_are_proposed():
    everything = formats_of("03-04-2024 01:02:03.5", lambda text, one: True)
    day_first = formats_of("03-04-2024 01:02:03.5", lambda text, one: one[1:2] == "d")
    assert "%d-%m-%Y %H:%M:%S.%f" in day_first
    assert set(day_first) < set(everything)
    assert formats_of("hello", lambda text, one: False) == []


def test_numbers_that_nothing_stands_between_have_all_of_their_digits():
    assert compiled("%d%m%Y").fullmatch("11012024")["m"] == "01"
    assert compiled("%d%m%Y").fullmatch("1112024") is None  # the 1st or the 11th
    assert compiled("%Y%m%d %H%M%S").fullmatch("20240101 10000") is None
    assert compiled("%d/%m/%Y").fullmatch("1/1/2024")["d"] == "1"
