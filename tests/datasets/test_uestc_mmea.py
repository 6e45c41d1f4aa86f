import zipfile

import numpy as np
import pytest

from keras_dcat.datasets import uestc_mmea
from keras_dcat.datasets.uestc_mmea import load_uestc_mmea
from keras_dcat.recordings import Stream

CLIPS = {
    "train": ["1_upstairs/1_upstairs_2020_12_30_15_36_01", "4_fall/4_fall_2022_05_13"],
    "val": ["27_open_close_door/27_open_close_door_2022_05_05_16_05_51"],
    "test": ["32_watch_TV/32_watch_TV_2022_05_18_10_48_17"],
}


def label_of(clip):
    return int(clip.split("_")[0]) - 1


@pytest.fixture
def folder(tmp_path, rng):
    root = tmp_path / "UESTC-MMEA-CL"
    for split, clips in CLIPS.items():
        for clip in clips:
            for kind in ("sensor", "video"):
                (root / kind / clip).parent.mkdir(parents=True, exist_ok=True)
            counts = rng.integers(-8192, 8192, size=(5, 6))
            counts[1] = [8192, -4096, 0, 164, -82, 1640]
            np.savetxt(root / "sensor" / f"{clip}.csv", counts, "%d", delimiter=",")
            (root / "video" / f"{clip}.mp4").write_bytes(clip.encode())
        (root / f"{split}.txt").write_text(
            "".join(f"your_path/data/{c} 5 5 {label_of(c)}\n" for c in clips)
        )
    return tmp_path


def test_counts_become_units_at_the_frame_rate(folder):
    recordings = load_uestc_mmea(folder)
    assert [r.label for r in recordings] == [0, 3, 26, 31]
    assert [uestc_mmea.CLASS_NAMES[i] for i in (26, 31)] == [
        "open and close door",
        "watch TV",
    ]
    for recording in recordings:
        assert set(recording.streams) == {"accelerometer", "gyroscope", "imu"}
        imu = recording.streams["imu"]
        assert (imu.rate, imu.values.shape, imu.values.dtype) == (25, (5, 6), "float32")
        np.testing.assert_allclose(
            imu.values[1], [1.0, -0.5, 0.0, 10.0, -5.0, 100.0], rtol=1e-6
        )
        both = [recording.streams[n].values for n in ("accelerometer", "gyroscope")]
        np.testing.assert_array_equal(imu.values, np.hstack(both))


def test_the_published_lists_are_the_splits(folder):
    for split, clips in CLIPS.items():
        sessions = [r.session for r in load_uestc_mmea(folder, split=split)]
        assert sessions == [f"uestc_mmea/{split}/{c.split('/')[1]}" for c in clips]
    everything = [r.session for r in load_uestc_mmea(folder)]
    assert [s.split("/")[1] for s in everything] == ["train", "train", "val", "test"]


def test_nobody_is_taken_for_a_subject(folder):
    assert {r.subject for r in load_uestc_mmea(folder)} == {"unknown"}


def test_a_reader_of_videos_gets_the_path_of_every_clip(folder):
    seen = []

    def read_video(path):
        seen.append(path.read_bytes().decode())
        return Stream(np.zeros((5, 2, 2, 3), "uint8"), 25.0)

    recordings = load_uestc_mmea(folder, read_video=read_video)
    assert seen == [clip for clips in CLIPS.values() for clip in clips]
    assert {r.streams["video"].values.shape for r in recordings} == {(5, 2, 2, 3)}


def test_a_missing_video_matters_only_to_those_who_read_it(folder):
    clip = CLIPS["val"][0]
    (folder / "UESTC-MMEA-CL" / "video" / f"{clip}.mp4").unlink()
    assert len(load_uestc_mmea(folder)) == 4
    with pytest.raises(FileNotFoundError, match=r"27_open.*\.mp4.*ivipclab"):
        load_uestc_mmea(folder, read_video=lambda path: None)


def test_a_zip_has_sensors_but_no_videos(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in (folder / "UESTC-MMEA-CL").rglob("*.*"):
            archive.write(path, path.relative_to(folder))
    zipped = load_uestc_mmea(tmp_path / "data.zip")
    for one, other in zip(zipped, load_uestc_mmea(folder), strict=True):
        np.testing.assert_array_equal(
            one.streams["imu"].values, other.streams["imu"].values
        )
    with pytest.raises(ValueError, match=r"from a folder.*Unpack it"):
        load_uestc_mmea(tmp_path / "data.zip", read_video=lambda path: None)


@pytest.mark.parametrize(
    ("member", "named"),
    [("val.txt", "val.txt"), ("sensor/4_fall/4_fall_2022_05_13.csv", "sensor/4_fall")],
)
def test_what_is_missing_is_named(folder, member, named):
    (folder / "UESTC-MMEA-CL" / member).unlink()
    with pytest.raises(ValueError, match=rf"without 1, such as '{named}.*ivipclab"):
        load_uestc_mmea(folder)


@pytest.mark.parametrize(
    "line",
    [
        "data/4_fall/4_fall_2022_05_13 5 5 4",  # of another folder
        "data/33_other/33_other_2022 5 5 32",
        "data/4_fall/4_fall_2022_05_13 5 5",
        "data/4_fall/4_fall_2022_05_13 5 5 three",
    ],
)
def test_a_line_that_does_not_fit_is_refused_with_the_remedy(folder, line):
    (folder / "UESTC-MMEA-CL" / "train.txt").write_text(line)
    with pytest.raises(ValueError, match=rf"{line}.*train\.txt.*ivipclab"):
        load_uestc_mmea(folder)


def test_a_cut_sensor_file_is_refused_with_the_remedy(folder):
    path = folder / "UESTC-MMEA-CL" / "sensor" / f"{CLIPS['train'][1]}.csv"
    path.write_text("1,2,3,4,5,6\n1,2,3")
    with pytest.raises(ValueError, match=r"4_fall.*6 columns.*changed.*ivipclab"):
        load_uestc_mmea(folder)


def test_a_split_of_another_name_is_refused(folder):
    with pytest.raises(ValueError, match=r"split='training'\. Choose one"):
        load_uestc_mmea(folder, split="training")


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    with pytest.raises(ValueError, match=r"without 3.*ivipclab"):
        load_uestc_mmea(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*ivipclab"):
        load_uestc_mmea(tmp_path / "nowhere")
