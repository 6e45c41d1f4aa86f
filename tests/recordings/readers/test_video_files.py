import fractions
import io
import pickle
import sys

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import read_video
from tests.recordings.readers.media_files import (
    MARKS,
    copied,
    decoded_video,
    noise,
    sound_file,
    video_file,
)

WHOLE = (video_file()[0].getvalue(), noise(len(MARKS)))


@pytest.mark.parametrize("content", [b"", b"ID3", b"t,x\n0,1\n" * 99, b"\0" * 999])
def test_another_type_of_file_is_no_video(content, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        with pytest.raises(ValueError, match=r"must be a video file.*format"):
            read_video(source)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.mp4.*nothing"):
        read_video(tmp_path / "no.mp4")


def test_every_frame_and_its_own_time_come_back(tmp_path):
    file, frames = video_file()
    (tmp_path / "a.mkv").write_bytes(file.getvalue())
    for source in (tmp_path / "a.mkv", file):
        stream = read_video(source, start=10.0)
        assert stream.rate is None
        np.testing.assert_allclose(stream.times, 10.0 + MARKS / 1000, rtol=1e-12)
        assert stream.values.dtype == np.uint8
        np.testing.assert_array_equal(np.asarray(stream.values), frames)
        copy = pickle.loads(pickle.dumps(stream.values))  # noqa: S301
        np.testing.assert_array_equal(copy[30:40:3], frames[30:40:3])


@settings(deadline=None, max_examples=25)
@given(st.integers(-48, 47), st.integers(1, 20))
def test_any_slice_of_video_is_that_part_of_the_whole(first, count):
    content, frames = WHOLE
    values = read_video(io.BytesIO(content)).values
    last = first + count
    np.testing.assert_array_equal(values[first:last], frames[first:last])
    np.testing.assert_array_equal(values[first], frames[first])


@pytest.mark.parametrize(
    ("codec", "format", "b_frames"),
    [
        ("mpeg4", "mp4", 2),
        ("mpeg4", "matroska", 2),
        ("mpeg4", "avi", 2),
        ("mpeg4", "mpegts", 2),
        ("mpeg2video", "mpegts", 2),
        ("mpeg1video", "mpeg", 0),
        ("libx264", "mp4", 3),
        ("libx264", "mpegts", 2),
        ("libvpx-vp9", "webm", 0),
        ("wmv2", "asf", 0),
    ],
)
def test_slices_agree_with_decoding_from_the_start(codec, format, b_frames):
    file, _ = video_file(codec, format, 400 + np.arange(48) * 40, b_frames)
    expected, times = decoded_video(file)
    stream = read_video(file)
    assert stream.values.shape == (48, 32, 48, 3)
    np.testing.assert_allclose(stream.times, times)
    for first, count in ((0, 3), (11, 3), (13, 1), (20, 17), (29, 2), (44, 4)):
        part = slice(first, first + count)
        np.testing.assert_array_equal(stream.values[part], expected[part])


def test_frames_without_key_frames_are_decoded_from_where_they_are_whole():
    refreshed = {"x264-params": "intra-refresh=1:keyint=12"}
    file, _ = video_file("libx264", "mpegts", np.arange(48) * 40, **refreshed)
    expected, _ = decoded_video(file)
    values = read_video(file).values
    for first in (5, 13, 30, 45):
        np.testing.assert_array_equal(values[first : first + 3], expected[first:][:3])


def test_b_frames_in_avi_come_in_order_though_their_times_do_not():
    rolled = np.stack([np.roll(noise(1)[0], step, axis=1) for step in range(48)])
    file, _ = video_file("libx264", "avi", np.arange(48) * 40, 2, rolled)
    expected, times = decoded_video(file)
    assert (np.diff(times) < 0).any()
    stream = read_video(file)
    np.testing.assert_allclose(np.diff(stream.times), 0.04)
    for first in (0, 7, 20, 45):
        np.testing.assert_array_equal(
            stream.values[first : first + 3], expected[first:][:3]
        )


def test_two_frames_of_one_time_are_both_there():
    marks = np.repeat(np.arange(24) * 40, 2)
    file, frames = video_file(marks=marks)
    stream = read_video(file)
    np.testing.assert_allclose(stream.times, marks / 1000)
    np.testing.assert_array_equal(stream.values[20:24], frames[20:24])


def test_of_several_tracks_one_must_be_chosen():
    small, large = np.zeros((5, 32, 48, 3), "uint8"), np.zeros((5, 64, 64, 3), "uint8")
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        tracks = [container.add_stream("ffv1", rate=25) for _ in range(2)]
        for track, frames in zip(tracks, (small, large), strict=True):
            track.height, track.width = frames.shape[1:3]
            track.pix_fmt = "bgr0"
        for track, frames in zip(tracks, (small, large), strict=True):
            for number, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = number, fractions.Fraction(1, 25)
                container.mux(track.encode(frame))
            container.mux(track.encode())
    file = io.BytesIO(file.getvalue())
    with pytest.raises(ValueError, match=r"track=None.*1: ffv1, 64 × 64.*from 0 to 1"):
        read_video(file)
    file.seek(0)
    assert read_video(file, track=1).values[2:4].shape == (2, 64, 64, 3)


def test_frames_are_scaled_to_height_and_width():
    frames = np.zeros((12, 32, 48, 3), "uint8")
    frames[:, :16, 24:] = [200, 100, 50]  # the upper right quarter
    file, _ = video_file(marks=MARKS[:12], frames=frames)
    values = read_video(file, size=(8, 24)).values
    assert values.shape == (12, 8, 24, 3)
    quarters = values[5][[1, 1, 6, 6], [2, 21, 2, 21]].astype(int)
    expected = [[0, 0, 0], [200, 100, 50], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(quarters, expected, atol=2)
    with pytest.raises(ValueError, match=r"size=\(8, 0\)\. Pass two positive"):
        read_video(video_file()[0], size=(8, 0))


def test_a_rate_or_times_of_ones_own_replace_those_of_the_file():
    even = read_video(video_file()[0], rate=30.0, start=1.0)
    assert (even.rate, even.start, even.timestamps) == (30.0, 1.0, None)
    own = np.where(np.arange(48) == 7, np.nan, np.arange(48) * 40.0)
    timed = read_video(video_file()[0], time=own, time_unit=0.001)
    np.testing.assert_allclose(timed.times, own / 1000)
    with pytest.raises(ValueError, match=r"shape \(3,\) for 48 samples"):
        read_video(video_file()[0], time=[0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("codec", "format"), [("mpeg4", "mp4"), ("libx264", "mp4"), ("ffv1", "matroska")]
)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.8])
def test_video_cut_short_is_refused_at_once(codec, format, share):
    content = video_file(codec, format)[0].getvalue()
    with pytest.raises(ValueError, match=r"must be a video file.*cut short"):
        read_video(io.BytesIO(content[: int(share * len(content))]))


@pytest.mark.parametrize(
    ("codec", "format", "options"),
    [
        ("mpeg4", "avi", {}),
        ("mpeg4", "mp4", {"movflags": "faststart"}),
        ("mpeg4", "mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("mpeg2video", "mpegts", {}),
        ("libvpx", "webm", {}),
        ("libvpx", "webm", {"live": "1"}),
        ("wmv2", "asf", {}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.9])
def test_what_is_cut_inside_of_a_part_is_refused(codec, format, options, share):
    file, _ = video_file(codec, format, np.arange(48) * 40)
    content = copied(file, format, **options).getvalue()
    assert read_video(io.BytesIO(content)).values.shape[0] == 48
    with pytest.raises(ValueError, match=r"must be a video file.*\d+ (bytes|frames)"):
        read_video(io.BytesIO(content[: int(share * len(content))]))


def test_an_avi_with_fewer_frames_than_its_header_counts_is_refused():
    content = bytearray(video_file("mpeg4", "avi", np.arange(60) * 40)[0].getvalue())
    for begin in (content.index(b"avih") + 24, content.index(b"vids") + 32):
        assert int.from_bytes(content[begin : begin + 4], "little") == 60
        content[begin : begin + 4] = (100).to_bytes(4, "little")
    with pytest.raises(ValueError, match=r"60 frames of the 100 in its header"):
        read_video(io.BytesIO(bytes(content)))


def test_a_frame_that_does_not_decode_is_named_by_the_slice(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(video_file()[0].getvalue())
    values = read_video(path).values
    path.write_bytes(video_file(marks=MARKS[:30])[0].getvalue())
    with pytest.raises(ValueError, match=r"a\.mkv.*changed since it was opened"):
        values[28:33]
    object.__setattr__(
        values.source, "was", None
    )  # as if it had been so from the start
    with pytest.raises(ValueError, match=r"3 of the frames 28 to 32 do not decode"):
        values[28:33]


def test_sound_is_not_video_and_a_playlist_opens_no_other_file(tmp_path):
    with pytest.raises(ValueError, match=r"must be a video file"):
        read_video(sound_file("OGG"))
    (tmp_path / "secret.mkv").write_bytes(video_file()[0].getvalue())
    playlist = tmp_path / "list.mp4"
    for text in (
        "ffconcat version 1.0\nfile secret.mkv\n",
        f"#EXTM3U\n#EXTINF:9,\n{tmp_path}/secret.mkv\n#EXT-X-ENDLIST\n",
    ):
        playlist.write_text(text)
        with pytest.raises(ValueError, match=r"must be a video file"):
            read_video(playlist)


@pytest.mark.parametrize("kind", [("ffv1", "matroska"), ("mpeg4", "mp4")])
@settings(deadline=None, max_examples=30)
@given(content=st.binary(max_size=60), share=st.floats(0, 1))
def test_any_bytes_are_video_or_a_value_error(kind, content, share):
    whole = video_file(*kind, marks=np.arange(12) * 40)[0].getvalue()
    place = int(share * len(whole))
    for broken in (content, whole[:place] + content + whole[place + len(content) :]):
        try:
            values = read_video(io.BytesIO(broken), size=(4, 6)).values
            values[len(values) // 2 :]
        except (ValueError, OSError):
            continue


def test_a_missing_library_names_the_extra_that_has_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"`av`.*keras_dcat\[io\]"):
        read_video(io.BytesIO(WHOLE[0]))
