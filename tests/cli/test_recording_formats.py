import inspect
import pathlib
import re

import numpy as np
import pydantic
import pytest
import scipy.io
import soundfile
import yaml

from keras_dcat import recordings
from keras_dcat.cli.experiment import Data
from keras_dcat.cli.recording_formats import FILES, LABELS, Mend
from keras_dcat.cli.sessions import read_sessions

# What other words of the file say: the rate of windows, the names of classes.
SAID_ELSEWHERE = {"rate", "class_names"}
SECTIONS = [Mend, *FILES.values(), *LABELS.values()]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.__name__)
def test_the_file_takes_every_option_of_a_reader(section):
    _, *options = inspect.signature(section.function).parameters
    left_out = {"time", "time_unit"} if section is FILES["video"] else set()
    assert set(options) - SAID_ELSEWHERE - left_out == section.options


def test_every_reader_has_a_name_in_the_file():
    read = {each.function for each in [*FILES.values(), *LABELS.values()]}
    public = {
        getattr(recordings, name)
        for name in recordings.__all__
        if name.startswith("read_")
    }
    assert read == public


def test_a_format_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(pydantic.ValidationError, match=r"one of csv, parquet, .*c3d"):
        Data(recordings="r.csv", streams={"a": {"format": "xls", "rate": 5}})
    with pytest.raises(pydantic.ValidationError, match=r"one of table, audacity, elan"):
        Data(
            recordings="r.csv",
            streams={"a": {"columns": ["x"], "rate": 5}},
            labels={"format": "boris"},
        )


@pytest.fixture
def written(tmp_path, rng):
    """Files of two sessions of one device each format, and of labels."""
    values = rng.normal(size=(50, 2))
    scipy.io.savemat(tmp_path / "a.mat", {"imu": {"acc": values}})
    soundfile.write(tmp_path / "a.wav", values[:, 0] / 9, 100)
    lines = [
        "Zeit;x",
        "s;g",
        *(f"{n / 10:.1f};{n}".replace(".", ",") for n in range(50)),
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    (tmp_path / "l.csv").write_text("from,to,what\n0,2,walk\n2,5,sit\n")
    (tmp_path / "l.txt").write_text("0\t2\twalk\n2\t4\trun\n")
    (tmp_path / "r.csv").write_text(
        "session,subject,label,labels,mat,sound,log\n"
        "s0,anna,,l.csv,a.mat,a.wav,a.csv\n"
        "s1,ben,,,a.mat,a.wav,a.csv\n"
        "s2,cleo,sit,,a.mat,a.wav,a.csv\n"
    )
    return tmp_path, values


STREAMS = {
    "mat": {"format": "matlab", "key": "imu/acc", "rate": 10},
    "sound": {"format": "audio", "start": 2.0},
    "log": {"columns": ["x"], "time": "Zeit", "rate": 20},
}
TABLE = {"label": "what", "begin": "from", "end": "to"}


def test_each_stream_is_read_by_its_format(written):
    folder, values = written
    data = Data(recordings=folder / "r.csv", streams=STREAMS, labels=TABLE)
    read, names, mended = read_sessions(data)
    first = read[0].streams
    np.testing.assert_array_equal(first["mat"].values, values)
    assert first["mat"].rate == 10
    assert (first["sound"].rate, first["sound"].start) == (100, 2.0)
    np.testing.assert_allclose(first["log"].times, np.arange(50) / 10)
    assert [(each.session, each.stream) for each in mended] == [
        (session, "log") for session in ("s0", "s1", "s2")
    ]
    rates = {name: files.rate_of_windows for name, files in data.streams.items()}
    assert rates == {"mat": None, "sound": None, "log": 20}
    assert names == ("sit", "walk")


def test_labels_of_a_file_a_cell_and_nobody_stand_beside_each_other(written):
    folder, _ = written
    data = Data(recordings=folder / "r.csv", streams=STREAMS, labels=TABLE)
    intervals, nothing, cell = (each.label for each in read_sessions(data)[0])
    assert intervals.names() == ["walk", "sit"]
    assert intervals.ends.tolist() == [2.0, 5.0]
    assert (nothing, cell) == (-1, 0)


def test_the_last_label_holds_to_the_end_where_the_file_does_not_say(written):
    folder, _ = written
    table = {"label": "what", "begin": "from"}
    data = Data(recordings=folder / "r.csv", streams=STREAMS, labels=table)
    (intervals, *_), _, _ = read_sessions(data)
    longest = max(stream.span[1] for stream in intervals.streams.values())
    assert intervals.label.ends.tolist() == [2.0, longest]


def test_a_label_that_is_none_of_the_names_is_refused_with_its_session(written):
    folder, _ = written
    data = Data(
        recordings=folder / "r.csv",
        streams=STREAMS,
        labels=TABLE,
        class_names=["walk", "sit"][:1],
    )
    (folder / "r.csv").write_text(
        (folder / "r.csv").read_text().replace("cleo,sit", "cleo,walk")
    )
    with pytest.raises(ValueError, match=r"Session 's0', its labels: .*'sit'"):
        read_sessions(data)


def test_a_file_of_labels_needs_a_word_on_how_it_is_read(written):
    folder, _ = written
    with pytest.raises(ValueError, match=r"line 2: .*'l\.csv'.*data: \{labels: \{form"):
        read_sessions(Data(recordings=folder / "r.csv", streams=STREAMS))


PAGE = pathlib.Path(__file__).parents[2] / "docs" / "command_line.md"
ROW = re.compile(r"^\| (`.*) \| (`read_.*`) \| `(\{.*\})` \|$", re.MULTILINE)


def test_the_page_has_every_format_its_reader_and_a_section_that_is_valid():
    told, shown = {}, []
    for formats, readers, example in ROW.findall(PAGE.read_text("utf-8")):
        names = re.findall(r"`(\w+)`", formats), re.findall(r"`(\w+)`", readers)
        told.update(zip(*names, strict=True))
        shown.append((names[0], yaml.safe_load(example)))
    sections = {**FILES, **LABELS}
    assert told == {
        name: section.function.__name__ for name, section in sections.items()
    }
    for formats, said in shown:
        chosen = said.get("format", formats[0])
        assert chosen in formats
        sections[chosen].model_validate(said)
