import io
import itertools

import pytest

from keras_dcat.recordings.readers import read_csv


def read(text, columns="x", **options):
    return read_csv(io.BytesIO(text.encode()), columns, **options)


@pytest.mark.parametrize("between", [",", ";", "\t", "|", "  ", " \t "])
def test_what_stands_between_cells_is_found(between):
    rows = [["t", "x", "y"], ["0", "1.5", "2"], ["1", "2.5", "3"]]
    stream = read("\n".join(map(between.join, rows)), ["y", "x"], time="t")
    assert stream.values.tolist() == [[2.0, 1.5], [3.0, 2.5]]


def test_names_with_blanks_and_signs_do_not_hide_the_delimiter():
    text = '"Time (s)";"Acc x, y (m/s^2)"\n0,5;1,5\n'
    stream = read(text, "Acc x, y (m/s^2)", time="Time (s)")
    assert (stream.values.tolist(), stream.times.tolist()) == ([[1.5]], [0.5])


DEVICE = "Device 7, made in 2024\nSerial; A, 3\n-------\n"


@pytest.mark.parametrize("header", ["", "t,x,y\n"])
@pytest.mark.parametrize("names", [None, ["t", "x", "y"]])
def test_columns_are_named_by_their_numbers_with_and_without_a_header(header, names):
    text = f"{header if names is None else ''}0,1,2\n1,3,4\n"
    stream = read(text, [2, 1], time=0, names=names)
    assert stream.values.tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert stream.times.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("header", ["", "t,x,y\n"])
def test_lines_before_a_table_without_names_are_named(header):
    text = f"{DEVICE}{header}0,1,2\n1,3,4\n"
    with pytest.raises(ValueError, match=r"begins at line 4, pass skip=3"):
        read(text, [1, 2], time=0)
    assert read(text, [1], time=0, skip=3).values.tolist() == [[1.0], [3.0]]


def test_the_header_is_the_first_line_with_all_names():
    text = f"x of device 7\n{DEVICE}t,x\n0,1\n1,2\n"
    assert read(text, time="t").values.tolist() == [[1.0], [2.0]]


def test_open_signals_names_its_columns_in_json():
    text = (
        "# OpenSignals Text File Format\n"
        '# {"A": {"column": ["n", "x"], "rate": 9}, "B": {"column": ["y"]}}\n'
        "# EndOfHeader\n0\t1\t2\t\n1\t3\t4\t\n"
    )
    assert read(text, ["y", "x"], rate=9.0).values.tolist() == [[2, 1], [4, 3]]
    with pytest.raises(ValueError, match=r"'z', not in.*'n', 'x', 'y'"):
        read(text, "z", rate=9.0)


@pytest.mark.parametrize("columns", [1, 3])
def test_a_start_and_a_rate_before_the_samples_are_no_samples(columns):
    rows = [["1551453301.000000"], ["32.000000"], ["-1"], ["5"]]
    text = "\n".join(", ".join(row * columns) for row in rows)
    cure = r"Pass skip=2, start=1551453301\.0 and rate=32\.0"
    with pytest.raises(ValueError, match=cure):
        read(text, list(range(columns)), rate=32.0)
    stream = read(text, [0], skip=2, start=1551453301.0, rate=32.0)
    assert stream.values.tolist() == [[-1.0], [5.0]]
    assert stream.span == (1551453301.0, 1551453301.0625)


@pytest.mark.parametrize("delimiter", ["", ",,", "\n", '"', 5])
def test_what_cannot_stand_between_cells_is_refused(delimiter):
    with pytest.raises(ValueError, match=r"`delimiter` must be one character"):
        read("t,x\n0,1\n", time="t", delimiter=delimiter)


def test_two_delimiters_are_refused_unless_one_is_named():
    text = "x,a;x\n0,1;2\n"
    with pytest.raises(ValueError, match=r"line 1.*delimiter=',' or delimiter=';'"):
        read(text, rate=1.0)
    assert read(text, rate=1.0, delimiter=";").values.tolist() == [[2.0]]


def test_numbers_of_columns_that_are_not_there_are_refused():
    for column, options in itertools.product([-1, 2], [{}, {"names": ["a", "b"]}]):
        with pytest.raises(ValueError, match=rf"column {column} of .*from 0 to 1"):
            read("0,1\n", [0, column], rate=1.0, delimiter=",", **options)


def test_a_name_that_is_missing_is_sought_among_whole_names():
    with pytest.raises(ValueError, match=r"Choose from: 't', 'x \[g\]', 'y \[g\]'\."):
        read("t,x [g],y [g]\n0,1,2\n1,3,4\n", "x", time="t")


@pytest.mark.parametrize("content", [b"\x00\n|", b"\x00\n|\n1,2\n", b"x\n|\n;\n\x00,"])
def test_lines_that_no_sign_divides_alike_are_refused_in_words(content):
    with pytest.raises(ValueError, match="Received: "):
        read_csv(io.BytesIO(content), ["x", "y"], rate=1.0)
