import pytest

from keras_dcat.recordings.readers.csv_text import cells_of, text_of
from keras_dcat.recordings.readers.opened_files import Source

TABLE = "t,Temp °C\n0,1\n"


def lines(content, encoding=None):
    text = text_of(Source("a.csv", content), encoding)
    return [line for _, line in text.lines()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_is_told_by_its_mark(encoding):
    assert "".join(lines(TABLE.encode(encoding))) == TABLE


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be"])
def test_an_encoding_without_a_mark_can_be_named(encoding):
    assert "".join(lines(TABLE.encode(encoding), encoding)) == TABLE


@pytest.mark.parametrize("end", ["le", "be"])
def test_utf_16_without_a_mark_is_refused_with_its_name(end):
    with pytest.raises(ValueError, match=rf"Pass encoding='utf-16-{end}'"):
        lines(TABLE.replace("°", "").encode(f"utf-16-{end}"))


@pytest.mark.parametrize("encoding", ["utf-9", "base64", 8])
def test_what_is_no_encoding_of_text_is_refused(encoding):
    with pytest.raises(ValueError, match=rf"encoding={encoding!r}.*'cp1252'"):
        lines(b"", encoding)


def test_lines_keep_their_numbers_and_a_quoted_cell_joins_its_own():
    content = b'a,b\n\n1,"x\ny"\n2,z\n3,5"\n4,"open\n5,c\n'
    text = text_of(Source("a.csv", content), None)
    rows = dict(text.rows(0, ","))
    assert list(rows) == [1, 3, 5, 6, 7, 8]
    assert rows[3] == '1,"x\ny"\n'


@pytest.mark.parametrize(
    ("line", "delimiter", "cells"),
    [
        ("a, b ,\n", ",", ["a", "b", ""]),
        ('"a, b", "c",d"e\r\n', ",", ["a, b", "c", 'd"e']),
        ("\ta\t\tb", "\t", ["", "a", "", "b"]),
        ("  a   b\tc ", None, ["a", "b", "c"]),
        ('a "b c"  d', None, ["a", "b c", "d"]),
    ],
)
def test_a_line_is_cut_into_cells(line, delimiter, cells):
    assert cells_of(line, delimiter) == cells
