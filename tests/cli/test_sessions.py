import numpy as np
import pytest
import yaml

pytest.importorskip("pydantic")

from keras_dcat.cli.experiment import Data
from keras_dcat.cli.sessions import read_sessions
from keras_dcat.recordings import mend, read_csv

CAMERA = {"columns": ["x"], "rate": 10}
WATCH = {"columns": ["x"], "rate": 10, "time": "t"}
TABLE = """\
session,subject,label,camera,watch
a1,anna,walk,c.csv,w.csv
a2,anna,,c.csv,w.csv
b1,ben, sit ,c.csv,w.csv
"""


@pytest.fixture
def read(tmp_path):
    """Reads a table, whose files are beside it."""
    times = np.arange(50) / 10
    rows = np.column_stack([times, np.sin(times)])
    np.savetxt(tmp_path / "c.csv", rows[:, 1], header="x", comments="")
    np.savetxt(tmp_path / "w.csv", rows, "%.3f", ",", header="t,x", comments="")
    path = tmp_path / "sessions.csv"

    def reader(table=TABLE, watch=WATCH, **data):
        path.write_text(table)
        streams = {"camera": CAMERA, "watch": watch}
        return read_sessions(Data(recordings=path, streams=streams, **data))

    reader.folder = tmp_path
    return reader


def labels(recordings):
    return [each.label for each in recordings]


def test_an_empty_cell_is_no_label_and_the_names_are_those_of_the_others(read):
    recordings, names, _ = read()
    assert names == ("sit", "walk")
    assert labels(recordings) == [1, -1, 0]


def test_class_names_may_be_given_in_an_order_and_more_than_there_are(read):
    recordings, names, _ = read(class_names=["walk", "run", "sit"])
    assert names == ("walk", "run", "sit")
    assert labels(recordings) == [0, -1, 2]


def test_numbers_in_yaml_are_names_too(read):
    table = TABLE.replace("walk", "1").replace("sit", "2")
    recordings, names, _ = read(table, **yaml.safe_load("class_names: [2, 1]"))
    assert names == ("2", "1")
    assert labels(recordings) == [1, -1, 0]


def test_the_column_of_labels_may_be_left_out(read):
    lines = [line.split(",") for line in TABLE.splitlines()]
    table = "\n".join(",".join([*line[:2], *line[3:]]) for line in lines)
    recordings, names, _ = read(table)
    assert names == ()
    assert labels(recordings) == [-1] * 3


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_spreadsheets_delimiter_is_seen(read, delimiter):
    assert labels(read(TABLE.replace(",", delimiter))[0]) == [1, -1, 0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("walk", "wlak", r"csv, line 2: .*'wlak'.*\['sit', 'walk'\].*Correct it"),
        ("a2,anna", "a2,", r"line 3: every cell but a label.*\['subject'\].*Fill them"),
        ("sit ,c.csv,w.csv", "sit ,c.csv", r"line 4: .*Received: fewer"),
        (" sit ", "sit, fast", r"line 4: .*Received: more.*in quotes"),
        ("a1,", "\n\na1,", r"line 4: .*'wlak'"),
        ("session,", "sesion,", r"none of \['session'\].*Add or correct"),
        ("label,", "camera,", r"twice \['camera'\]"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_with_its_line(read, old, new, message):
    table = TABLE.replace(old, new, 1)
    if "wlak" in message and old != "walk":
        table = table.replace("walk", "wlak")
    with pytest.raises(ValueError, match=message):
        read(table, class_names=["sit", "walk"])


def test_what_was_done_to_timestamps_is_told_for_each_of_their_files(read):
    path = read.folder / "w.csv"
    lines = path.read_text().splitlines()
    lines[5] = "nan," + lines[5].split(",")[1]
    path.write_text("\n".join([*lines, lines[-1], ""]))
    recordings, _, mended = read()
    _, expected = mend(read_csv(path, ["x"], time="t"))
    assert (expected.kept, expected.not_finite, expected.repeated) == (49, 1, 1)
    assert [(each.session, each.stream) for each in mended] == [
        ("a1", "watch"),
        ("a2", "watch"),
        ("b1", "watch"),
    ]
    assert {each.report for each in mended} == {expected}
    assert len(recordings[0].streams["watch"]) == 49


def test_options_of_the_file_reach_the_reader(read):
    path = read.folder / "w.csv"
    path.write_text("made by\n" + path.read_text().replace(",", ";"))
    plain, _, _ = read(watch={**WATCH, "skip": 1, "delimiter": ";"})
    expected = read_csv(path, ["x"], time="t", skip=1, delimiter=";")
    np.testing.assert_array_equal(plain[0].streams["watch"].values, expected.values)


def test_options_of_the_clock_reach_mend(read):
    path = read.folder / "w.csv"
    path.write_text(path.read_text() + "90,1\n")
    watch = {**WATCH, "mend": {"max_jump": 5.0}}
    _, _, mended = read(watch=watch)
    assert mended[0].report.jumps == 1


def test_what_mend_refuses_names_the_session_the_file_and_where_to_say_more(read):
    message = (
        r"'a1', stream 'watch', '.*w\.csv'.*max_jump=-1.*watch: \{time_unit: …, mend: "
    )
    with pytest.raises(ValueError, match=message):
        read(watch={**WATCH, "mend": {"max_jump": -1}})


def test_a_clock_is_mended_only_where_there_are_times(read):
    with pytest.raises(ValueError, match="`mend` is about times: name where they are"):
        read(watch={**CAMERA, "mend": {"max_jump": 1.0}})


NOTES = {"label": "what", "begin": "from", "end": "to"}
STARTS = """\
session,subject,labels,labels_start,camera,camera_start,watch
s0,anna,l.csv,1970-01-02T01:00:00+01:00,c.csv,86400,w.csv
s1,ben,l.csv,,c.csv,,w.csv
"""


def test_a_row_says_when_the_clocks_of_its_files_began(read):
    (read.folder / "l.csv").write_text("from,to,what\n0,2,walk\n")
    (first, second), _, _ = read(STARTS, labels=NOTES)
    assert first.label.starts.tolist() == [86400.0]
    assert first.label.ends.tolist() == [86402.0]
    assert first.streams["camera"].start == 86400.0
    assert (second.label.ends.tolist(), second.streams["camera"].start) == ([2.0], 0.0)


@pytest.mark.parametrize("cell", ["1970-01-02T00:00:00", "noon"])
def test_a_start_without_its_zone_is_refused(read, cell):
    (read.folder / "l.csv").write_text("from,to,what\n0,2,walk\n")
    with pytest.raises(ValueError, match=rf"labels_start.*{cell}.*'s0'.*\+02:00"):
        read(STARTS.replace("1970-01-02T01:00:00+01:00", cell), labels=NOTES)


def test_a_file_that_makes_no_sense_is_told_with_its_session(read):
    (read.folder / "w.csv").write_text("t,x\n0,1\n1,n.v.\n")
    with pytest.raises(
        ValueError, match=r"Session 'a1', stream 'watch': .*missing=.*streams: \{watch"
    ):
        read()
    (read.folder / "w.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"Session 'a1', stream 'watch': .*w\."):
        read()


def test_the_unit_of_times_is_a_part_of_the_cure(read):
    (read.folder / "w.csv").write_text(
        "t,x\n" + "".join(f"{1.7e12 + 100 * n:.0f},{n}\n" for n in range(20))
    )
    with pytest.raises(ValueError, match=r"milliseconds.*watch: \{time_unit: …, mend"):
        read()
    stream = read(watch={**WATCH, "time_unit": 0.001})[0][0].streams["watch"]
    np.testing.assert_allclose(stream.times, 1.7e9 + np.arange(20) / 10, atol=1e-6)


def test_a_clock_that_was_not_set_back_is_one_part(read):
    whole, *_ = read(watch={**WATCH, "mend": {"resets": "split"}})[0]
    assert len(whole.streams["watch"]) == 50


def test_what_is_no_file_is_no_table(read):
    streams = {"camera": CAMERA, "watch": WATCH}
    for path, found in (("/dev/zero", "a device"), (read.folder, "a folder")):
        with pytest.raises(ValueError, match=rf"table of files.*{found}. Give the tab"):
            read_sessions(Data(recordings=path, streams=streams))


def test_a_table_that_is_far_too_long_is_not_read(read):
    path = read.folder / "long.csv"
    with path.open("wb") as file:
        file.truncate(2**30)  # of zeros, that take no room
    with pytest.raises(ValueError, match=r"long.csv.*more bytes than any table"):
        read_sessions(Data(recordings=path, streams={"camera": CAMERA, "watch": WATCH}))


def test_a_device_in_the_place_of_a_recording_is_refused(read):
    with pytest.raises(
        FileNotFoundError, match=r"'/dev/zero', where there is a device"
    ):
        read(TABLE.replace("c.csv", "/dev/zero"))
