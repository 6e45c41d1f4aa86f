import io

import numpy as np
import pytest

from keras_dcat.recordings.readers.endings import cut_short, ogg_streams
from keras_dcat.recordings.readers.opened_files import Source
from tests.recordings.readers.media_files import (
    av_sound,
    copied,
    sound_file,
    video_file,
)

EVEN = np.arange(24) * 40


def source(content):
    return Source("a file", bytes(content))


def whole_files():
    fragments = {"movflags": "frag_keyframe+empty_moov+skip_trailer"}
    mp4, _ = video_file("mpeg4", "mp4", EVEN)
    webm, _ = video_file("libvpx", "webm", EVEN)
    return {
        "WAV": sound_file("WAV"),
        "AVI": video_file("mpeg4", "avi", EVEN)[0],
        "MP4": mp4,
        "fragments": copied(mp4, "mp4", **fragments),
        "WebM": webm,
        "live WebM": copied(webm, "webm", live="1"),
        "transport stream": video_file("mpeg2video", "mpegts", EVEN)[0],
        "WMA": av_sound("asf", "wmav2", 1.0, 44100, 2)[0],
    }


WHOLE = {kind: file.getvalue() for kind, file in whole_files().items()}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_not_cut_short_and_one_that_lacks_bytes_is(kind):
    content = WHOLE[kind]
    assert cut_short(source(content)) is None
    for missing in (3, len(content) // 3 | 1, len(content) // 2 | 1):
        assert "bytes of the" in cut_short(source(content[:-missing]))


@pytest.mark.parametrize("kind", WHOLE)
def test_of_any_bytes_something_or_nothing_is_said(kind):
    rng = np.random.default_rng(0)
    for _ in range(50):
        content = bytearray(WHOLE[kind][:600])
        for place in rng.integers(0, len(content), 8):
            content[place] = rng.integers(256)
        cut_short(source(content[: rng.integers(600)]))
        cut_short(source(rng.bytes(40)))


def test_what_follows_after_the_last_box_is_no_loss():
    assert cut_short(source(WHOLE["MP4"] + b"\0\0\4\0abcd")) is None
    assert cut_short(source(WHOLE["MP4"] + b"\0\0\4\0mdat")) is not None


def test_a_size_that_the_writer_did_not_know_is_no_loss():
    content = bytearray(WHOLE["AVI"])
    for size in (b"\xff" * 4, b"\0" * 4):
        content[4:8] = size
        assert cut_short(source(content[:2000])) is None


def test_a_large_avi_is_several_chunks():
    second = b"RIFF" + (1000).to_bytes(4, "little") + b"AVIX" + bytes(996)
    assert cut_short(source(WHOLE["AVI"] + second)) is None
    assert "bytes of the" in cut_short(source(WHOLE["AVI"] + second[:500]))


def test_an_ogg_file_is_counted_by_its_pages():
    content = sound_file("OGG", 2.0).getvalue()
    assert ogg_streams(source(content)) == (1, False, None)
    assert ogg_streams(source(content + content)) == (1, True, None)
    for cut in (len(content) // 2, len(content) - 3):
        assert ogg_streams(source(content[:cut]))[2] == "its last page is not whole"
    assert ogg_streams(source(b"text")) == (0, False, None)


def test_ogg_between_two_pages_looks_whole():
    content = sound_file("OGG", 20.0).getvalue()
    page = content.rindex(b"OggS")
    assert ogg_streams(source(content[:page])) == (1, False, None)
    assert io.BytesIO(content).getbuffer().nbytes > page
