import pickle

import numpy as np
import pytest

from keras_dcat.storage import fingerprint
from keras_dcat.transfer.gating import fold_cache
from keras_dcat.transfer.gating.fold_cache import FoldCache

ROWS = np.full((3, 2), 0.5, "float32")


def test_what_was_added_is_there_again(tmp_path):
    path = tmp_path / "folder" / "folds.npz"
    cache = FoldCache(path, "same", [3, 2])
    assert cache.done == {}
    cache.add(0, ROWS)
    again = FoldCache(path, "same", [3, 2])
    assert list(again.done) == [0]
    np.testing.assert_array_equal(again.done[0], ROWS)
    assert [p.name for p in path.parent.iterdir()] == ["folds.npz"]


def test_a_write_that_fails_leaves_the_file_of_before(tmp_path, monkeypatch):
    path = tmp_path / "folds.npz"
    cache = FoldCache(path, "same", [3, 2])
    cache.add(0, ROWS)

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(fold_cache.np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        cache.add(1, ROWS[:2])
    monkeypatch.undo()
    assert list(FoldCache(path, "same", [3, 2]).done) == [0]
    assert [p.name for p in tmp_path.iterdir()] == ["folds.npz"]


def test_a_file_of_other_data_is_refused(tmp_path):
    FoldCache(tmp_path / "folds.npz", "others", [3]).add(0, ROWS)
    with pytest.raises(ValueError, match=r"folds.npz'; it was written for others.*Del"):
        FoldCache(tmp_path / "folds.npz", "mine", [3])


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
def test_a_file_that_was_cut_off_is_refused_and_left_alone(tmp_path, kept):
    path = tmp_path / "folds.npz"
    FoldCache(path, "same", [3]).add(0, ROWS)
    whole = path.read_bytes()
    part = whole[: kept if isinstance(kept, int) else int(kept * len(whole))]
    path.write_bytes(part)
    with pytest.raises(ValueError, match=r"cannot be read.*Delete it, or take another"):
        FoldCache(path, "same", [3])
    assert path.read_bytes() == part


def test_a_byte_that_was_changed_is_found(tmp_path):
    path = tmp_path / "folds.npz"
    FoldCache(path, "same", [3]).add(0, ROWS)
    damaged = path.read_bytes().replace(ROWS.tobytes(), (ROWS + 1).tobytes())
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="cannot be read.*CRC"):
        FoldCache(path, "same", [3])


def save(path, **arrays):
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("a text"),
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"\x93NUMPY and no more"),
        lambda path: path.write_bytes(pickle.dumps({"fingerprint": "same"})),
        lambda path: save(path, rows=ROWS),
        lambda path: save(path, fingerprint="same", fold_0=np.array([{}])),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, write):
    write(tmp_path / "folds.npz")
    with pytest.raises(ValueError, match="cannot be read.*Delete it|a folder. Take"):
        FoldCache(tmp_path / "folds.npz", "same", [3])


@pytest.mark.parametrize(
    ("fold", "rows"), [(0, ROWS[:2]), (7, ROWS), (0, ROWS[0]), (0, ROWS[:, 0])]
)
def test_predictions_of_other_windows_are_refused(tmp_path, fold, rows):
    cache = FoldCache(tmp_path / "folds.npz", "same", [3, 3])
    cache.add(1, ROWS)
    cache.add(fold, rows)
    with pytest.raises(ValueError, match=rf"other predictions.*fold_{fold}.*Delete it"):
        FoldCache(tmp_path / "folds.npz", "same", [3, 3])


def test_one_fold_that_is_not_of_numbers_is_enough_to_refuse_a_file(tmp_path):
    path = tmp_path / "folds.npz"
    save(path, fingerprint="same", fold_0=ROWS, fold_1=ROWS.astype("int32"))
    with pytest.raises(ValueError, match=r"other predictions.*Delete it"):
        FoldCache(path, "same", [3, 3])


def test_a_file_with_two_fingerprints_is_refused(tmp_path):
    save(tmp_path / "folds.npz", fingerprint=["same", "same"], fold_0=ROWS)
    with pytest.raises(ValueError, match=r"written for others.*Delete it"):
        FoldCache(tmp_path / "folds.npz", "same", [3])


def test_a_folder_that_cannot_be_written_to_is_found_out_at_once(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="Not a directory|exists"):
        FoldCache(tmp_path / "file" / "folds.npz", "same", [3])
    FoldCache(tmp_path / "folds.npz", "same", [3])
    assert (tmp_path / "folds.npz").exists()


@pytest.mark.parametrize("at", [0, 1, 1023, 1024, 2047, 3998])
def test_a_fingerprint_looks_at_every_window(at):
    zeros, changed = np.zeros((3999, 2)), np.zeros((3999, 2))
    changed[at, 1] = 1
    assert fingerprint({"x": changed}, ()) != fingerprint({"x": zeros}, ())


def test_a_fingerprint_tells_values_dtypes_shapes_names_and_settings_apart():
    zeros = np.zeros(4000, "float32")
    late = zeros.copy()
    late[3999] = 1
    prints = [
        fingerprint({"x": zeros}, (4, 0)),
        fingerprint({"x": late}, (4, 0)),
        fingerprint({"x": zeros.astype("int32")}, (4, 0)),
        fingerprint({"x": zeros.reshape(2000, 2)}, (4, 0)),
        fingerprint({"y": zeros}, (4, 0)),
        fingerprint({"x": zeros}, (4, 1)),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint({"x": late[::-1][::-1]}, (4, 0)) == prints[1]
    assert fingerprint({"x": zeros}, iter([4, 0])) == prints[0]


def test_a_view_has_the_fingerprint_of_its_values():
    whole = np.arange(24.0).reshape(4, 6)
    view = whole[:, ::2]
    assert fingerprint({"x": view}, ()) == fingerprint({"x": view.copy()}, ())
    assert fingerprint({"x": view}, ()) != fingerprint({"x": whole[:, 1::2]}, ())


def test_a_fingerprint_is_that_of_an_earlier_version():
    windows = np.arange(6000, dtype="<f4").reshape(3000, 2)
    assert fingerprint({"x": windows}, (4, 0)).startswith("9cbaf6eee465e7f0")
