import io
import json
import pathlib
import pickle
import shutil

import numpy as np
import pytest

from keras_dcat.recordings import read_audio, read_video
from keras_dcat.recordings.readers import decoded_copies, sound_files, video_files
from tests.recordings.readers.media_files import (
    MARKS,
    av_sound,
    noise,
    sound_file,
    video_file,
)

CONTENT = video_file()[0].getvalue()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "own" / "a.mkv"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


def no_decoding(monkeypatch):
    """From now on, whoever decodes a frame or a sample fails."""

    def refuse(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(video_files.VideoValues, "_read", refuse)
    for name in ("decoded_by_av", "decoded_by_soundfile"):
        monkeypatch.setattr(sound_files, name, refuse)


def test_a_copy_has_every_frame_and_is_decoded_once(path, tmp_path, monkeypatch):
    folder = tmp_path / "copies"
    first = read_video(path, decoded_folder=folder)
    no_decoding(monkeypatch)
    again = read_video(path, decoded_folder=str(folder))
    for stream in (first, again):
        assert stream.values.dtype == np.uint8
        np.testing.assert_allclose(stream.times, MARKS / 1000, rtol=1e-12)
        np.testing.assert_array_equal(stream.values[:], noise(48))
        np.testing.assert_array_equal(stream.values[13:40:3], noise(48)[13:40:3])
        copy = pickle.loads(pickle.dumps(stream.values))  # noqa: S301
        np.testing.assert_array_equal(copy[7:9], noise(48)[7:9])
    assert [each.name for each in path.parent.iterdir()] == ["a.mkv"]
    assert len(list(folder.iterdir())) == 2


def test_nothing_is_written_unasked(path, tmp_path):
    read_video(path).values[:10]
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_what_is_read_belongs_to_whoever_reads_it(path, tmp_path):
    values = read_video(path, decoded_folder=tmp_path / "copies").values
    values[:5][:] = 0
    np.testing.assert_array_equal(values[:5], noise(5))


def test_a_copy_is_known_by_content_and_not_by_name(path, tmp_path, monkeypatch):
    folder = tmp_path / "copies"
    read_video(path, decoded_folder=folder)
    moved = tmp_path / "b.mkv"
    shutil.copy(path, moved)
    others = noise(48)[::-1].copy()
    path.write_bytes(video_file(frames=others)[0].getvalue())
    changed = read_video(path, decoded_folder=folder).values
    np.testing.assert_array_equal(changed[:], others)
    smaller = read_video(path, size=(16, 24), decoded_folder=folder).values
    assert smaller.shape == (48, 16, 24, 3)
    moved.rename(path)
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(
        read_video(path, decoded_folder=folder).values[:], noise(48)
    )


def test_bytes_in_memory_have_a_copy_too(tmp_path, monkeypatch):
    read_video(io.BytesIO(CONTENT), decoded_folder=tmp_path)
    copy = next(tmp_path.glob("*.npy"))
    assert np.load(copy).shape == (48, 32, 48, 3)


@pytest.mark.parametrize("damage", ["cut", "gone", "no JSON", "other JSON", "others'"])
def test_a_copy_that_is_not_whole_is_made_again(path, tmp_path, damage):
    folder = tmp_path / "copies"
    read_video(path, decoded_folder=folder)
    copy, about = next(folder.glob("*.npy")), next(folder.glob("*.json"))
    if damage == "cut":
        copy.write_bytes(copy.read_bytes()[:-1])
    elif damage == "gone":
        copy.unlink()
    elif damage == "others'":
        np.save(copy, np.zeros((3, 2)))
    else:
        about.write_text("{" if damage == "no JSON" else json.dumps([1]))
    values = read_video(path, decoded_folder=folder).values
    np.testing.assert_array_equal(values[:], noise(48))


def test_a_copy_that_cannot_be_finished_is_not_there(path, tmp_path, monkeypatch):
    folder = tmp_path / "copies"

    def full(self, first, last):
        if first:
            raise OSError(28, "No space left on device")
        return np.zeros((last - first, *self.shape[1:]), self.dtype)

    monkeypatch.setattr(decoded_copies, "_AT_ONCE", 2**16)
    with monkeypatch.context() as context:
        context.setattr(video_files.VideoValues, "_read", full)
        with pytest.raises(OSError, match=r"written as a whole.*No space left"):
            read_video(path, decoded_folder=folder)
    assert list(folder.iterdir()) == []
    values = read_video(path, decoded_folder=folder).values
    np.testing.assert_array_equal(values[:], noise(48))


@pytest.mark.parametrize(
    "file",
    [
        sound_file("FLAC", seconds=3),
        sound_file("OGG", seconds=3),
        sound_file("MP3", seconds=3, rate=16000),
        av_sound("mp4", "aac", start=0.5, video="mpeg4")[0],
    ],
    ids=["flac", "ogg", "mp3", "mp4"],
)
def test_a_copy_has_every_sample_and_its_clock(file, tmp_path, monkeypatch):
    content = file.getvalue()
    expected = read_audio(io.BytesIO(content), start=2.0)
    samples = expected.values[:]
    read_audio(io.BytesIO(content), decoded_folder=tmp_path)
    no_decoding(monkeypatch)
    copied = read_audio(io.BytesIO(content), start=2.0, decoded_folder=tmp_path)
    # Of FLAC the last block is decoded when it is opened, to see that it is there.
    monkeypatch.setattr(sound_files._ExactValues, "_decoded", None)
    assert (copied.rate, copied.start) == (expected.rate, expected.start)
    assert copied.values.may_hold_nan == expected.values.may_hold_nan
    np.testing.assert_array_equal(copied.values[:], samples)
    np.testing.assert_array_equal(copied.values[777:5000], samples[777:5000])


def test_sound_that_is_not_compressed_needs_no_copy(tmp_path):
    file = sound_file("WAV")
    values = read_audio(file, decoded_folder=tmp_path / "copies").values
    assert values[100:200].shape == (100, 2)
    assert not pathlib.Path(tmp_path / "copies").exists()
