import numpy as np
import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli.file_heads import read_head
from keras_dcat.recordings import mend, read_csv


def written(folder, header, times, delimiter=","):
    """A file of two channels with these cells of time."""
    path = folder / "one.csv"
    lines = [header.replace(",", delimiter)] if header else []
    lines += [delimiter.join([str(t), str(n / 7), "-1"]) for n, t in enumerate(times)]
    path.write_text("\n".join(lines) + "\n")
    return path


STEPS = np.arange(100)


@pytest.mark.parametrize(
    ("header", "times", "unit", "rate"),
    [
        ("ms,x,y", 20 * STEPS, 0.001, 50.0),
        ("t,x,y", 1.7e9 + STEPS / 25, None, 25.0),
        ("timestamp,x,y", 1_700_000_000_000 + 10 * STEPS, 0.001, 100.0),
        ("time,x,y", 1_700_000_000_000_000_000 + 8_000_000 * STEPS, 1e-9, 125.0),
        ("time_us,x,y", 31_250 * STEPS, 1e-6, 32.0),
        ("time (s),x,y", STEPS, None, 1.0),
        ("n,x,y", 40 * STEPS, 0.001, 25.0),  # no name says it, but the first one rises
        ("ms,x,y", np.rint(1000 / 32 * STEPS).astype(int), 0.001, 32.0),
    ],
)
def test_a_clock_and_its_unit_are_found(tmp_path, header, times, unit, rate):
    path = written(tmp_path, header, times)
    head = read_head(path)
    assert head.options.get("time_unit") == unit
    assert head.options["time"] == header.split(",")[0]
    assert head.options["columns"] == ["x", "y"]
    assert head.options["rate"] == rate
    assert head.seconds == pytest.approx(99 / rate, rel=0.01)
    assert not head.guessed
    options = {k: v for k, v in head.options.items() if k != "rate"}
    stream, report = mend(read_csv(path, **options))
    assert report.rate == pytest.approx(rate, rel=0.02)
    assert stream.values.shape == (100, 2)


def test_dates_are_a_clock_and_have_a_zone(tmp_path):
    times = np.datetime64("2024-05-01T12:00:00") + STEPS * np.timedelta64(20, "ms")
    path = written(tmp_path, "when,x,y", times, ";")
    head = read_head(path)
    assert head.options == {
        "columns": ["x", "y"],
        "time": "when",
        "timezone": "UTC",
        "rate": 50.0,
    }
    path = written(tmp_path, "when,x,y", [f"{time}+02:00" for time in times])
    assert "timezone" not in read_head(path).options


def test_without_a_header_columns_are_given_names(tmp_path):
    path = written(tmp_path, "", 20 * STEPS)
    head = read_head(path)
    assert head.options["names"] == ["c0", "c1", "c2"]
    options = {k: v for k, v in head.options.items() if k != "rate"}
    assert len(read_csv(path, **options)) == 100


def test_without_a_clock_the_rate_is_a_guess(tmp_path):
    path = written(tmp_path, "a,x,y", np.tile([3, 1], 50))
    head = read_head(path)
    assert head.guessed
    assert "time" not in head.options
    assert head.options["columns"] == ["a", "x", "y"]
    assert str(head) == "columns a, x, y; 50 Hz"


def test_columns_of_words_are_no_channels(tmp_path):
    path = tmp_path / "one.csv"
    lines = [f"{20 * n},on,{n % 3}" for n in range(50)]
    path.write_text("\n".join(["ms,state,x", *lines]))
    assert read_head(path).options["columns"] == ["x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "with 0.*Leave it out"),
        (b"a,b\n1,2\n", "with 2.*Leave it out"),
        (b"a,b\n" + b"on,off\n" * 9, r"the columns \['a', 'b'\].*keras-dcat keys"),
        (b"\xff\xfe\x00" * 100, "UTF-8"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path, text, message):
    path = tmp_path / "one.csv"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=message):
        read_head(path)


def test_of_a_long_file_only_the_beginning_is_read(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("ms,x\n" + "".join(f"{20 * n},{n % 9}\n" for n in range(50_000)))
    assert read_head(path).seconds == pytest.approx(0.02 * 398)
    path.write_text("x" * 10_000_000)
    with pytest.raises(ValueError, match="Leave it out"):
        read_head(path)


def test_samples_that_share_a_time_are_told_as_packets(tmp_path):
    bunched = 20 * STEPS
    bunched[40:43] = bunched[40]  # delivered at once
    head = read_head(written(tmp_path, "ms,x,y", bunched))
    assert head.options["mend"] == {"packets": "centre"}
    assert head.options["rate"] == 50.0
    head = read_head(written(tmp_path, "ms,x,y", 200 * (STEPS // 10)))
    assert head.options["mend"] == {"packets": "end"}
    assert head.options["rate"] == pytest.approx(50, rel=0.1)
    assert str(head).endswith(" Hz, in packets")
    assert "mend" not in read_head(written(tmp_path, "ms,x,y", 20 * STEPS)).options


def test_a_column_of_words_that_says_what_was_done_is_found(tmp_path):
    path = tmp_path / "one.csv"
    lines = [f"{20 * n},{n % 3},{'sit' if n < 20 else 'walk'},left" for n in range(50)]
    path.write_text("\n".join(["ms,x,Activity,side", *lines]))
    head = read_head(path)
    assert head.options["columns"] == ["x"]
    assert head.labels == {"label": "Activity", "begin": "ms", "time_unit": 0.001}
    path.write_text("\n".join(["ms,x,what,side", *lines]))
    assert read_head(path).labels == {}
