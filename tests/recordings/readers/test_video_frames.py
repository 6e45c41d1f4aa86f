import concurrent.futures
import contextlib
import gc
import io
import os
import time

import numpy as np
import pytest

from keras_dcat.recordings.readers import read_video, video_frames
from keras_dcat.recordings.readers.block_memory import MEMORY
from keras_dcat.recordings.readers.open_decoders import DECODERS
from tests.recordings.readers.media_files import (
    MARKS,
    decoded_video,
    noise,
    video_file,
)

WHOLE = (video_file()[0].getvalue(), noise(len(MARKS)))
EVEN = np.arange(48) * 40
FRAME = 32 * 48 * 3  # bytes
KINDS = {
    "mp4": ("mpeg4", "mp4", EVEN, 2, {}),
    "mp4, uneven": ("mpeg4", "mp4", MARKS, 2, {}),
    "mkv": ("mpeg4", "matroska", MARKS, 2, {}),
    "mkv, lossless": ("ffv1", "matroska", MARKS, 0, {}),
    "avi": ("mpeg4", "avi", EVEN, 2, {}),
    "avi, times unknown": ("libx264", "avi", EVEN, 2, {}),
    "ts": ("mpeg2video", "mpegts", EVEN, 2, {}),
    "mpeg": ("mpeg1video", "mpeg", EVEN, 0, {}),
    "h264": ("libx264", "mp4", MARKS, 3, {}),
    "h264, one key frame": ("libx264", "mp4", EVEN, 3, {"x264-params": "keyint=99"}),
    "h264, open GOP": ("libx264", "mp4", EVEN, 3, {"x264-params": "open-gop=1"}),
    "h264 without key frames": (
        *("libx264", "mpegts", EVEN, 0),
        {"x264-params": "intra-refresh=1:keyint=12"},
    ),
    "mov": ("mjpeg", "mov", MARKS, 0, {"strict": "unofficial"}),
    "webm": ("libvpx-vp9", "webm", EVEN, 0, {}),
    "webm, vp8": ("libvpx", "webm", EVEN, 0, {}),
    "webm, av1": ("libsvtav1", "webm", EVEN, 0, {}),
    "flv": ("flv", "flv", EVEN, 0, {}),
    "wmv": ("wmv2", "asf", EVEN, 0, {}),
}


@pytest.fixture(scope="module", params=KINDS)
def video(request):
    """A file, and the frames that PyAV decodes from its start."""
    codec, format, marks, b_frames, options = KINDS[request.param]
    rolled = np.stack([np.roll(noise(1)[0], step, axis=1) for step in range(48)])
    file, _ = video_file(codec, format, marks, b_frames, rolled, **options)
    return file.getvalue(), decoded_video(file)[0]


ORDERS = {
    "in order": range(0, 40, 3),
    "backwards": range(39, -1, -3),
    "shuffled": np.random.default_rng(0).permutation(40)[:20].tolist(),
}


@pytest.mark.each_value
@pytest.mark.parametrize("memory", [2**28, 10 * FRAME, 0])
@pytest.mark.parametrize("order", ORDERS)
def test_slices_in_any_order_are_those_of_the_whole(video, order, memory):
    content, expected = video
    values = read_video(io.BytesIO(content), memory=memory).values
    for first in ORDERS[order]:
        found = values[first : first + 9]
        np.testing.assert_array_equal(found, expected[first : first + 9])
        found[:] = 0  # what is remembered is nobody else's


def test_threads_that_read_at_once_get_what_one_gets(video):
    content, expected = video
    firsts = np.random.default_rng(1).integers(0, 40, 60).tolist()
    values = read_video(io.BytesIO(content), memory=20 * FRAME).values
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda first: values[first : first + 9], firsts))
    for first, frames in zip(firsts, found, strict=True):
        np.testing.assert_array_equal(frames, expected[first : first + 9])


class Watched:
    """A container that counts what it decodes, and can seek too far."""

    def __init__(self, container, decoded, too_far):
        self.container, self.decoded, self.too_far = container, decoded, too_far
        self.streams, self.format = container.streams, container.format
        self.demux, self.duration = container.demux, container.duration

    def seek(self, mark, stream):
        self.container.seek(mark + self.too_far, stream=stream)

    def decode(self, track):
        for frame in self.container.decode(track):
            self.decoded.append(frame.pts)
            yield frame


def watch(monkeypatch, too_far=0):
    """Marks of the frames that are decoded from now on."""
    opened, decoded = video_frames.opened, []

    @contextlib.contextmanager
    def watched(source, kind):
        with opened(source, kind) as container:
            yield Watched(container, decoded, too_far)

    monkeypatch.setattr(video_frames, "opened", watched)
    return decoded


def test_decoding_begins_at_the_key_frame_before_and_ends_with_the_slice(monkeypatch):
    decoded = watch(monkeypatch)
    values = read_video(io.BytesIO(WHOLE[0])).values
    assert decoded == []
    values[26:29]
    assert decoded == MARKS[24:29].tolist()  # key frames are 0, 12, 24 and 36


def test_a_container_that_seeks_too_far_is_entered_further_before(monkeypatch):
    decoded = watch(monkeypatch, too_far=int(MARKS[36] - MARKS[24]))
    values = read_video(io.BytesIO(WHOLE[0])).values
    np.testing.assert_array_equal(values[26:29], WHOLE[1][26:29])
    assert decoded == [MARKS[36], *MARKS[12:29]]


def test_windows_in_order_decode_every_frame_once(monkeypatch):
    decoded = watch(monkeypatch)
    values = read_video(io.BytesIO(WHOLE[0]), memory=12 * FRAME).values
    for first in range(0, 37, 3):
        values[first : first + 12]
    assert decoded == MARKS.tolist()


def test_without_memory_slices_that_follow_each_other_decode_once(monkeypatch):
    decoded = watch(monkeypatch)
    values = read_video(io.BytesIO(WHOLE[0]), memory=0).values
    for first in range(5, 45, 5):
        values[first : first + 5]
    assert decoded == MARKS[:45].tolist()
    values[30:32]
    assert decoded[45:] == MARKS[24:32].tolist()


def test_frames_that_fit_are_decoded_once_in_any_order(monkeypatch):
    decoded = watch(monkeypatch)
    values = read_video(io.BytesIO(WHOLE[0])).values
    for first in (30, 20, 26, 0, 36, 5, 39, 12, 24):
        values[first : first + 9]
    scaled = len(decoded)
    for first in range(0, 40, 3):
        values[first : first + 9]
    assert len(decoded) == scaled
    assert set(decoded) == set(MARKS.tolist())


def test_frames_on_the_way_are_not_decoded_again(monkeypatch):
    decoded = watch(monkeypatch)
    values = read_video(io.BytesIO(WHOLE[0])).values
    values[32:36]
    assert decoded == MARKS[24:36].tolist()
    np.testing.assert_array_equal(values[25:31], WHOLE[1][25:31])
    assert decoded == MARKS[24:36].tolist()


def test_a_file_that_was_changed_is_refused_until_it_is_read_anew(tmp_path):
    path, others = tmp_path / "a.mkv", WHOLE[1][::-1].copy()
    path.write_bytes(WHOLE[0])
    values = read_video(path).values
    np.testing.assert_array_equal(values[10:30], WHOLE[1][10:30])
    time.sleep(0.05)  # the clock of a file system is coarse
    path.write_bytes(video_file(frames=others)[0].getvalue())
    with pytest.raises(ValueError, match=r"a\.mkv.*changed since.*Read it anew"):
        values[10:30]
    values = read_video(path).values
    np.testing.assert_array_equal(values[10:30], others[10:30])
    replacement = tmp_path / "b.mkv"
    replacement.write_bytes(WHOLE[0])
    replacement.rename(path)
    with pytest.raises(ValueError, match=r"changed since"):
        values[10:30]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        values[10:30]


def test_what_nobody_has_any_more_is_dropped_from_memory():
    values = read_video(io.BytesIO(WHOLE[0])).values
    values[:10]
    version = values._version()
    assert len(MEMORY.find(version, range(48))) == 10
    del values
    gc.collect()
    assert not MEMORY.find(version, range(48))
    assert DECODERS.take(version, lambda waiting: waiting[0]) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork:RuntimeWarning")
def test_a_forked_process_reads_beside_its_parent(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(WHOLE[0])
    values = read_video(path, memory=0).values
    values[:10]  # a decoder waits at frame 10, which both would move
    child = os.fork()
    if not child:
        is_right = np.array_equal(values[10:48], WHOLE[1][10:48])
        os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(values[10:48], WHOLE[1][10:48])


@pytest.mark.parametrize("memory", [-1, "1 GB"])
def test_memory_that_is_no_number_of_bytes_is_refused(memory):
    with pytest.raises(ValueError, match=r"memory=.* its default, 268435456"):
        read_video(io.BytesIO(WHOLE[0]), memory=memory)
