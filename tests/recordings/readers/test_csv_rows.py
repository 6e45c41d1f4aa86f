"""Lines that are no rows, and refusals whose cure is applied."""

import io
import re

import numpy as np
import pytest

from keras_dcat.recordings.readers import read_csv


def read(text, columns="x", **options):
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return read_csv(file, columns, **options)


@pytest.mark.parametrize(
    "text",
    [
        "t,x\n0,1\n20,2\n40,3\n",
        "t;x\n0,0;1,0\n20;2\n40;3,0\n",
        "t,x\nms,m/(s^2)\n0,1\n20,2\n40,3\n",
        "t,x\ncal,raw\nms,g\n0,1\n20,2\n40,3\n",
        "t,x\n0,1\n20,2\nt,x\n40,3\n",
        "t,x\nms,g\n0,1\n20,2\nt,x\nms,g\n40,3\n",
        "t\tx\n0\t1\t\n20\t2\t\n40\t3\t\n",
        "t,x,\n0,1\n20,2,\n40,3\n",
        "t,x\n0,1\n# marker\n20,2\n// a, b, c\n40,3\n% end\n",
        "sep=,\nt,x\n0,1\n20,2\n40,3\n",
        '"sep=\\t"\nt\tx\n0\t1\n20\t2\n40\t3\n',
        "\ufefft,x\n0,1\n20,2\n40,3\n",
        "t,x\n0,1\n20,2\n40,3\n,\n,\n",
        "t,x\r0,1\r20,2\r40,3\r",
        "t,x\n0,\u00a01\n20, 2 \n40,+3\n",
        "# t x\n0 1\n20 2\n40 3\n",
        "Device:,7\n50 Hz\n-----\nt,x\n0,1\n20,2\n40,3\n",
        't,x,note\n0,1,"a\nb, c"\n# gap\n20,2,\n40,3,5"\n',
    ],
)
def test_what_cannot_be_a_row_is_passed_over(text):
    stream = read(text, time="t", time_unit=0.001)
    np.testing.assert_allclose(stream.times, [0.0, 0.02, 0.04], rtol=1e-15)
    assert stream.values.tolist() == [[1.0], [2.0], [3.0]]


CURES = [
    # what is wrong, the cure that is named, and the options that it is
    ("t;x\n0;1,234\n1;2,345\n", "decimal=','", {"decimal": ","}, [1.234, 2.345]),
    ("t;x\n0;1,234\n1;2,345\n", "thousands=','", {"thousands": ","}, [1234, 2345]),
    ("t;x\n0;1,234.5\n1;2.5\n", "thousands=','", {"thousands": ","}, [1234.5, 2.5]),
    ("t;x\n0;1.234,5\n1;2,5\n", "thousands='.'", {"thousands": "."}, [1234.5, 2.5]),
    ("t;x\n0;1'234.5\n1;2.5\n", 'thousands="\'"', {"thousands": "'"}, [1234.5, 2.5]),
    (
        "t;x\n0;1\u202f234,5\n1;2,5\n",
        "thousands=' ' and decimal=','",
        {"thousands": "\u202f", "decimal": ","},
        [1234.5, 2.5],
    ),
    ("t,x\n0,1_000\n1,2\n", "thousands='_'", {"thousands": "_"}, [1000, 2]),
    ("t,x\n0,1\n1,N/A\n", "missing=['N/A']", {"missing": ["N/A"]}, [1, np.nan]),
    ("t,x\n0,1\n1,\n", "missing=['']", {"missing": [""]}, [1, np.nan]),
    ("t,x\n0,1\n,\n1,2\n", "missing=['']", {"missing": [""]}, [1, np.nan, 2]),
    ("t,x\ns,1\n0,5\n", "skip_below=1", {"skip_below": 1}, [5]),
    ("t,x\n0,1\n%a,b\n1,2\n", "comment='%a'", {"comment": "%a"}, [1, 2]),
    ("t,x\n0,1\nt,y\n1,2\n", "comment='t'", {"comment": "t"}, [1, 2]),
    ("t,x\n0,1\nnow 2 1 0\n1,2\n", "comment='now'", {"comment": "now"}, [1, 2]),
    ("n,t,x\n0,0,1\n#1,1,2\n", "comment='#'", {"comment": "#"}, [1]),
    ("n,t,x\n0,0,1\n#1,1,2\n", "comment=''", {"comment": ""}, [1, 2]),
    ("t,x,y\n0,1,1\n1,2\n", "short_rows=True", {"short_rows": True}, [1, 2]),
    ("x,a;x\n0,1;2\n", "delimiter=';'", {"delimiter": ";", "time": [0]}, [2]),
    ("t,x,x\n0,1,2\n", "number: 1 or 2", {"columns": 2}, [2]),
    ("0,1\n1,2\n", "names=[…]", {"names": ["t", "x"]}, [1, 2]),
    ("0,1\n1,2\n", "their numbers", {"columns": 1, "time": 0}, [1, 2]),
    ("t,Acc X\n0,1\n", "you mean 'Acc X'?", {"columns": "Acc X"}, [1]),
    (
        "t,x\n0,1\n1,2\n".encode("utf-16-le"),
        "encoding='utf-16-le'",
        {"encoding": "utf-16-le"},
        [1, 2],
    ),
]


@pytest.mark.parametrize(("text", "cure", "options", "expected"), CURES)
def test_the_cure_that_a_refusal_names_reads_the_right_values(
    text, cure, options, expected
):
    columns = "acc_x" if "mean" in cure else "x"
    with pytest.raises(ValueError, match=re.escape(cure)):
        read(text, columns, time="x" if "delimiter" in cure else "t")
    stream = read(text, **{"columns": "x", "time": "t", **options})
    np.testing.assert_allclose(stream.values[:, 0], expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("t,x,y\n0,1,1\n1,2\n2,3,3\n", "line.s. are broken.*: 3"),
        ("t,x,y\n0,1,1\n2,3,3\n3,\0\0\0\0", "line.s. are broken.*: 4"),
    ],
)
def test_broken_rows_are_left_out_where_told_to_with_a_warning(text, lines):
    with pytest.raises(ValueError, match="drop_broken=True"):
        read(text, time="t")
    with pytest.warns(UserWarning, match=lines):
        stream = read(text, time="t", drop_broken=True)
    assert (stream.times.tolist(), stream.values.tolist()) == ([0, 2], [[1], [3]])


def test_without_times_a_broken_row_is_left_out_at_the_end_only():
    with pytest.warns(UserWarning, match=r"broken, and left out: 4"):
        stream = read("x,y\n1,1\n2,2\n3", rate=1.0, drop_broken=True)
    assert stream.values.tolist() == [[1.0], [2.0]]
    with pytest.raises(ValueError, match=r"line 3: a broken row.*Pass `time`"):
        read("x,y\n1,1\n2\n3,3\n", rate=1.0, drop_broken=True)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("x\ng\n1\n2\n", r"1 line\(s\) are taken for units, and left out: 2"),
        ("x\n1\nx\n2\n", r"1 line\(s\) are the header again.*: 3"),
    ],
)
def test_without_times_a_line_that_is_passed_over_is_named(text, doubt):
    with pytest.warns(UserWarning, match=doubt):
        stream = read(text, rate=1.0)
    assert stream.values.tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,x\n0,fast\n1,2\n", r"line 2, column 'x': 'fast'"),
        ("t,x\n0,1\ns,g\n1,2\n", r"line 3, column 'x': 'g'"),
        ("t,x\nnan,-\n0,1\n", r"line 2, column 'x': '-'"),
        ("t,x\na,b\nc,d\ne,f\ng,h\n0,1\n", r"line 5, column 'x': 'h'|line 5"),
        ("t,x\n0,0x1A\n", r"line 2, column 'x': '0x1A'"),
        ("t,x\n0,\uff11\n", r"line 2, column 'x': '\uff11'"),
        ("t;x\n0;0,5\n1;2.5\n", r"'0,5'\. Write all fractions behind one sign"),
        ("t,x\n0,01,1,5\n", r"4 of 2 cells.*save it with ';'"),
        ("t,x\n0,2024-01-01T00:00:00Z\n", r"as it is a date, pass time='x'"),
        ("t,x\n0,1\n2024-01-01T00:00:00Z,2\n", r"line 3, column 't'"),
    ],
)
def test_what_could_be_a_row_is_refused_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        read(text, time="t")


def test_a_quote_that_is_never_closed_takes_no_rows_away():
    text = "t,x,note\n" + "".join(f'{n},{n},"open\n' for n in range(300))
    assert len(read(text, time="t")) == 300


def test_a_marker_that_is_a_number_is_no_value():
    stream = read("t,x\n0,-999\n1,2\n", time="t", missing="-999")
    np.testing.assert_array_equal(stream.values, [[np.nan], [2.0]])


def test_truth_and_a_sign_of_typography_are_numbers():
    text = "t,x\n0,true\n1,FALSE\n2,\u22122.5\n"
    assert read(text, time="t").values.tolist() == [[1.0], [0.0], [-2.5]]


@pytest.mark.parametrize("units", [";;g;-", "dd.mm.yyyy;;g;m/s", ";s;;", ";;--;g"])
def test_units_may_lack_where_a_line_has_no_time(units):
    text = f"day;time;x;y\n{units}\n1.5.2024;00:00:02;1,5;2\n"
    options = {"time_format": "%d.%m.%Y %H:%M:%S", "timezone": "UTC"}
    stream = read(text, ["x", "y"], time=["day", "time"], **options)
    assert stream.values.tolist() == [[1.5, 2.0]]
    assert stream.times.tolist() == [1714521602.0]


@pytest.mark.parametrize("line", ["1 h 2 s;g;-", "2.5.2024;-;g", "now;-;-1"])
def test_a_line_with_a_time_or_a_number_is_not_of_units(line):
    with pytest.raises(ValueError, match="must be a number.*line 2"):
        read(f"t;x;y\n{line}\n0;1;2\n", ["x", "y"], time="t")
