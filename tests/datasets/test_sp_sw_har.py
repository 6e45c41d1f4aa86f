import pathlib
import zipfile

import numpy as np
import pytest

from keras_dcat.datasets.sp_sw_har import CLASS_NAMES, load_sp_sw_har

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "sp_sw_har"
HEADER = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label"
PHONE = """-4.16,-1.18,-8.99,0.0028,-0.0138,-0.0321,1657533977813,SEATED
-4.18,-1.19,-9.01,0.0071,-0.0114,-0.0229,1657533977864,SEATED
-4.20,-1.23,-9.05,0.0101,-0.0126,-0.0125,1657533977864,STANDING_UP
"""
WATCH = """0.38,-3.53,9.11,-0.0109,-0.0720,0.0904,1657533977810,SEATED
0.39,-3.59,9.06,-0.0464,-0.0659,0.0830,1657533977819,SITTING_DOWN
"""


def write_execution(folder, execution, phone=PHONE, watch=WATCH):
    subject = folder / "DATA" / execution[:3]
    subject.mkdir(parents=True, exist_ok=True)
    (subject / f"{execution}_sp.csv").write_text(f"{HEADER}\n{phone}")
    (subject / f"{execution}_sw.csv").write_text(f"{HEADER}\n{watch}")


@pytest.fixture
def folder(tmp_path):
    write_execution(tmp_path / "data", "s01_02")
    return tmp_path / "data"


def test_an_execution_becomes_two_streams_with_a_clock_each(folder):
    (recording,) = load_sp_sw_har(folder)
    assert (recording.subject, recording.session) == (1, "sp_sw_har/s01_02")
    phone, watch = recording.streams["phone"], recording.streams["watch"]
    assert phone.values.dtype == watch.values.dtype == "float32"
    np.testing.assert_array_equal(
        phone.values[1],
        np.float32([-4.18, -1.19, -9.01, 0.0071, -0.0114, -0.0229]),
    )
    np.testing.assert_array_equal(
        watch.values[0],
        np.float32([0.38, -3.53, 9.11, -0.0109, -0.0720, 0.0904]),
    )
    assert phone.times.tolist() == [1657533977.813, 1657533977.864, 1657533977.864]
    assert watch.times.tolist() == [1657533977.810, 1657533977.819]


def test_the_label_is_the_watchs_by_its_clock(folder):
    (recording,) = load_sp_sw_har(folder)
    assert [CLASS_NAMES[i] for i in recording.label.values[:, 0]] == [
        "seated",
        "sitting down",
    ]
    np.testing.assert_array_equal(
        recording.label.times, recording.streams["watch"].times
    )


def test_executions_come_by_subject_and_number_from_a_zip_as_from_a_folder(
    folder, tmp_path
):
    for execution in ("s10_01", "s02_11", "s02_03"):
        write_execution(folder, execution)
    (folder / "DATA" / "subjects_info.csv").write_text("subject_id,age\ns01,54\n")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in folder.rglob("*.csv"):
            archive.write(path, path.relative_to(folder))
    zipped = load_sp_sw_har(tmp_path / "data.zip")
    assert [r.session[-6:] for r in zipped] == ["s01_02", "s02_03", "s02_11", "s10_01"]
    for one, other in zip(zipped, load_sp_sw_har(folder), strict=True):
        for name, stream in one.streams.items():
            np.testing.assert_array_equal(other.streams[name].values, stream.values)


def test_an_execution_with_one_device_only_is_refused(folder):
    (folder / "DATA" / "s01" / "s01_02_sw.csv").unlink()
    with pytest.raises(ValueError, match=r"one device only.*s01_02_sp\.csv.*zenodo"):
        load_sp_sw_har(folder)


@pytest.mark.parametrize(
    ("phone", "received"),
    [
        ("", "no data"),
        (PHONE[:-30], "number of columns changed"),
        (PHONE.replace("STANDING_UP", "JUGGLING"), "JUGGLING"),
        (PHONE.replace("-1.19", "?"), "could not convert string '\\?'"),
    ],
)
def test_a_cut_or_damaged_file_is_refused_with_the_remedy(folder, phone, received):
    write_execution(folder, "s01_02", phone=phone)
    with pytest.raises(ValueError, match=rf"(?s)s01_02_sp.*{received}.*zenodo"):
        load_sp_sw_har(folder)


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    (tmp_path / "other.csv").write_text("hello")
    with pytest.raises(ValueError, match=r"with 0 of them.*zenodo\.8398688"):
        load_sp_sw_har(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*zenodo\.8398688"):
        load_sp_sw_har(tmp_path / "nowhere")


@pytest.mark.skipif(not SHARED.exists(), reason="SP-SW-HAR is not on this machine")
def test_the_published_files_are_read():
    recordings = load_sp_sw_har(SHARED / "sp-sw-har-original.zip")
    assert len(recordings) == 223
    assert {r.subject for r in recordings} == set(range(1, 24))
    for recording in recordings:
        labels = recording.label.values[:, 0]
        runs = labels[np.flatnonzero(np.diff(labels, prepend=-1))]
        names = [CLASS_NAMES[i] for i in runs if i]
        assert names[:3] == ["standing up", "walking", "turning"]
        assert names[3:5] == ["walking", "turning"]
        assert names[-1] == "sitting down"
    for device, rate, shared_times in [
        ("phone", 102.46, 0.084),
        ("watch", 104.26, 0.005),
    ]:
        streams = [r.streams[device] for r in recordings]
        assert sum(s.duration for s in streams) / 60 == pytest.approx(42.0, abs=0.2)
        steps = [np.diff(s.times) for s in streams]
        assert min(each.min() for each in steps) >= 0.0
        own = [(len(s) - 1) / (s.times[-1] - s.times[0]) for s in streams]
        assert np.median(own) == pytest.approx(rate, abs=0.01)
        assert np.mean(np.concatenate(steps) == 0) == pytest.approx(
            shared_times, abs=0.001
        )
        lengths = [np.linalg.norm(s.values[:, :3], axis=1).mean() for s in streams]
        assert 9.6 < np.median(lengths) < 10.6  # gravity and some motion, in m/s²
