"""Compressed sound, decoded once from its start to its end."""

import re
from typing import Any, NamedTuple

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.containers import has_clock, opened, track_of
from keras_dcat.recordings.readers.kept import Kept
from keras_dcat.recordings.readers.opened_files import (
    Source,
    check_unpacked,
    reading,
    unreadable,
)

SOUND = "a sound file, or a video with sound"
_BLOCK = 2**16
# Speech at 6 kbit/s becomes 1.5 Mbit/s; what is smaller still is silence, or made up.
_MOST_TIMES = 400
# Seconds by which sound may be beside its own times. WMA has a time for several
# frames, and they go over from one such packet to the next.
_LEAST_GAP, _LEAST_GAP_OF_WMA = 0.01, 0.25


_TICK = 0.0015  # seconds; Matroska, FLV and ASF round to the millisecond


class Decoded(NamedTuple):
    """All of a sound track.

    Args:
        rate: int. Samples per second.
        start: float. Seconds at which it begins, by the file's own clock.
        samples: `Kept`. Float32 `(time, channels)`. NaN where nothing was recorded.
        missing: int. How many samples are NaN.
    """

    rate: int
    start: float
    samples: Kept
    missing: int


def decoded_by_soundfile(source: Source) -> Decoded:
    """All of a sound file that libsndfile knows.

    Args:
        source: `Source`. The file.

    Returns:
        `Decoded`.

    Raises:
        ValueError: if it is damaged or cut short, or far larger than it looks.
    """
    soundfile = require("soundfile", extra="io")
    with reading(source, SOUND), soundfile.SoundFile(source.target()) as sound:
        kept = Kept(sound.channels)
        rate, count = sound.samplerate, sound.frames
        while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
            _add(source, kept, block)
    if len(kept) < count:
        found = f"{len(kept)} samples of the {count} in its header"
        raise unreadable(source, SOUND, found)
    return Decoded(rate, 0.0, kept, 0)


def decoded_by_av(
    source: Source, track: int | None = None, is_steady: bool = False
) -> Decoded:
    """All of a sound track that FFmpeg knows, at the times that are its own.

    Args:
        source: `Source`. The file.
        track: int. Which of its sound tracks, or None if there is one only.
        is_steady: bool. Takes samples one after another, whatever their times.

    Returns:
        `Decoded`.

    Raises:
        ValueError: if it is damaged, holds no sound or several tracks without a
            choice, changes its rate or channels, or has times that go back.
    """
    with opened(source, SOUND, sound_alone=True) as container:
        stream = track_of(source, container, "audio", track)
        if stream is None:
            raise unreadable(source, SOUND, "it holds no sound")
        is_timed, name = has_clock(container), container.format.name
        sound = _Track(source, _LEAST_GAP_OF_WMA if name == "asf" else _LEAST_GAP)
        if not is_timed or is_steady:
            sound.least_gap = float("inf")
        for frame in _frames(source, container, stream):
            sound.add(*frame)
        length = stream.duration if name == "flac" else None
    if sound.kept is None or not len(sound.kept):
        raise unreadable(source, SOUND, "it holds no sample")
    if name == "mp3":
        _check_frames(source, sound)
    if length and len(sound.kept) < length:  # of FLAC, in samples
        found = f"{len(sound.kept)} samples of the {length} in its header"
        raise unreadable(source, SOUND, found)
    begin = sound.start if is_timed and sound.start is not None else 0.0
    return Decoded(sound.rate, begin, sound.kept, sound.missing)


def _frames(source, container, stream):
    """Rate, time in seconds or None, and samples of every frame."""
    with reading(source, SOUND):
        for frame in container.decode(stream):
            samples = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            time = None if frame.pts is None else float(frame.pts * frame.time_base)
            yield frame.sample_rate, time, _from_minus_1_to_1(samples.T)


def _from_minus_1_to_1(samples):
    if samples.dtype.kind == "f":
        return samples.astype("float32")
    full = float(2 ** (8 * samples.itemsize - 1))
    if samples.dtype.kind == "u":  # 128 of 0 to 255 is silence
        return (samples / full - 1.0).astype("float32")
    return (samples / full).astype("float32")


class _Track:
    """A sound track while it is decoded."""

    def __init__(self, source, least_gap):
        self.source, self.least_gap = source, least_gap
        # Of the first frame.
        self.rate: Any = None
        self.kept: Any = None
        self.start: float | None = None
        self.missing = 0
        # The time at which samples began to follow one another, and how many did.
        self.since, self.run = None, 0

    def add(self, rate, time, samples):
        """The samples of a frame, after as much of nothing as its time says."""
        channels = samples.shape[1]
        if self.kept is None:
            self.rate, self.kept = rate, Kept(channels)
        if (rate, channels) != (self.rate, self.kept.channels):
            found = (
                f"{self.rate} Hz and {self.kept.channels} channels become {rate} Hz "
                f"and {channels} after {len(self.kept)} samples"
            )
            raise unreadable(self.source, SOUND, found)
        if time is not None:
            self._go_to(time, len(samples))
        self.run += len(samples)
        _add(self.source, self.kept, samples)

    def _go_to(self, time, frame):
        if self.since is None:
            self.since = time - self.run / self.rate
            self.start = self.since
        gap = time - self.since - self.run / self.rate
        if abs(gap) < self.least_gap:
            return
        count = round(gap * self.rate)
        if count < 0:
            raise ValueError(
                "The times of a file's sound must rise as its rate says. "
                f"Received: {self.source.name!r}, whose sound at {time:.3f} s begins "
                f"{-gap:.3f} s before what was there ends. If samples were lost "
                f"nowhere, pass rate={self.rate} to take one after another."
            )
        whole = round(count / frame) * frame if frame else 0
        if whole and abs(whole - count) < _TICK * self.rate:
            self.run += (count := whole)  # so many frames were lost
        else:
            self.since, self.run = time, 0
        self.missing += count
        while count:
            nothing = np.full((min(count, _BLOCK), self.kept.channels), np.nan, "f4")
            count -= len(nothing)
            _add(self.source, self.kept, nothing)


def _add(source, kept, samples):
    size = 4 * kept.channels * (len(kept) + len(samples))
    check_unpacked(source, size, times=_MOST_TIMES)
    kept.append(samples)


def _check_frames(source, sound):
    """Refuses an MP3 that has not as many frames as the first of them says."""
    with source.opened() as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # tags come first, with a size of seven bits a byte
            size = sum(byte << 7 * place for place, byte in enumerate(head[:5:-1]))
            file.seek(10 + size)
        else:
            file.seek(0)
        found = re.search(rb"(?:Xing|Info)...(.)(....)", file.read(2**12), re.DOTALL)
    if found is None or not found[1][0] & 1:
        return
    # Of the first and last frames the encoder leaves out what it has added.
    frame = 1152 if sound.rate >= 32000 else 576
    declared, count = int.from_bytes(found[2]) * frame, len(sound.kept)
    if count < declared - 4 * frame:
        text = f"{count} samples of about {declared} in its header"
        raise unreadable(source, SOUND, text)
    if 0 < declared < count - 2 * frame:
        raise ValueError(
            "An MP3 must hold as much sound as its first frame says. "
            f"Received: {source.name!r} with {count} samples where it says about "
            f"{declared}, as when files are joined end to end. Read the parts, or "
            "decode it to WAV by another program, and listen to the joints."
        )
