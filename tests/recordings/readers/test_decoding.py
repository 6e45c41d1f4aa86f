import io

import av
import numpy as np
import pytest
import soundfile

from keras_dcat.recordings.readers import decoding
from keras_dcat.recordings.readers.decoding import decoded_by_av, decoded_by_soundfile
from keras_dcat.recordings.readers.opened_files import Source
from tests.recordings.readers.media_files import av_sound, sound_file


def source(file):
    return Source("a file", file.getvalue())


@pytest.mark.parametrize("format", ["OGG", "WAV"])
def test_soundfile_decodes_all_of_it(format):
    file = sound_file(format, 2.0, 48000)
    expected, _ = soundfile.read(file, dtype="float32")
    rate, start, samples, missing = decoded_by_soundfile(source(file))
    assert (rate, start, missing) == (48000, 0.0, 0)
    np.testing.assert_array_equal(samples.read(0, len(samples)), expected)


@pytest.mark.parametrize(
    ("codec", "form", "tolerance"),
    [
        ("pcm_u8", "u8", 2**-7),
        ("pcm_s16le", "s16", 2**-15),
        ("pcm_s32le", "s32", 2**-22),
        ("pcm_f64le", "dbl", 2**-22),
    ],
)
def test_all_kinds_of_numbers_become_minus_1_to_1(codec, form, tolerance):
    wave = np.sin(np.arange(8000) / 20)[None].astype("float32")
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        track = container.add_stream(codec, rate=8000)
        track.layout = "mono"
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        frame.sample_rate = 8000
        for converted in av.AudioResampler(form, "mono", 8000).resample(frame):
            container.mux(track.encode(converted))
    samples = decoded_by_av(source(file)).samples
    np.testing.assert_allclose(samples.read(0, 8000), wave.T, atol=1.01 * tolerance)


def test_sound_that_changes_its_rate_is_refused():
    track = decoding._Track(Source("a file", b""), 0.01)
    track.add(8000, 0.0, np.zeros((80, 1), "float32"))
    with pytest.raises(ValueError, match=r"8000 Hz and 1 channels become 16000 Hz"):
        track.add(16000, 0.01, np.zeros((80, 1), "float32"))


def test_a_gap_that_would_fill_the_disk_is_refused(monkeypatch):
    monkeypatch.setattr("keras_dcat.storage._ALWAYS", 2**20)
    track = decoding._Track(Source("a file", b"1"), 0.01)
    track.add(8000, 0.0, np.zeros((80, 1), "float32"))
    with pytest.raises(ValueError, match="400 times"):
        track.add(8000, 1e9, np.zeros((80, 1), "float32"))


def test_a_header_that_counts_more_or_fewer_frames_of_an_mp3_is_believed():
    content = bytearray(sound_file("MP3", 4.0, 16000).getvalue())
    place = max(content.find(b"Xing"), content.find(b"Info")) + 8
    count = int.from_bytes(content[place : place + 4])
    assert count * 576 >= 4 * 16000
    for wrong, words in ((2 * count, "in its header"), (count // 2, "end to end")):
        content[place : place + 4] = wrong.to_bytes(4)
        with pytest.raises(ValueError, match=words):
            decoded_by_av(Source("a file", bytes(content)))


def test_video_without_sound_is_refused():
    file, _ = av_sound("ipod", "aac")
    assert len(decoded_by_av(source(file)).samples) >= 32000
    with pytest.raises(ValueError, match="must be a sound file"):
        decoded_by_av(Source("a file", b"\0" * 500))
