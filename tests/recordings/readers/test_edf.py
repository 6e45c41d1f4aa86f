import datetime
import io
import re

import edfio
import numpy as np
import pytest

from keras_dcat.recordings import read_edf, read_edf_annotations

NOISE = np.random.default_rng(0).normal(size=(2, 400))


def file_of(recording):
    file = io.BytesIO()
    recording.write(file)
    file.seek(0)
    return file


def edf(kind="Edf", annotations=(), rates=(100, 100), **options):
    signal = getattr(edfio, f"{kind}Signal")
    digital = {"digital_range": (-(2**23), 2**23 - 1)} if kind == "Bdf" else {}
    signals = [
        signal(row[: 4 * rate], rate, label=name, physical_range=(-9, 9), **digital)
        for name, row, rate in zip(["x", "y"], NOISE, rates, strict=True)
    ]
    options = {"data_record_duration": 1, "annotations": annotations, **options}
    return getattr(edfio, kind)(signals, **options)


def with_onsets(file, onsets):
    """The file with other times of its records, which last one second."""
    content = file.getvalue()
    for number, onset in enumerate(onsets):
        # The times of the records are the only texts of the form +1\x14\x14.
        old, new = f"+{number}\x14\x14".encode(), f"+{onset}\x14\x14".encode()
        place = re.search(re.escape(old) + rb"\0*", content).span()
        padded = new.ljust(place[1] - place[0], b"\0")
        content = content[: place[0]] + padded + content[place[1] :]
    return io.BytesIO(content)


@pytest.mark.parametrize(("kind", "step"), [("Edf", 18 / 2**16), ("Bdf", 18 / 2**24)])
def test_signals_come_in_physical_units_within_half_a_digital_step(kind, step):
    stream = read_edf(file_of(edf(kind)), ["y", "x"], start=7.0)
    np.testing.assert_allclose(stream.values, NOISE[::-1].T, atol=0.6 * step, rtol=1e-6)
    assert (stream.rate, stream.span) == (100.0, (7.0, 11.0))


def test_records_that_do_not_follow_each_other_leave_gaps(tmp_path):
    labels = [edfio.EdfAnnotation(0.5, 1, "x" * 20)]  # room for longer times
    file = with_onsets(file_of(edf(annotations=labels)), [0, 1, 5.5, 6.5])
    (tmp_path / "a.edf").write_bytes(file.getvalue())
    stream = read_edf(tmp_path / "a.edf", "x", start=10.0)
    within = np.arange(100) / 100
    expected = np.concatenate([10 + begin + within for begin in (0, 1, 5.5, 6.5)])
    np.testing.assert_allclose(stream.timestamps, expected, rtol=1e-12)


def test_a_time_zone_makes_the_start_in_the_header_seconds_since_1970():
    when = datetime.datetime(2024, 7, 1, 12, 30, 15, 250000)
    file = file_of(
        edf(
            recording=edfio.Recording(startdate=when.date()),
            starttime=when.time(),
            annotations=[edfio.EdfAnnotation(1.0, 2.0, "rest")],
        )
    )
    expected = when.replace(tzinfo=datetime.UTC).timestamp()
    assert read_edf(file, "x", timezone="UTC").start == expected
    file.seek(0)
    berlin = read_edf_annotations(file, timezone="Europe/Berlin", start=1.0)
    assert berlin.starts.tolist() == [expected - 7200 + 2.0]
    file.seek(0)
    assert read_edf_annotations(file).starts.tolist() == [1.0]


def test_a_start_without_a_date_is_refused_only_where_it_is_asked_for():
    file = file_of(edf())
    assert read_edf(file, "x").start == 0.0
    file.seek(0)
    with pytest.raises(ValueError, match=r"with the date of its start"):
        read_edf(file, "x", timezone="UTC")


def test_signals_of_different_rates_are_refused_in_groups():
    file = file_of(edf(rates=(100, 50)))
    message = r"50 Hz: \['y'\]; 100 Hz: \['x'\]\. Read each group"
    with pytest.raises(ValueError, match=message):
        read_edf(file, ["x", "y"])
    file.seek(0)
    assert read_edf(file, "y").rate == 50.0


def test_annotations_with_a_duration_are_labels_and_others_must_be_explained():
    notes = [(0, 1.5, "sit"), (1.5, 2, "walk"), (2, None, "cough"), (3, 0, "cough")]
    file = file_of(edf(annotations=[edfio.EdfAnnotation(*note) for note in notes]))
    with pytest.raises(ValueError, match=r"2 that have none.*'cough' at 2\.0"):
        read_edf_annotations(file)
    file.seek(0)
    found = read_edf_annotations(file, ignore=["cough"], start=100.0)
    assert found.starts.tolist() == [100.0, 101.5]
    assert found.ends.tolist() == [101.5, 103.5]
    assert found.class_names == ("sit", "walk")
    file.seek(0)
    held = read_edf_annotations(file, instants="hold", until=4.0)
    assert held.ends.tolist() == [1.5, 3.5, 3.0, 4.0]


def test_letters_beyond_ascii_are_read():
    content = file_of(
        edf(annotations=[edfio.EdfAnnotation(0, 1, "Stürzen")])
    ).getvalue()
    found = read_edf_annotations(io.BytesIO(content))
    assert found.class_names == ("Stürzen",)
    labelled = content.replace(b"x".ljust(16), "µV".encode("latin-1").ljust(16), 1)
    assert len(read_edf(io.BytesIO(labelled), "µV")) == 400


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], r"3 records and \d+ bytes of 4"),
        (lambda content: content[:100], r"must be an EDF"),
        (lambda content: content + b"\0\0", r"4 records and 2 bytes"),
        (lambda content: b"1" + content[1:], r"no version"),
        (
            lambda content: content[:184] + b"9999    " + content[192:],
            r"9999 bytes for",
        ),
        (lambda content: content.replace(b"-9      ", b"9       "), r"uncalibrated"),
        (
            lambda content: content.replace(b"+2\x14\x14", b"\0\0\0\0"),
            r"time in record 2",
        ),
    ],
)
def test_a_damaged_file_is_refused(change, message):
    content = change(file_of(edf()).getvalue())
    with pytest.raises(ValueError, match=message):
        read_edf(io.BytesIO(content), "x")


def test_a_signal_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"'z', not in.*'x', 'y'"):
        read_edf(file_of(edf()), "z")
    with pytest.raises(ValueError, match=r"signals=\[\]\. Choose from: \['x', 'y'\]"):
        read_edf(file_of(edf()), [])


def test_a_number_of_records_that_is_unknown_is_counted():
    content = file_of(edf()).getvalue()
    unknown = content[:236] + b"-1      " + content[244:]
    assert len(read_edf(io.BytesIO(unknown), "x")) == 400
