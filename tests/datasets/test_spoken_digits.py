import pathlib
import wave
import zipfile

import numpy as np
import pytest

from keras_dcat.datasets.spoken_digits import load_spoken_digits, official_split

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "fsdd"


def write_digit(folder, name, samples, rate=8000, channels=1, width=2):
    (folder / "recordings").mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / "recordings" / f"{name}.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, f"<i{width}").tobytes())


def tone(frequency, seconds=1.0, amplitude=10000):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(8000 * seconds) / 8000)


@pytest.fixture
def folder(tmp_path):
    write_digit(tmp_path / "data", "7_theo_32", tone(100))
    return tmp_path / "data"


def test_samples_are_parts_of_full_scale(folder):
    write_digit(folder, "3_lucas_0", [0, 1, -32768, 32767, 16384])
    recording, _ = load_spoken_digits(folder, narrow_band_rate=None)
    assert (recording.label, recording.subject) == (3, "lucas")
    assert recording.session == "spoken_digits/3_lucas_0"
    assert list(recording.streams) == ["audio"]
    audio = recording.streams["audio"]
    assert (audio.rate, audio.values.dtype) == (8000, "float32")
    assert audio.values[:, 0].tolist() == [0.0, 2**-15, -1.0, 1 - 2**-15, 0.5]


@pytest.mark.parametrize(("frequency", "left"), [(100, 1.0), (300, 1.0), (800, 0.0)])
def test_the_narrow_band_keeps_what_it_can_show_and_nothing_else(
    tmp_path, frequency, left
):
    write_digit(tmp_path, "1_theo_1", tone(frequency))
    (recording,) = load_spoken_digits(tmp_path)
    narrow = recording.streams["narrow_band"]
    assert (narrow.rate, narrow.values.shape, narrow.span) == (
        1000.0,
        (1000, 1),
        (0, 1),
    )
    times = np.arange(1000) / 1000
    expected = left * 10000 / 2**15 * np.sin(2 * np.pi * frequency * times)
    inside = slice(50, -50)  # the filter's edges aside
    np.testing.assert_allclose(
        narrow.values[inside, 0], expected[inside], atol=0.02 * 10000 / 2**15
    )


def test_recordings_come_by_digit_speaker_and_index_and_split_as_published(folder):
    for speaker in ("theo", "anna"):
        for index in (10, 4, 5, 0):
            write_digit(folder, f"2_{speaker}_{index}", [1, 2])
    recordings = load_spoken_digits(folder, narrow_band_rate=None)
    sessions = [r.session.removeprefix("spoken_digits/") for r in recordings]
    assert sessions == [
        *(f"2_anna_{i}" for i in (0, 4, 5, 10)),
        *(f"2_theo_{i}" for i in (0, 4, 5, 10)),
        "7_theo_32",
    ]
    train, test = official_split(recordings)
    assert [r.session.rsplit("_")[-1] for r in test] == ["0", "4", "0", "4"]
    assert len(train) + len(test) == len(recordings)


def test_a_zip_is_read_like_a_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in folder.rglob("*.wav"):
            archive.write(path, path.relative_to(folder))
    (zipped,) = load_spoken_digits(tmp_path / "data.zip")
    (unzipped,) = load_spoken_digits(folder)
    for name, stream in unzipped.streams.items():
        np.testing.assert_array_equal(zipped.streams[name].values, stream.values)


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"rate": 16000}, "16000 Hz, 1 channels, 16 bits"),
        ({"channels": 2}, "8000 Hz, 2 channels, 16 bits"),
        ({"width": 4}, "8000 Hz, 1 channels, 32 bits"),
    ],
)
def test_another_kind_of_sound_is_refused_with_the_remedy(folder, options, received):
    write_digit(folder, "0_theo_0", [1, 2, 3, 4], **options)
    with pytest.raises(ValueError, match=rf"0_theo_0\.wav.*{received}.*zenodo"):
        load_spoken_digits(folder)


@pytest.mark.parametrize(
    ("kept", "received"),
    [(0, "cannot be read"), (20, "cannot be read"), (1044, "500 of 8000 samples")],
)
def test_a_cut_file_is_refused_with_the_remedy(folder, kept, received):
    path = folder / "recordings" / "7_theo_32.wav"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"7_theo_32\.wav.*{received}.*zenodo"):
        load_spoken_digits(folder)


@pytest.mark.parametrize("rate", [0, -1.0, 8000, float("nan")])
def test_a_narrow_band_that_is_none_is_refused_before_anything_is_read(rate):
    with pytest.raises(ValueError, match=r"between 0 and 8000.*None for none"):
        load_spoken_digits("nowhere", narrow_band_rate=rate)


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    (tmp_path / "other.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"without one.*zenodo\.1342401"):
        load_spoken_digits(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*zenodo\.1342401"):
        load_spoken_digits(tmp_path / "nowhere")


@pytest.mark.skipif(not SHARED.exists(), reason="FSDD is not on this machine")
def test_the_published_files_are_read():
    recordings = load_spoken_digits(SHARED / "fsdd.zip", narrow_band_rate=None)
    assert len(recordings) == 3000
    pairs = [(r.label, r.subject) for r in recordings]
    assert len(set(pairs)) == 60
    assert {pairs.count(pair) for pair in set(pairs)} == {50}
    durations = [r.streams["audio"].duration for r in recordings]
    assert (min(durations), max(durations)) == (0.1435, 2.28275)
    peaks = [np.abs(r.streams["audio"].values).max() for r in recordings]
    assert 0 < min(peaks) < max(peaks) <= 1
    assert [len(part) for part in official_split(recordings)] == [2700, 300]
