"""Free Spoken Digit Dataset: ten digits, six speakers, two bandwidths."""

import os
import re
import wave

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.recordings import Recording, Stream

CLASS_NAMES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
RATE = 8000
TEST_INDICES = range(5)  # of the 50 recordings of a digit by a speaker
_MEMBER = re.compile(r"(?:^|/)(\d)_([^/_]+)_(\d+)\.wav$")
_REMEDY = (
    "Download it from https://doi.org/10.5281/zenodo.1342401; members are named "
    "recordings/7_jackson_32.wav."
)


def load_spoken_digits(
    path: str | os.PathLike, narrow_band_rate: float | None = 1000.0
) -> list[Recording]:
    """3,000 spoken digits, 50 of each by each of 6 speakers, 0.1 to 2.3 s each.

    The second stream is the same sound as a slow microphone would hear it. At
    1,000 samples per second the pitch of the voice is left and most of what
    words are made of is gone; what is above half the rate is filtered out first.

    Official protocol: `official_split`. For voices never heard, split by subject.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members.
        narrow_band_rate: float, in Hz. Rate of the stream `narrow_band`. None
            leaves it out.

    Returns:
        list of `Recording`, by digit, speaker and index, with labels that index
        `CLASS_NAMES`, the speaker's name as subject, and the streams `audio`
        `(time, 1)` at 8,000 Hz and `narrow_band` `(time, 1)`, float32, in parts
        of full scale, from -1 to 1.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no recording of the data set, or one that is not
            8,000 Hz, mono, 16-bit PCM, or if `narrow_band_rate` is not between 0
            and 8,000 Hz.

    Reference:
        Jackson et al., [Free Spoken Digit Dataset](
        https://doi.org/10.5281/zenodo.1342401). Data: CC BY-SA 4.0.
    """
    if narrow_band_rate is not None and not 0 < narrow_band_rate < RATE:
        raise ValueError(
            f"`narrow_band_rate` must be between 0 and {RATE} Hz. "
            f"Received: narrow_band_rate={narrow_band_rate}. "
            "Give a lower rate than that of the recordings, or None for none."
        )
    archive = Archive(path, _REMEDY)
    members = {}
    for name in archive.names():
        match = _MEMBER.search(name)
        if match:
            digit, speaker, number = match.groups()
            members[int(digit), speaker, int(number)] = name
    if not members:
        raise ValueError(
            "The archive must hold WAV files of the Free Spoken Digit Dataset. "
            f"Received: {str(path)!r} without one. {_REMEDY}"
        )
    with archive.reader() as read:
        return [
            _recording(_samples(read(name), name), member, narrow_band_rate)
            for member, name in sorted(members.items())
        ]


def official_split(
    recordings: list[Recording],
) -> tuple[list[Recording], list[Recording]]:
    """The publisher's split: of each digit and speaker, the first 5 are held out.

    Every speaker is on both sides; it says nothing about voices never heard.

    Args:
        recordings: list of `Recording`, from `load_spoken_digits`.

    Returns:
        `(train, test)`, two lists of `Recording`.

    Example:

    >>> audio = {"audio": Stream(np.zeros((800, 1)), 8000)}
    >>> sessions = ["spoken_digits/7_theo_4", "spoken_digits/7_theo_5"]
    >>> train, test = official_split([Recording(audio, 7, "theo", s) for s in sessions])
    >>> train[0].session, test[0].session
    ('spoken_digits/7_theo_5', 'spoken_digits/7_theo_4')
    """
    train: list[Recording] = []
    test: list[Recording] = []
    for recording in recordings:
        index = int(recording.session.rsplit("_", 1)[1])
        (test if index in TEST_INDICES else train).append(recording)
    return train, test


def _recording(samples, member, narrow_band_rate):
    digit, speaker, number = member
    streams = {"audio": Stream(samples, RATE)}
    if narrow_band_rate is not None:
        streams["narrow_band"] = streams["audio"].resampled(narrow_band_rate)
    return Recording(
        streams=streams,
        label=digit,
        subject=speaker,
        session=f"spoken_digits/{digit}_{speaker}_{number}",
    )


def _samples(file, name):
    """Samples of a WAV file, float32 `(time, 1)`, in parts of full scale."""
    try:
        with wave.open(file) as recording:
            count = recording.getnframes()
            layout = (
                f"{recording.getframerate()} Hz, {recording.getnchannels()} channels, "
                f"{8 * recording.getsampwidth()} bits"
            )
            content = recording.readframes(count)
    except (wave.Error, EOFError, RuntimeError) as error:
        layout, content, count = f"a file that cannot be read ({error})", b"", 0
    if layout != f"{RATE} Hz, 1 channels, 16 bits" or not 0 < 2 * count == len(content):
        raise ValueError(
            f"{name!r} must be a WAV file of {RATE} Hz, 1 channel and 16-bit PCM. "
            f"Received: {layout}, {len(content) // 2} of {count} samples. "
            f"Convert it, or fetch it again. {_REMEDY}"
        )
    return np.frombuffer(content, "<i2").astype("float32")[:, None] / 2**15
