import csv
import io

import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings import read_audacity_labels, read_label_table

TABLE = "who,from,to,what\nanna,0,2.5,sit\nben,2.5,4,walk\n"


def file_of(text, encoding="utf-8"):
    return io.BytesIO(text.encode(encoding))


def rows(found):
    return np.column_stack([found.starts, found.ends, found.labels]).tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_labels_are_read_as_pandas_reads_the_table(delimiter, end):
    text = TABLE.replace(",", delimiter).replace("\n", end)
    found = read_label_table(file_of(text), "what", begin="from", end="to")
    table = pd.read_csv(io.StringIO(text), sep=delimiter)
    np.testing.assert_array_equal(found.starts, table["from"])
    np.testing.assert_array_equal(found.ends, table["to"])
    assert [found.class_names[n] for n in found.labels] == list(table["what"])


def test_lengths_milliseconds_and_a_clock_that_starts_later_are_taken_in():
    text = "t,ms,what\n1000,500,a\n3000,1000,b\n"
    options = {"begin": "t", "duration": "ms", "time_unit": 0.001, "start": 10.0}
    found = read_label_table(file_of(text), "what", **options)
    assert rows(found) == [[11.0, 11.5, 0.0], [13.0, 14.0, 1.0]]


def test_beginnings_alone_hold_until_the_next_and_the_last_until_it_is_said():
    text = "t,what\n0,a\n4,b\n"
    found = read_label_table(file_of(text), "what", begin="t", until=16, start=10)
    assert rows(found) == [[10.0, 14.0, 0.0], [14.0, 16.0, 1.0]]
    with pytest.raises(ValueError, match=r"'b' at 4\.0.*until=stream\.span\[1\]"):
        read_label_table(file_of(text), "what", begin="t")


def test_decimal_commas_are_read_where_they_can_mean_nothing_else():
    text = "from;to;what\n0,5;1,25;a\n1,25;2;b\n"
    found = read_label_table(file_of(text), "what", begin="from", end="to")
    assert rows(found) == [[0.5, 1.25, 0.0], [1.25, 2.0, 1.0]]
    unclear = "from;to;what\n1,500;1,625;a\n"
    with pytest.raises(ValueError, match=r"'1,500'.*Pass decimal=','"):
        read_label_table(file_of(unclear), "what", begin="from", end="to")
    columns = {"begin": "from", "end": "to"}
    found = read_label_table(file_of(unclear), "what", decimal=",", **columns)
    assert rows(found) == [[1.5, 1.625, 0.0]]


def test_dates_of_a_time_zone_become_seconds_since_1970():
    text = "from,to,what\n2024-03-30 12:00,2024-03-30 12:30:00.5,a\n"
    columns = {"begin": "from", "end": "to"}
    found = read_label_table(file_of(text), "what", timezone="Asia/Tokyo", **columns)
    begin = pd.Timestamp("2024-03-30 12:00", tz="Asia/Tokyo").timestamp()
    assert rows(found) == [[begin, begin + 1800.5, 0.0]]
    with pytest.raises(ValueError, match=r"timezone='UTC'.*'from' of"):
        read_label_table(file_of(text), "what", **columns)


def test_labels_in_the_hour_that_comes_twice_are_refused_until_an_offset_is_given():
    text = "from,to,what\n2024-10-27 02:50,2024-10-27 02:55,a\n"
    text += "2024-10-27 02:10,2024-10-27 02:15,b\n"  # earlier, or an hour later
    columns = {"begin": "from", "end": "to"}
    with pytest.raises(ValueError, match=r"timezone='\+02:00' for summer.*'from' of"):
        read_label_table(file_of(text), "what", timezone="Europe/Berlin", **columns)
    found = read_label_table(file_of(text), "what", timezone="+02:00", **columns)
    begin = pd.Timestamp("2024-10-27 02:10+02:00").timestamp()
    assert rows(found) == [[begin, begin + 300, 1], [begin + 2400, begin + 2700, 0]]


def test_hours_minutes_and_seconds_count_from_0():
    text = "from,to,what\n-0:00:02,0:00:01.5,a\n1:02:03,26:00:00,b\n"
    found = read_label_table(file_of(text), "what", begin="from", end="to")
    assert rows(found) == [[-2.0, 1.5, 0.0], [3723.0, 93600.0, 1.0]]


def test_names_skipped_lines_quotes_marks_and_other_letters_are_read():
    text = '# notes\n0,1,"up, then down"\n1,2,Stürzen\n,,\n'
    names = ["from", "to", "what"]
    options = {"begin": "from", "end": "to", "skip": 1, "names": names}
    found = read_label_table(file_of(text, "utf-8-sig"), "what", **options)
    assert found.class_names == ("Stürzen", "up, then down")
    wide = read_label_table(file_of(text, "utf-16"), "what", **options)
    assert wide.class_names == found.class_names
    old = file_of(text, "cp1252")
    with pytest.raises(ValueError, match=r"0xfc.*encoding='cp1252'"):
        read_label_table(old, "what", **options)
    old.seek(0)
    again = read_label_table(old, "what", encoding="cp1252", **options)
    assert again.class_names == found.class_names


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_that_are_all_in_quotes_are_read_as_pandas_writes_them(delimiter):
    table = pd.DataFrame({"from": [0.0, 1.5], "to": [1.5, 2.0], "what": ["a, b", "c"]})
    text = table.to_csv(sep=delimiter, quoting=csv.QUOTE_ALL, index=False)
    found = read_label_table(file_of(text), "what", begin="from", end="to")
    assert rows(found) == [[0.0, 1.5, 0.0], [1.5, 2.0, 1.0]]
    assert found.class_names == ("a, b", "c")


def test_lines_before_the_header_are_passed_over():
    text = "Annotator: x\nMade, 2024\n\nfrom,to,what\n0,1,a\n"
    found = read_label_table(file_of(text), "what", begin="from", end="to")
    assert rows(found) == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("text", ["1_0", "\uff11\uff10", "20240131120000"])
def test_what_python_takes_for_a_number_and_a_table_does_not_is_refused(text):
    columns = {"begin": "from", "end": "to"}
    table = file_of(f"from,to,what\n{text},20240131120001,a\n")
    with pytest.raises(ValueError, match=f"Received: '{text}'.*'from' of"):
        read_label_table(table, "what", **columns)


def test_a_first_line_that_tells_the_delimiter_is_not_the_header():
    file = file_of("sep=;\nfrom;to;what, exactly\n0;1;a\n")
    found = read_label_table(file, "what, exactly", begin="from", end="to")
    assert rows(found) == [[0.0, 1.0, 0.0]]


def test_a_table_without_rows_has_no_labels():
    assert len(read_label_table(file_of("t,what\n"), "what", begin="t")) == 0


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, r"has no header"),
        (TABLE, {"begin": "start"}, r"'start', not in.*'from'"),
        (TABLE, {"start": "from"}, r"start='from'.*begin='from'"),
        (TABLE, {"duration": "to"}, r"end='to', duration='to'.*Give one"),
        ("from,to,what\n0,1\n", {}, r"row 2 with 2 of 3 cells"),
        ("from,to,what\n0,1,a,b\n", {}, r"row 2 with 4 of 3 cells"),
        ("from,to,what\n0,x,a\n", {}, r"'x'.*'to' of"),
        ("from,to,what\n0,nan,a\n", {}, r"'nan'"),
        ('from,to,what\n0,1,"a\n1,2,b\n', {}, r"unexpected end of data"),
        ("from,to,what\n3,1,a\n", {}, r"'a' from 3\.0 to 1\.0"),
    ],
)
def test_a_broken_table_is_refused_with_the_place(text, options, message):
    options = {"begin": "from", "end": "to", **options}
    with pytest.raises(ValueError, match=message):
        read_label_table(file_of(text), "what", **options)


def test_audacity_labels_are_read_without_their_frequencies():
    text = "0.000000\t2.500000\tsit\n\\\t100.0\t8000.0\n2.5\t4\twalk\tfast\n"
    found = read_audacity_labels(file_of(text), start=1.0)
    assert rows(found) == [[1.0, 3.5, 0.0], [3.5, 5.0, 1.0]]
    assert found.class_names == ("sit", "walk\tfast")
    commas = read_audacity_labels(file_of("0,000000\t2,500000\tsit\n"))
    assert rows(commas) == [[0.0, 2.5, 0.0]]
    assert len(read_audacity_labels(file_of(""))) == 0


def test_points_of_audacity_are_refused_until_it_is_said_what_they_mean():
    text = "1.0\t1.0\tsit\n4.0\t4.0\twalk\n"
    with pytest.raises(ValueError, match=r"'sit' at 1\.0\. Pass instants='hold'"):
        read_audacity_labels(file_of(text))
    found = read_audacity_labels(file_of(text), instants="hold", until=6)
    assert rows(found) == [[1.0, 4.0, 0.0], [4.0, 6.0, 1.0]]
    assert len(read_audacity_labels(file_of(text), instants="drop")) == 0


@pytest.mark.parametrize("text", ["sit\n", "a\tb\tsit\n", "\x00\xff"])
def test_what_is_no_label_track_is_refused(text):
    with pytest.raises(ValueError, match=r"label track"):
        read_audacity_labels(file_of(text))
