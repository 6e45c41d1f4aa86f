import pathlib
import zipfile

import numpy as np
import pytest
from scipy.io import savemat

from keras_dcat.datasets import load_utd_mhad, utd_mhad

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "utd_mhad"


def write_clip(folder, clip, rng, frames=40, steps=100):
    skeleton = rng.normal(size=(20, 3, frames))
    inertial = rng.normal(size=(steps, 6))
    for kind, key, values in [
        ("skeleton", "d_skel", skeleton),
        ("inertial", "d_iner", inertial),
    ]:
        (folder / kind.capitalize()).mkdir(exist_ok=True, parents=True)
        savemat(folder / kind.capitalize() / f"{clip}_{kind}.mat", {key: values})
    return skeleton, inertial


@pytest.fixture
def folder(tmp_path, rng):
    write_clip(tmp_path / "data", "a3_s2_t1", rng)
    return tmp_path / "data"


def test_a_clip_becomes_three_streams_over_the_same_time(folder, rng):
    skeleton, inertial = write_clip(folder, "a1_s4_t2", rng, frames=41, steps=150)
    first, second = load_utd_mhad(folder)
    assert (first.label, first.subject, first.session) == (0, 4, "utd_mhad/a1_s4_t2")
    assert (second.label, second.subject) == (2, 2)
    assert {s.duration for s in first.streams.values()} == {3.0}
    np.testing.assert_allclose(
        first.streams["accelerometer"].values, inertial[:, :3], rtol=1e-6
    )
    np.testing.assert_allclose(
        first.streams["gyroscope"].values, inertial[:, 3:], rtol=1e-6
    )
    np.testing.assert_allclose(first.streams["imu"].values, inertial, rtol=1e-6)
    assert first.streams["skeleton"].values.shape == (41, 60)


def test_skeletons_do_not_depend_on_where_the_person_stands_or_how_tall(folder, rng):
    skeleton, _ = write_clip(folder, "a1_s1_t1", rng)
    for clip, moved in [
        ("a1_s1_t2", skeleton + np.array([1.0, -2.0, 3.0])[:, None]),
        ("a1_s1_t3", 1.7 * skeleton),
    ]:
        savemat(folder / "Skeleton" / f"{clip}_skeleton.mat", {"d_skel": moved})
        savemat(
            folder / "Inertial" / f"{clip}_inertial.mat", {"d_iner": np.zeros((100, 6))}
        )
    clips = [r.streams["skeleton"].values for r in load_utd_mhad(folder)[:3]]
    np.testing.assert_allclose(clips[1], clips[0], atol=1e-5)
    np.testing.assert_allclose(clips[2], clips[0], atol=1e-5)
    hips = clips[0].reshape(-1, 20, 3)[:, 3]
    np.testing.assert_array_equal(hips, np.zeros_like(hips))


def test_a_zip_is_read_like_a_folder_and_pairs_only(folder, tmp_path):
    (folder / "Skeleton" / "a9_s9_t9_skeleton.mat").write_bytes(b"without a partner")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in folder.rglob("*.mat"):
            archive.write(path, path.relative_to(folder))
    (zipped,), (unzipped,) = load_utd_mhad(tmp_path / "data.zip"), load_utd_mhad(folder)
    for name, stream in unzipped.streams.items():
        np.testing.assert_array_equal(zipped.streams[name].values, stream.values)


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    (tmp_path / "other.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"without a pair.*utdallas\.edu"):
        load_utd_mhad(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*utdallas\.edu"):
        load_utd_mhad(tmp_path / "nowhere")


@pytest.mark.skipif(not SHARED.exists(), reason="UTD-MHAD is not on this machine")
def test_the_published_files_are_read():
    recordings = load_utd_mhad(SHARED / "UTD-MHAD_tiny.zip")
    assert len(recordings) == 48
    assert {r.label + 1 for r in recordings} == {1, 3, 4, 7, 18, 22}
    assert utd_mhad.CLASS_NAMES[21] == "jog"
    gravity = [
        np.linalg.norm(r.streams["accelerometer"].values, axis=1).mean()
        for r in recordings
    ]
    assert 0.9 < np.median(gravity) < 1.6
    trunks = [
        np.linalg.norm(r.streams["skeleton"].values.reshape(-1, 20, 3)[:, 1], axis=-1)
        for r in recordings
    ]
    assert np.median(np.concatenate(trunks)) == pytest.approx(1.0, abs=0.02)
