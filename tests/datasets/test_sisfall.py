import pathlib
import zipfile

import numpy as np
import pytest

from keras_dcat.datasets import sisfall
from keras_dcat.datasets.sisfall import label_falls, load_sisfall
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "sisfall"
COUNTS = np.array([[256, -512, 0, 1000, -16384, 0, 1024, -4096, 0], range(9)])
# 16 g · 2 / 2^13, 2000 °/s · 2 / 2^16, 8 g · 2 / 2^14
UNITS = [1.0, -2.0, 0.0, 61.03515625, -1000.0, 0.0, 1.0, -4.0, 0.0]
FALL = sisfall.CLASS_NAMES.index("vertical fall while walking, by fainting")


def write(folder, activity, subject, trial, counts=COUNTS, named=None):
    """As the publisher writes it: columns of a width, a semicolon, an empty line."""
    path = folder / subject / f"{activity}_{named or subject}_R{trial:02d}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [",".join(f"{each:4d}" for each in row) + ";" for row in counts.tolist()]
    path.write_text("\r\n".join([*rows, "", ""]))
    return path


def write_smaller(path, clips, **changed):
    """The same two samples of each clip `(activity, subject, trial)`."""
    activity, subject, trial = (list(column) for column in zip(*clips, strict=True))
    content = {
        "values": np.concatenate([COUNTS + n for n in range(len(clips))]).astype(
            "int16"
        ),
        "offsets": np.arange(len(clips) + 1) * 2,
        "activity": activity,
        "subject": subject,
        "trial": trial,
        **changed,
    }
    np.savez(path, **{k: v for k, v in content.items() if v is not None})
    return path


def test_counts_become_units_of_the_three_sensors(tmp_path):
    write(tmp_path, "F06", "SE06", 5)
    smaller = write_smaller(tmp_path / "sisfall50.npz", [("F06", "SE06", 5)])
    for path, rate in ((tmp_path, 200.0), (smaller, 50.0)):
        (recording,) = load_sisfall(path)
        assert (recording.subject, recording.label) == ("SE06", FALL)
        assert recording.session == "sisfall/F06_SE06_R05"
        columns = {"accelerometer": slice(3), "gyroscope": slice(3, 6)}
        columns |= {"imu": slice(6), "accelerometer_2": slice(6, 9)}
        assert set(recording.streams) == set(columns)
        for name, chosen in columns.items():
            stream = recording.streams[name]
            assert (stream.rate, stream.values.dtype) == (rate, "float32")
            np.testing.assert_allclose(stream.values[0], UNITS[chosen], rtol=1e-6)
            assert len(stream) == 2


def test_every_activity_has_a_class_daily_life_before_falls(tmp_path):
    codes = [*(f"D{n:02d}" for n in range(1, 20)), *(f"F{n:02d}" for n in range(1, 16))]
    assert list(sisfall.ACTIVITIES) == codes
    assert len(set(sisfall.CLASS_NAMES)) == 34
    for code in codes:
        write(tmp_path, code, "SA01", 1)
    assert [r.label for r in load_sisfall(tmp_path)] == list(range(34))


def test_recordings_come_by_subject_activity_and_trial_from_wherever(tmp_path):
    clips = [("F01", "SA02", 1), ("D03", "SE01", 1), ("D05", "SA02", 2)]
    clips += [("D05", "SA02", 1)]
    for activity, subject, trial in clips:
        write(tmp_path / "data", activity, subject, trial)
    (tmp_path / "data" / "Readme.txt").write_text("hello")
    other = tmp_path / "data" / "__MACOSX" / "SE01" / "._D03_SE01_R01.txt"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"\0")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in (tmp_path / "data").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path / "data"))
    write_smaller(tmp_path / "data.npz", clips)
    for name in ("data", "data.zip", "data.npz"):
        sessions = [r.session for r in load_sisfall(tmp_path / name)]
        assert sessions == [
            "sisfall/D05_SA02_R01",
            "sisfall/D05_SA02_R02",
            "sisfall/F01_SA02_R01",
            "sisfall/D03_SE01_R01",
        ]


def test_files_of_one_person_that_are_named_after_another_stay_his(tmp_path):
    write(tmp_path, "D17", "SA15", 1, named="SE15")
    write(tmp_path, "D17", "SE15", 1, COUNTS + 1)
    clips = [("D17", "SE15", 1), ("D18", "SA15", 1), ("D17", "SE15", 1)]
    smaller = write_smaller(tmp_path / "smaller.npz", clips)
    for path in (tmp_path, smaller):
        found = {r.session: r for r in load_sisfall(path)}
        his, other = (found[f"sisfall/D17_{s}_R01"] for s in ("SA15", "SE15"))
        assert (his.subject, other.subject) == ("SA15", "SE15")
        assert his.streams["accelerometer"].values[0, 0] == 1.0
        assert other.streams["accelerometer"].values[0, 0] > 1.0


@pytest.mark.parametrize(
    ("damage", "received"),
    [
        (lambda text: "", "no data"),
        (lambda text: text[:-15], "number of columns changed from 9"),
        (lambda text: text.replace("-512", "left"), "could not convert"),
        (lambda text: "1, 2, 3;\r\n", "3 columns"),
        (lambda text: text.replace("-512", "nan"), "16 bits"),
        (lambda text: text.replace("-512", "40000"), "16 bits"),
    ],
)
def test_a_cut_or_damaged_file_is_refused_with_the_remedy(tmp_path, damage, received):
    path = write(tmp_path, "D01", "SA01", 1)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=rf"(?s){received}.*udea\.edu\.co") as error:
        load_sisfall(tmp_path)
    assert "D01_SA01_R01.txt" in str(error.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"values": None},
        {"values": np.zeros((4, 9))},
        {"values": np.zeros((4, 6), "int16")},
        {"offsets": [0, 2]},
        {"offsets": [0, 3, 5]},
        {"offsets": [0, 4, 4]},
        {"offsets": [0.0, 2.0, 4.0]},
        {"activity": ["D01", "D20"]},
        {"activity": ["D01"]},
        {"subject": [1, 2]},
        {"trial": ["1", "2"]},
        {"trial": [[1], [2]]},
    ],
    ids=str,
)
def test_an_archive_of_other_arrays_is_refused(tmp_path, changed):
    clips = [("D01", "SA01", 1), ("D01", "SA02", 1)]
    path = write_smaller(tmp_path / "other.npz", clips, **changed)
    with pytest.raises(ValueError, match=r"arrays.*other\.npz.*`load_sisfall`"):
        load_sisfall(path)


def test_a_cut_archive_is_refused(tmp_path):
    path = write_smaller(tmp_path / "cut.npz", [("D01", "SA01", 1)])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"cut\.npz.*`load_sisfall`"):
        load_sisfall(path)


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    (tmp_path / "D20_SA01_R01.txt").write_text("1;")
    with pytest.raises(ValueError, match=r"without one.*udea\.edu\.co"):
        load_sisfall(tmp_path)
    for name in ("nowhere", "nowhere.npz"):
        with pytest.raises(FileNotFoundError, match=r"nowhere.*udea\.edu\.co"):
            load_sisfall(tmp_path / name)


def recording(label, peak, seconds=15.0, rate=50.0):
    """Somebody who stands but for one moment."""
    values = np.tile(np.float32([0.0, -1.0, 0.0]), (round(seconds * rate), 1))
    values[round(peak * rate)] = [4.0, 3.0, 0.0]
    streams = {"accelerometer": Stream(values, rate), "gyroscope": Stream(values, rate)}
    return Recording(streams, label, "SA01", session=f"{label}/{peak}")


@pytest.mark.parametrize(
    ("peak", "starts", "ends", "labels"),
    [
        (6.0, [0, 4.5, 8.5], [3.5, 7.5, 15], [0, 1, 0]),
        (1.0, [0, 3.5], [2.5, 15], [1, 0]),
        (14.0, [0, 12.5], [11.5, 15], [0, 1]),
    ],
)
def test_a_fall_is_around_its_strongest_acceleration(peak, starts, ends, labels):
    (fall,) = label_falls([recording(FALL, peak)])
    np.testing.assert_allclose(fall.label.starts, starts)
    np.testing.assert_allclose(fall.label.ends, ends)
    assert fall.label.labels.tolist() == labels
    assert [sisfall.FALL_CLASS_NAMES[n] for n in (0, 1)] == ["no fall", "fall"]


def test_a_fall_and_its_margin_last_as_long_as_is_asked():
    (fall,) = label_falls([recording(FALL, 6.0)], seconds=2.0, margin=0.0)
    np.testing.assert_allclose(fall.label.starts, [0, 5, 7])
    np.testing.assert_allclose(fall.label.ends, [5, 7, 15])


def test_daily_life_is_no_fall_however_strong():
    (daily,) = label_falls([recording(18, 6.0)])
    assert daily.label == 0


def test_windows_of_falls_hold_the_moment_and_each_fall_has_one():
    peaks = np.arange(2.0, 13.0, 0.14)
    falls = [recording(FALL, peak) for peak in peaks] + [recording(0, 3.0)]
    index = index_windows(label_falls(falls), 2.0, 1.0)
    is_fall = index.labels == 1
    assert len(set(index.sessions[is_fall])) == len(peaks)
    strongest = np.abs(index.gather("accelerometer")[is_fall]).max(axis=(1, 2))
    assert (strongest == 4.0).all()


def test_steps_of_a_window_say_when_somebody_falls():
    index = index_windows(label_falls([recording(FALL, 6.0)]), 5.0, 5.0, purity=0)
    assert index.step_labels(5).tolist() == [
        [0, 0, 0, -1, 1],
        [1, 1, -1, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_what_falls_cannot_be_found_in_is_refused():
    fall = recording(FALL, 6.0)
    alone = Recording({"gyroscope": fall.streams["gyroscope"]}, FALL, "A", session="g")
    with pytest.raises(ValueError, match=r"'accelerometer'.*\['gyroscope'\].*'g'"):
        label_falls([alone])
    for label in ("walk", 34, None):
        with pytest.raises(ValueError, match=r"labels of `load_sisfall`.*session"):
            label_falls([recording(label, 6.0)])
    with pytest.raises(ValueError, match=r"labels of `load_sisfall`.*session"):
        label_falls(label_falls([fall]))
    for wrong in ({"seconds": 0}, {"seconds": np.nan}, {"margin": -1}):
        with pytest.raises(ValueError, match=r"must last.*Received.*3 and 1 s"):
            label_falls([fall], **wrong)


@pytest.mark.skipif(not SHARED.exists(), reason="SisFall is not on this machine")
def test_of_the_real_data_every_fall_has_a_window_and_one_in_twenty_is_a_fall():
    recordings = load_sisfall(SHARED / "sisfall50.npz")
    assert len({r.session for r in recordings}) == len(recordings) == 4504
    assert len({r.subject for r in recordings}) == 38
    falls = [r for r in recordings if "fall" in sisfall.CLASS_NAMES[r.label]]
    index = index_windows(label_falls(recordings), 2.0, 1.0)
    is_fall = index.labels == 1
    assert len(set(index.sessions[is_fall])) == len(falls) == 1798
    assert np.mean(is_fall) == pytest.approx(1 / 20, abs=0.005)
