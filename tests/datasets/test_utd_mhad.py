import pathlib
import zipfile

import numpy as np
import pytest
from scipy.io import savemat
from scipy.spatial.transform import Rotation

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


@pytest.mark.parametrize("degrees", [-60, 25, 180])
def test_skeletons_do_not_depend_on_which_way_the_person_faces(folder, rng, degrees):
    skeleton, _ = write_clip(folder, "a1_s1_t1", rng)
    about_vertical = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    turned = np.einsum("ij,njt->nit", about_vertical, skeleton)
    savemat(folder / "Skeleton" / "a1_s1_t2_skeleton.mat", {"d_skel": turned})
    savemat(folder / "Inertial" / "a1_s1_t2_inertial.mat", {"d_iner": np.zeros((9, 6))})
    ahead, again = (r.streams["skeleton"].values for r in load_utd_mhad(folder)[:2])
    np.testing.assert_allclose(again, ahead, atol=1e-5)
    shoulders = ahead.reshape(-1, 20, 3)[:, 8] - ahead.reshape(-1, 20, 3)[:, 4]
    x, _, z = shoulders.mean(axis=0)
    assert x > 0
    assert z == pytest.approx(0.0, abs=1e-5)


def test_the_publishers_depth_is_read_where_it_is_sliced(folder, rng):
    frames = rng.integers(0, 4000, size=(24, 32, 20)).astype("uint16")
    (folder / "Depth").mkdir()
    savemat(folder / "Depth" / "a3_s2_t1_depth.mat", {"d_depth": frames})
    (clip,) = load_utd_mhad(folder)
    depth = clip.streams["depth"]
    assert depth.values.shape == (20, 24, 32, 1)
    assert depth.duration == pytest.approx(clip.streams["imu"].duration)
    np.testing.assert_array_equal(
        depth.values[5:7][..., 0], np.moveaxis(frames, -1, 0)[5:7]
    )


def write_videos(path, **changed):
    arrays = {
        "depth": np.arange(7 * 4).reshape(7, 2, 2).astype("uint8"),
        "depth_offsets": np.array([0, 3, 7]),
        "action": np.array([1, 3]),
        "subject": np.array([1, 2]),
        "trial": np.array([1, 1]),
        **changed,
    }
    np.savez(path, **{key: v for key, v in arrays.items() if v is not None})
    return path


def test_smaller_depth_videos_go_to_their_clips(folder, tmp_path):
    (clip,) = load_utd_mhad(folder, depth=write_videos(tmp_path / "small.npz"))
    depth = clip.streams["depth"]
    np.testing.assert_array_equal(depth.values.ravel(), np.arange(12, 28))
    assert depth.duration == pytest.approx(clip.streams["imu"].duration)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"trial": None}, r"'trial'\), and one.*See `depth`"),
        ({"depth_offsets": np.array([0, 3])}, r"offset more.*'depth_offsets': \(2,\)"),
    ],
)
def test_other_archives_of_videos_are_refused(folder, tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        load_utd_mhad(folder, depth=write_videos(tmp_path / "small.npz", **changed))


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
