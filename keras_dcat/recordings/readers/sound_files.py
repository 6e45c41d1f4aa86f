"""Sound, read where it is sliced, or decoded once where that would be wrong."""

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.block_memory import MEMORY
from keras_dcat.recordings.readers.decoded_copies import decoded_copy
from keras_dcat.recordings.readers.decoding import (
    SOUND,
    decoded_by_av,
    decoded_by_soundfile,
)
from keras_dcat.recordings.readers.endings import cut_short, ogg_streams
from keras_dcat.recordings.readers.open_decoders import DECODERS
from keras_dcat.recordings.readers.opened_files import (
    File,
    as_stream,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.remembered import (
    DEFAULT_MEMORY,
    RememberedValues,
    check_memory,
)
from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.recordings.stream import Stream

# A seek of libsndfile lands on the sample in these formats and subtypes, which was
# measured for each; in MP3, Vorbis and Opus it lands beside it.
_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "NIST", "VOC"}
_FORMATS |= {"AVR", "HTK", "SVX", "MAT4", "MAT5", "MPC2K", "PAF", "PVF", "IRCAM", "WVE"}
_SUBTYPES = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"}
_SUBTYPES |= {"ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"}
_SUBTYPES |= {f"ALAC_{bits}" for bits in (16, 20, 24, 32)}
# Of these a slice takes longer to decode than to copy.
_SMALL_SUBTYPES = {"IMA_ADPCM", "MS_ADPCM", "ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32"}
_BLOCK = 2**14  # samples that are decoded at once
_MOST_FRAMES = 2**48  # more is what it says of a FLAC that does not know its length


def read_audio(
    path: File,
    *,
    track: int | None = None,
    rate: float | None = None,
    start: float = 0.0,
    memory: int = DEFAULT_MEMORY,
    decoded_folder: str | os.PathLike | None = None,
) -> Stream:
    """Sound of a sound file or of a video, exact to the sample in every slice.

    Of WAV, FLAC, AIFF and other files without loss, only the slices asked for are
    read; what is compressed in them is decoded once for slices in order, and stays in
    `memory`. Sound compressed with loss cannot be entered in the middle without
    error, so MP3, OGG, M4A and the sound of a video are decoded once, when they are
    opened (an hour of MP3 in some 15 s), into a temporary file of 4 bytes a sample:
    635 MB for an hour of one channel at 44.1 kHz, in the folder that `TMPDIR` names.
    Values that are pickled decode once more where they are unpickled. With a
    `decoded_folder`, that is done once and for all.

    Args:
        path: str or path, or a file open in binary mode, which is held in memory.
            WAV, FLAC, AIFF, CAF, OGG, Opus, MP3, M4A, AAC, WMA, AMR, or the sound of
            MP4, MOV, 3GP, MKV, WebM, AVI or MPEG. It is known by its content and
            not by its name. A file cut short is refused, unless it does not say how
            long it should be: AAC, AMR, MP3 without a Xing header, MPEG program
            streams, and what is cut between two parts that are whole.
        track: int. Which of the sound tracks, from 0, if there are several.
        rate: float. Samples per second, in Hz, if the one in the file is known to
            be wrong. Samples are then taken one after another, whatever their times.
        start: float. Seconds at which the file's own clock reads 0, which is the
            first sample, but in a container whose sound begins later than its
            clock. So `read_video` and this, with the same `start`, agree.
        memory: int. Bytes of decoded samples that stay, of all files that are read, as
            in `read_video`. 0 keeps none.
        decoded_folder: str or path. A folder for copies of what is compressed, as in
            `read_video`: they take 4 bytes a sample.

    Returns:
        `Stream` of lazy float32 values `(time, channels)` from -1 to 1, at the rate
        and with the channels of the file. NaN stands where sound was lost, by the
        times in the file, so that what follows is not early.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, holds no sample, or is cut short; if it
            has several sound tracks and no `track` says which; if its rate or its
            channels change, or its times go back; if `memory` is no number of bytes.
        OSError: if there is no room for what is decoded.
        ImportError: if soundfile or PyAV, which read the file, is not installed.

    Example:

    >>> import io, numpy, soundfile
    >>> file = io.BytesIO()
    >>> soundfile.write(file, numpy.zeros((16000, 2)), 16000, format="WAV")
    >>> _ = file.seek(0)
    >>> stream = read_audio(file)
    >>> stream.span, stream.values[4000:8000].shape
    ((0.0, 1.0), (4000, 2))
    """
    check_memory(memory)
    source = source_of(path)
    if missing := cut_short(source):
        raise unreadable(source, SOUND, missing)

    def kept(make: Callable) -> Any:
        """What `make` decodes, or its copy in the folder."""
        if decoded_folder is None:
            return make()
        settings = "sound", track, rate is not None
        return decoded_copy(source, decoded_folder, settings, make, ("rate", "start"))

    values = _values(source, track, rate is not None, memory, kept)
    own_rate = values.rate if rate is None else rate
    return as_stream(source, values, own_rate, start + values.start)


def _values(source, track, is_steady, memory, kept):
    soundfile = require("soundfile", extra="io")

    def by_av():
        decode = functools.partial(decoded_by_av, track=track, is_steady=is_steady)
        return _DecodedValues(source, decode)

    try:
        with reading(source, SOUND), soundfile.SoundFile(source.target()) as sound:
            shape, rate = (sound.frames, sound.channels), sound.samplerate
            format, subtype = sound.format, sound.subtype
    except ValueError:  # which it does not know, or not any more
        return kept(by_av)
    # Lengths that libsndfile gives of an MP3 are estimates, and it reads no further.
    is_guessed = subtype.startswith("MPEG") or shape[0] > _MOST_FRAMES
    if is_guessed or (format == "OGG" and not _is_one_stream(source)):
        return kept(by_av)
    if track not in (None, 0):
        raise ValueError(
            "`track` must be one of the sound tracks of a file. "
            f"Received: track={track} for {source.name!r}, which has one. Leave it out."
        )
    if not shape[0]:
        raise unreadable(source, SOUND, "it holds no sample")
    by_soundfile = functools.partial(_DecodedValues, source, decoded_by_soundfile)
    if format not in _FORMATS or subtype not in _SUBTYPES:
        return kept(by_soundfile)
    is_small = format == "FLAC" or subtype in _SMALL_SUBTYPES
    values = _ExactValues(source, shape, rate, subtype, memory if is_small else 0)
    try:
        values[-1]  # a file cut short is found now and not in the middle of training
    except ValueError:  # or one that cannot be entered, such as FLAC after ID3 tags
        return kept(by_soundfile)
    return kept(lambda: values) if is_small else values


def _is_one_stream(source):
    """Whether an OGG file is nothing but one whole sound."""
    count, is_chained, missing = ogg_streams(source)
    if missing:
        raise unreadable(source, SOUND, missing)
    if is_chained:
        raise ValueError(
            "An OGG file must be one sound, and not several end to end. "
            f"Received: {source.name!r}, in which another begins after the first. "
            "Read the parts, or decode it to WAV by another program."
        )
    return count == 1


class _ExactValues(RememberedValues):
    """Samples of a format in which a seek is exact, read for each slice.

    With `memory` they are read in blocks, and each is decoded once.
    """

    start = 0.0

    def __init__(self, source, shape, rate, subtype, memory):
        super().__init__(source, shape, "float32", memory)
        self.rate = rate
        self.may_hold_nan = subtype in ("FLOAT", "DOUBLE")

    def _read(self, first, last):
        version = self._version()
        if not self.memory:
            return self._decoded(version, first, last)
        values = np.empty((last - first, *self.shape[1:]), self.dtype)
        numbers = range(first // _BLOCK, -(-last // _BLOCK))
        known = MEMORY.find(version, numbers)
        for number in numbers:
            begin, end = number * _BLOCK, min((number + 1) * _BLOCK, len(self))
            if number not in known:
                known[number] = self._decoded(version, begin, end)
                MEMORY.keep(version, {number: known[number]}, self.memory)
            low, high = max(begin, first), min(end, last)
            values[low - first : high - first] = known[number][
                low - begin : high - begin
            ]
        return values

    def _decoded(self, version, first, last):
        sound = DECODERS.take(version, lambda some: _nearest(some, first))
        with reading(self.source, SOUND):
            if sound is None:
                sound = require("soundfile", extra="io").SoundFile(self.source.target())
            try:
                if sound.tell() != first:
                    sound.seek(first)
                values = sound.read(last - first, dtype="float32", always_2d=True)
            except BaseException:
                sound.close()
                raise
        if len(values) < last - first:
            sound.close()
            found = f"{first + len(values)} samples of the {len(self)} in its header"
            raise unreadable(self.source, SOUND, found)
        DECODERS.put_back(version, sound)
        return values


def _nearest(sounds, first):
    """The one that is at a sample already, or any."""
    return next((sound for sound in sounds if sound.tell() == first), sounds[0])


class _DecodedValues(LazyValues):
    """Samples that were decoded from the first to the last."""

    def __init__(self, source, decode):
        decoded = decode(source)
        super().__init__((len(decoded.samples), decoded.samples.channels), "float32")
        self.source, self.decode = source, decode
        self.rate, self.start, self.missing = (
            decoded.rate,
            decoded.start,
            decoded.missing,
        )
        self.may_hold_nan = self.missing > 0
        self._samples = decoded.samples

    def __getstate__(self):
        return {**self.__dict__, "_samples": None}

    def _read(self, first, last):
        if self._samples is None:  # unpickled, perhaps in another process
            samples = self.decode(self.source).samples
            if (len(samples), samples.channels) != self.shape:
                found = f"shape {len(samples), samples.channels}, {self.shape} at first"
                raise unreadable(self.source, SOUND, found)
            self._samples = samples
        return self._samples.read(first, last)
