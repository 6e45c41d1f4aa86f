import concurrent.futures
import io
import multiprocessing
import pickle
import sys
import threading
import time
import tracemalloc

import av
import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import read_audio, read_video, sound_files
from tests.recordings.readers.media_files import (
    av_sound,
    copied,
    decoded_sound,
    sound_file,
    sweep,
    video_file,
)

# What libsndfile writes, and whether a seek in it is exact.
WRITTEN = {
    "WAV": ("WAV", {"subtype": "PCM_16"}, True),
    "WAV, 24 bits": ("WAV", {"subtype": "PCM_24"}, True),
    "WAV, float": ("WAV", {"subtype": "FLOAT"}, True),
    "WAV, ADPCM": ("WAV", {"subtype": "IMA_ADPCM"}, True),
    "FLAC": ("FLAC", {}, True),
    "AIFF": ("AIFF", {}, True),
    "CAF": ("CAF", {"subtype": "ALAC_16"}, True),
    "Vorbis": ("OGG", {"subtype": "VORBIS"}, False),
    "Opus": ("OGG", {"subtype": "OPUS"}, False),
    "MP3, constant": ("MP3", {"bitrate_mode": "CONSTANT"}, False),
    "MP3, variable": (
        *("MP3", {"bitrate_mode": "VARIABLE", "compression_level": 0.9}),
        False,
    ),
}


def random_slices(length, count=12):
    rng = np.random.default_rng(0)
    firsts = rng.integers(0, length - 1, count)
    return [slice(first, first + rng.integers(1, length // 3)) for first in firsts]


@pytest.mark.each_value
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_slice_of_sound_is_that_part_of_the_whole(kind, rate, channels):
    format, options, is_exact = WRITTEN[kind]
    file = sound_file(format, 3.0, rate, channels, **options)
    expected, _ = soundfile.read(file, dtype="float32", always_2d=True)
    file.seek(0)
    stream = read_audio(file, start=2.0)
    values = stream.values
    assert (values.shape, values.dtype) == (expected.shape, np.float32)
    assert (stream.rate, stream.start) == (rate, 2.0)
    assert isinstance(values, sound_files._ExactValues) == is_exact
    # Decoders of MP3 differ in the last bit of float32.
    tolerance = 1e-5 if format == "MP3" else 0.0
    for part in [*random_slices(len(expected)), slice(-3, None), slice(9, 0, -2)]:
        np.testing.assert_allclose(values[part], expected[part], atol=tolerance)


@pytest.mark.parametrize(
    ("format", "codec", "rate", "channels"),
    [
        ("ipod", "aac", 16000, 1),
        ("ipod", "aac", 44100, 2),
        ("ipod", "alac", 44100, 2),
        ("adts", "aac", 22050, 1),
        ("matroska", "libopus", 48000, 2),
        ("webm", "libopus", 16000, 1),
        ("avi", "libmp3lame", 44100, 1),
        ("avi", "pcm_s16le", 16000, 2),
        ("mpegts", "mp2", 48000, 2),
        ("mpeg", "mp2", 44100, 1),
        ("asf", "wmav2", 44100, 2),
        ("3gp", "libopencore_amrnb", 8000, 1),
        ("amr", "libopencore_amrnb", 8000, 1),
    ],
)
def test_a_slice_of_what_ffmpeg_knows_is_that_part_of_the_whole(
    format, codec, rate, channels
):
    file, _ = av_sound(format, codec, 2.0, rate, channels)
    expected, _ = decoded_sound(file)
    stream = read_audio(io.BytesIO(file.getvalue()))
    assert stream.values.shape == expected.shape
    assert stream.rate == (48000 if codec == "libopus" else rate)
    for part in random_slices(len(expected)):
        np.testing.assert_array_equal(stream.values[part], expected[part])


def test_an_mp3_without_a_header_of_its_length_is_read_to_its_end(tmp_path):
    path = tmp_path / "a.mp3"
    options = {"write_xing": "0", "id3v2_version": "0"}
    encoding = {"flags": "+qscale"}
    with av.open(path, "w", options=options) as container:
        track = container.add_stream("libmp3lame", rate=22050, options=encoding)
        track.layout = "mono"
        part = sweep(10.0, 22050, loud=0.0).T.astype("float32")
        frame = av.AudioFrame.from_ndarray(part, "fltp", "mono")
        frame.sample_rate = 22050
        container.mux([*track.encode(frame), *track.encode()])
    with soundfile.SoundFile(path) as estimated:
        assert estimated.frames < 10 * 22050 / 2
    expected, _ = decoded_sound(io.BytesIO(path.read_bytes()))
    values = read_audio(path).values
    assert 10 * 22050 <= len(values) < 10.1 * 22050
    np.testing.assert_array_equal(values[100_000:], expected[100_000:])


@pytest.mark.parametrize(
    ("format", "codec", "rate", "video"),
    [
        ("mp4", "aac", 44100, "mpeg4"),
        ("matroska", "aac", 16000, "mpeg4"),
        ("webm", "libopus", 48000, "libvpx"),
        ("mpegts", "mp2", 48000, "mpeg2video"),
        ("mov", "pcm_s16le", 16000, "mpeg4"),
    ],
)
@pytest.mark.parametrize("start", [0.0, 0.5])
def test_sound_and_video_of_a_file_are_on_one_clock(format, codec, rate, video, start):
    file, values = av_sound(format, codec, 2.0, rate, start=start, video=video)
    frames = read_video(io.BytesIO(file.getvalue()), start=10.0)
    stream = read_audio(io.BytesIO(file.getvalue()), start=10.0)
    # Where in the stream the middle of what was encoded is, by correlation.
    middle = values[rate // 2 : rate, 0]
    lags = scipy.signal.correlate(stream.values[:][:, 0], middle, "valid", "fft")
    found = stream.start + np.argmax(lags) / rate - 0.5
    assert found - frames.times[0] == pytest.approx(start, abs=0.002)


def test_of_several_sound_tracks_one_must_be_chosen():
    file, _ = av_sound("matroska", "flac", tracks=2)
    with pytest.raises(ValueError, match=r"2 \(0: flac, 16000 Hz, 1 ch.*from 0 to 1"):
        read_audio(file)
    file.seek(0)
    assert read_audio(file, track=1).values.shape == (32000, 1)
    with pytest.raises(
        ValueError, match=r"track=1 for .* which has one\. Leave it out"
    ):
        read_audio(sound_file("WAV"), track=1)


@pytest.mark.parametrize("format", ["matroska", "mpegts"])
def test_sound_that_was_lost_is_nan_and_what_follows_is_in_its_place(format):
    file, _ = av_sound(format, "mp2", 3.0, 48000)
    whole = read_audio(io.BytesIO(file.getvalue())).values
    # 1152 samples a packet, of which Matroska says to leave out those before the first.
    skipped = -len(whole) % 1152
    lost = copied(file, format, keep=lambda number: not 60 <= number < 70)
    stream = read_audio(lost)
    hole = np.isnan(stream.values[:]).all(1)
    assert stream.values.missing == hole.sum() == 10 * 1152
    assert np.flatnonzero(hole)[[0, -1]].tolist() == [
        60 * 1152 - skipped,
        70 * 1152 - skipped - 1,
    ]
    after = slice(72 * 1152, None)
    # To the last of 16 bits: the decoder dithers.
    np.testing.assert_allclose(stream.values[after], whole[after], atol=2e-4)


def test_times_that_go_back_are_refused_unless_a_rate_is_given():
    file, _ = av_sound("matroska", "flac", 3.0)
    fast = copied(file, "matroska", later=lambda number: -0.01 * number)
    with pytest.raises(ValueError, match=r"begins 0\.0\d+ s before.*pass rate=16000"):
        read_audio(fast)
    fast.seek(0)
    assert read_audio(fast, rate=16000).values.shape == (48000, 1)


def test_a_clock_that_drifts_by_less_than_is_heard_makes_no_hole():
    file, _ = av_sound("matroska", "flac", 3.0)
    slow = copied(file, "matroska", later=lambda number: 1e-4 * number)
    assert read_audio(slow).values.missing == 0


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


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "OGG"])
def test_sound_cut_short_is_refused_at_once(format, tmp_path):
    content = sound_file(format, seconds=4.0).getvalue()
    path = tmp_path / "cut.snd"
    for share in (0.01, 0.5, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        for source in (path, io.BytesIO(path.read_bytes())):
            with pytest.raises(ValueError, match=r"must be a sound file.*cut short"):
                read_audio(source)


@pytest.mark.parametrize(
    ("format", "codec"),
    [("ipod", "aac"), ("matroska", "flac"), ("asf", "wmav2"), ("avi", "pcm_s16le")],
)
def test_sound_of_a_container_cut_short_is_refused(format, codec):
    content = av_sound(format, codec, 2.0, 44100, 2)[0].getvalue()
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(ValueError, match=r"must be a sound file.*cut short"):
            read_audio(io.BytesIO(content[: int(share * len(content))]))


@pytest.mark.parametrize("format", ["OGG", "MP3"])
def test_files_joined_end_to_end_are_not_read_as_the_first_of_them(format):
    content = sound_file(format, seconds=2.0).getvalue()
    with pytest.raises(ValueError, match=r"end to end|another begins.*Read the parts"):
        read_audio(io.BytesIO(2 * content))


def test_a_wav_whose_writer_did_not_know_its_size_is_read():
    content = bytearray(sound_file("WAV").getvalue())
    content[4:8] = content[40:44] = b"\xff" * 4
    assert read_audio(io.BytesIO(bytes(content))).values.shape == (8000, 2)


def test_a_flac_after_tags_of_another_program_is_read():
    content = sound_file("FLAC").getvalue()
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    values = read_audio(io.BytesIO(b"ID3\4\0\0\0\0\0\12" + bytes(10) + content)).values
    np.testing.assert_array_equal(values[3000:5000], expected[3000:5000])


def test_a_flac_whose_writer_did_not_know_its_length_is_read():
    content = bytearray(sound_file("FLAC").getvalue())
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    values = read_audio(io.BytesIO(bytes(content))).values
    np.testing.assert_array_equal(values[3000:5000], expected[3000:5000])


def test_an_mp3_inside_of_a_wav_is_read_to_its_end():
    file, _ = av_sound("wav", "libmp3lame", 2.0, 44100)
    expected, _ = decoded_sound(file)
    values = read_audio(file).values
    np.testing.assert_array_equal(values[50_000:], expected[50_000:])


def test_a_sound_file_damaged_after_it_was_opened_is_refused_by_the_slice(tmp_path):
    path = tmp_path / "a.wav"
    content = sound_file("WAV").getvalue()
    path.write_bytes(content)
    values = pickle.loads(pickle.dumps(read_audio(path).values))  # noqa: S301
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"changed since it was opened"):
        values[:]
    object.__setattr__(
        values.source, "was", None
    )  # as if it had been so from the start
    with pytest.raises(ValueError, match=r"samples of the 8000 in its header"):
        values[:]


def test_what_was_decoded_is_read_by_other_processes_and_threads(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(sound_file("MP3", 3.0).getvalue())
    values = read_audio(path).values
    expected, parts = values[:], random_slices(len(values))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for part, found in zip(parts, pool.map(values.__getitem__, parts), strict=True):
            np.testing.assert_array_equal(found, expected[part])
    found = [None] * len(parts)

    def read(number):
        found[number] = values[parts[number]]

    threads = [threading.Thread(target=read, args=(n,)) for n in range(len(parts))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for part, values_of_it in zip(parts, found, strict=True):
        np.testing.assert_array_equal(values_of_it, expected[part])


def test_values_that_were_pickled_decode_again_unless_the_file_is_another(tmp_path):
    path = tmp_path / "a.ogg"
    path.write_bytes(sound_file("OGG", 2.0).getvalue())
    values = read_audio(path).values
    pickled = pickle.dumps(values)
    assert len(pickled) < 2000
    copy = pickle.loads(pickled)  # noqa: S301
    np.testing.assert_array_equal(copy[5000:6000], values[5000:6000])
    path.write_bytes(sound_file("OGG", 1.0).getvalue())
    with pytest.raises(ValueError, match=r"a\.ogg.*changed since it was opened"):
        pickle.loads(pickled)[:]  # noqa: S301
    np.testing.assert_array_equal(values[:].shape, (16000, 2))  # decoded before


@pytest.mark.parametrize("content", [b"", b"ID3", b"t,x\n0,1\n" * 99, b"\0" * 999])
def test_another_type_of_file_is_no_sound(content, tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        with pytest.raises(ValueError, match=r"must be a sound file.*format"):
            read_audio(source)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.mp3.*nothing"):
        read_audio(tmp_path / "no.mp3")


def test_sound_without_a_sample_is_refused():
    with pytest.raises(ValueError, match=r"it holds no sample"):
        read_audio(sound_file("WAV", seconds=0.0))
    with pytest.raises(ValueError, match=r"it holds no sound"):
        read_audio(video_file("mpeg4", "mp4")[0])


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "M4A"])
@settings(deadline=None, max_examples=20)
@given(content=st.binary(max_size=60), share=st.floats(0, 1))
def test_any_bytes_are_sound_or_a_value_error(kind, content, share):
    file = BASE_M4A if kind == "M4A" else sound_file(kind, seconds=0.2)
    whole = file.getvalue()
    place = int(share * len(whole))
    for broken in (content, whole[:place] + content + whole[place + len(content) :]):
        try:
            np.asarray(read_audio(io.BytesIO(broken)).values)
        except (ValueError, OSError):
            continue


BASE_M4A = av_sound("ipod", "aac", 0.2)[0]


@pytest.mark.parametrize("library", ["soundfile", "av"])
def test_a_missing_library_names_the_extra_that_has_it(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"`{library}`.*keras_dcat\[io\]"):
        read_audio(io.BytesIO(BASE_M4A.getvalue()))


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("WAV", "IMA_ADPCM"),
        ("WAV", "MS_ADPCM"),
        ("CAF", "ALAC_16"),
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
    ],
)
@pytest.mark.parametrize("memory", [2**28, 2**18, 0])
def test_slices_in_any_order_are_those_of_the_whole(format, subtype, memory):
    content = sound_file(format, seconds=9, subtype=subtype).getvalue()
    with soundfile.SoundFile(io.BytesIO(content)) as sound:
        expected = sound.read(dtype="float32", always_2d=True)
    values = read_audio(io.BytesIO(content), memory=memory).values
    in_order = np.arange(0, len(expected) - 4000, 1000)
    shuffled = np.random.default_rng(0).permutation(in_order)
    for first in [*in_order, *in_order[::-1], *shuffled]:
        found = values[first : first + 4000]
        np.testing.assert_array_equal(found, expected[first : first + 4000])
        found[:] = 0.0  # what is remembered is nobody else's
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda first: values[first : first + 4000], shuffled))
    for first, samples in zip(shuffled, found, strict=True):
        np.testing.assert_array_equal(samples, expected[first : first + 4000])


def test_windows_of_compressed_sound_in_order_decode_every_sample_once(monkeypatch):
    read, counts = soundfile.SoundFile.read, []

    def counted(sound, frames=-1, **options):
        counts.append(frames)
        return read(sound, frames, **options)

    values = read_audio(sound_file("FLAC", seconds=9)).values
    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    for first in range(0, len(values) - 4000, 1000):
        values[first : first + 4000]
    # The last sample was looked at when the file was opened, and its block is there.
    assert sum(counts) == len(values) // 2**16 * 2**16


def test_a_file_that_was_changed_is_refused_until_it_is_read_anew(tmp_path):
    path, values = tmp_path / "a.flac", None
    for samples in (np.zeros((40000, 1)), np.full((40000, 1), 0.25)):
        time.sleep(0.05)  # the clock of a file system is coarse
        soundfile.write(path, samples, 8000)
        if values is not None:
            with pytest.raises(ValueError, match=r"a\.flac.*changed since"):
                values[10000:30000]
        values = read_audio(path).values
        np.testing.assert_array_equal(values[10000:30000], samples[:20000])
