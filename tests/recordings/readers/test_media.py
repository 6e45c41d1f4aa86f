import contextlib
import fractions
import io
import pickle
import sys
import tracemalloc

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import media, read_audio, read_video

FORMATS = ["WAV", "FLAC", "OGG", "MP3"]
# Not evenly spaced: frames of a telephone in the dark. Milliseconds.
MARKS = np.cumsum([33, 33, 34, 80, 20, 33, 67, 33, 33, 34, 100, 50] * 4) - 33
TICK = fractions.Fraction(1, 1000)


def sound_file(format, seconds=1.0, rate=8000, channels=2):
    noise = np.random.default_rng(0).standard_normal((int(seconds * rate), channels))
    file = io.BytesIO()
    soundfile.write(file, 0.1 * noise, rate, format=format)
    return io.BytesIO(file.getvalue())


def noise(count):
    shape = (count, 32, 48, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def video_file(codec="ffv1", format="matroska", marks=MARKS, b_frames=0, frames=None):
    """Frames of 32 × 48, lossless with ffv1, a key frame every twelve."""
    frames = noise(len(marks)) if frames is None else frames
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        track = container.add_stream(codec, rate=30)
        track.width, track.height = 48, 32
        track.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        track.codec_context.time_base = TICK
        track.codec_context.gop_size = 12
        track.codec_context.max_b_frames = b_frames
        for pixels, mark in zip(frames, marks, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = int(mark), TICK
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return io.BytesIO(file.getvalue()), frames


WHOLE = (video_file()[0].getvalue(), noise(len(MARKS)))


@pytest.mark.parametrize("format", FORMATS)
def test_a_slice_of_sound_is_that_part_of_the_whole(format, tmp_path):
    path = tmp_path / f"a.{format.lower()}"
    path.write_bytes(sound_file(format).getvalue())
    expected, rate = soundfile.read(path, dtype="float32")
    for source in (path, sound_file(format)):
        stream = read_audio(source, start=2.0)
        values = stream.values
        assert (values.shape, values.dtype) == (expected.shape, np.float32)
        assert (stream.rate, stream.start) == (rate, 2.0)
        for part in (slice(None), slice(5000, 5400), slice(-3, None), slice(9, 0, -2)):
            np.testing.assert_allclose(values[part], expected[part], atol=1e-6)


def test_sound_of_one_channel_has_a_channel_axis_and_its_rate_can_be_corrected():
    stream = read_audio(sound_file("WAV", channels=1), rate=8001.5)
    assert stream.values.shape == (8000, 1)
    assert stream.rate == 8001.5


def test_of_an_hour_of_sound_only_the_second_asked_for_is_read(tmp_path, monkeypatch):
    path = tmp_path / "hour.wav"
    soundfile.write(path, np.zeros(3600 * 8000, "int16"), 8000, subtype="PCM_U8")
    counts = []
    read = soundfile.SoundFile.read

    def counted(sound, frames=-1, **options):
        counts.append(frames)
        return read(sound, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    tracemalloc.start()
    stream = read_audio(path)
    second = stream.values[1800 * 8000 : 1801 * 8000]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.duration == 3600.0
    assert second.shape == (8000, 1)
    assert counts == [1, 8000]  # the last sample, to see that it is there
    assert peak < 10**6


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3"])
def test_sound_cut_short_is_refused_at_once(format, tmp_path):
    content = sound_file(format, seconds=4.0).getvalue()
    path = tmp_path / "cut.snd"
    for share in (0.01, 0.5, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        for source in (path, io.BytesIO(path.read_bytes())):
            with pytest.raises(ValueError, match=r"must be a sound file.*cut short"):
                read_audio(source)


def test_ogg_cut_short_is_as_long_as_what_is_left():
    content = sound_file("OGG", seconds=20.0).getvalue()
    values = read_audio(io.BytesIO(content[: len(content) // 2])).values
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    assert 0 < len(values) < len(expected)
    part = slice(len(values) - 500, len(values))
    np.testing.assert_allclose(values[part], expected[part], atol=1e-6)


def test_a_wav_whose_writer_did_not_know_its_size_is_read():
    content = bytearray(sound_file("WAV").getvalue())
    content[4:8] = content[40:44] = b"\xff" * 4
    assert read_audio(io.BytesIO(bytes(content))).values.shape == (8000, 2)


def test_a_sound_file_damaged_after_it_was_opened_is_refused_by_the_slice(tmp_path):
    path = tmp_path / "a.wav"
    content = sound_file("WAV").getvalue()
    path.write_bytes(content)
    values = pickle.loads(pickle.dumps(read_audio(path).values))  # noqa: S301
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"samples of the 8000 in its header"):
        values[:]


@pytest.mark.parametrize("content", [b"", b"ID3", b"t,x\n0,1\n" * 99, b"\0" * 999])
@pytest.mark.parametrize("read", [read_audio, read_video])
def test_another_type_of_file_is_neither_sound_nor_video(read, content, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        with pytest.raises(ValueError, match=r"must be a (sound|video) file.*format"):
            read(source)


@pytest.mark.parametrize("read", [read_audio, read_video])
def test_a_missing_file_is_refused(read, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.mp4.*nothing"):
        read(tmp_path / "no.mp4")


def test_sound_without_a_sample_is_refused():
    with pytest.raises(ValueError, match=r"it holds no sample"):
        read_audio(sound_file("WAV", seconds=0.0))


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
        ("mpeg4", "mp4", 0),
        ("mpeg4", "mp4", 2),
        ("mpeg4", "matroska", 2),
        ("mpeg4", "avi", 0),
        ("mpeg4", "mpegts", 2),
        ("libx264", "mp4", 3),
        ("libvpx-vp9", "webm", 0),
    ],
)
def test_slices_agree_with_decoding_from_the_start(codec, format, b_frames):
    file, _ = video_file(codec, format, np.arange(48) * 40, b_frames)
    with av.open(io.BytesIO(file.getvalue())) as container:
        frames = list(container.decode(video=0))
    expected = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    stream = read_video(file)
    assert stream.values.shape == (48, 32, 48, 3)
    np.testing.assert_allclose(stream.times, [frame.time for frame in frames])
    for part in (slice(0, 3), slice(11, 14), slice(20, 37), slice(-2, None)):
        np.testing.assert_array_equal(stream.values[part], expected[part])


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
    opened, decoded = media._opened, []

    @contextlib.contextmanager
    def watched(source):
        with opened(source) as container:
            yield Watched(container, decoded, too_far)

    monkeypatch.setattr(media, "_opened", watched)
    return decoded


def test_decoding_begins_at_the_key_frame_before_and_ends_with_the_slice(monkeypatch):
    decoded = watch(monkeypatch)
    values = read_video(io.BytesIO(WHOLE[0])).values
    assert decoded == []
    values[26:29]
    assert decoded == MARKS[24:29].tolist()  # key frames are 0, 12, 24 and 36


def test_a_container_that_seeks_too_far_is_decoded_from_its_start(monkeypatch):
    decoded = watch(monkeypatch, too_far=int(MARKS[36] - MARKS[24]))
    values = read_video(io.BytesIO(WHOLE[0])).values
    np.testing.assert_array_equal(values[26:29], WHOLE[1][26:29])
    assert decoded == [MARKS[36], *MARKS[:29]]


@pytest.mark.parametrize(
    ("codec", "format"), [("mpeg4", "mp4"), ("libx264", "mp4"), ("ffv1", "matroska")]
)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.8])
def test_video_cut_short_is_refused_at_once(codec, format, share):
    content = video_file(codec, format)[0].getvalue()
    with pytest.raises(ValueError, match=r"must be a video file.*cut short"):
        read_video(io.BytesIO(content[: int(share * len(content))]))


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_an_mp4_made_for_the_web_and_cut_short_counts_its_frames(share, tmp_path):
    path = tmp_path / "a.mp4"
    options = {"movflags": "faststart"}  # the header comes first and survives
    with (
        av.open(video_file("mpeg4", "mp4")[0]) as container,
        av.open(path, "w", options=options) as copy,
    ):
        track = copy.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                copy.mux(packet)
    content = path.read_bytes()
    assert read_video(path).values.shape[0] == 48
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"\d+ frames of the 48 in its header.*short"):
        read_video(path)


def test_a_frame_that_does_not_decode_is_named_by_the_slice(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(video_file()[0].getvalue())
    values = read_video(path).values
    path.write_bytes(video_file(marks=MARKS[:30])[0].getvalue())
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


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=25)
@given(content=st.binary(max_size=60), share=st.floats(0, 1))
def test_any_bytes_are_sound_or_a_value_error(format, content, share):
    whole = sound_file(format, seconds=0.2).getvalue()
    place = int(share * len(whole))
    for broken in (content, whole[:place] + content + whole[place + len(content) :]):
        try:
            np.asarray(read_audio(io.BytesIO(broken)).values)
        except (ValueError, OSError):
            continue


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


@pytest.mark.parametrize(
    ("read", "library"), [(read_audio, "soundfile"), (read_video, "av")]
)
def test_a_missing_library_names_the_extra_that_has_it(read, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"`{library}`.*keras_dcat\[io\]"):
        read(io.BytesIO(WHOLE[0]))
