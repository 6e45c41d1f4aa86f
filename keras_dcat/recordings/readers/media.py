"""Sound and video, decoded where they are sliced."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.files import (
    File,
    Source,
    as_stream,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.lazy import LazyValues
from keras_dcat.recordings.stream import Stream

_AUDIO = "a sound file (WAV, FLAC, OGG, MP3)"
_VIDEO = "a video file (MP4, MOV, MKV, WebM, AVI, MPEG)"
# Formats that hold frames; a playlist would open other files, or the network.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,asf,flv"
# Sizes from here on are what writers put that did not know it.
_UNKNOWN_WAV_SIZE = 0x7FFF0000
_MOST_PIXELS = 2**26  # of a frame; 8K video has half as many


def read_audio(path: File, *, rate: float | None = None, start: float = 0.0) -> Stream:
    """A sound file, of which only the slices asked for are decoded.

    Args:
        path: str or path, or a file open in binary mode, which is held in memory.
            WAV, FLAC, OGG or MP3. A file cut short is refused, except OGG, which
            does not say how long it should be.
        rate: float. Samples per second, in Hz, if the one in the file's header is
            known to be wrong.
        start: float. Time of the first sample, in seconds.

    Returns:
        `Stream` of lazy float32 values `(time, channels)` from -1 to 1.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, holds no sample, or is cut short.
        ImportError: if soundfile, which reads the file, is not installed.

    Example:

    >>> import io, soundfile
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros((16000, 2)), 16000, format="WAV")
    >>> _ = file.seek(0)
    >>> stream = read_audio(file)
    >>> stream.span, stream.values[4000:8000].shape
    ((0.0, 1.0), (4000, 2))
    """
    soundfile = require("soundfile", extra="io")
    source = source_of(path)
    head = source.head(8)
    declared = int.from_bytes(head[4:], "little")
    # One byte: some writers count the padding of an odd size that they left out.
    if head[:4] == b"RIFF" and source.size + 1 < declared + 8 < _UNKNOWN_WAV_SIZE:
        found = f"{source.size} bytes of the {declared + 8} in its header"
        raise unreadable(source, _AUDIO, found)
    with reading(source, _AUDIO), soundfile.SoundFile(source.target()) as sound:
        shape, header_rate = (sound.frames, sound.channels), sound.samplerate
    if not shape[0]:
        raise unreadable(source, _AUDIO, "it holds no sample")
    values = _AudioValues(source, shape)
    values[-1]  # a file cut short is found now and not in the middle of training
    return as_stream(source, values, header_rate if rate is None else rate, start)


def read_video(
    path: File,
    *,
    size: tuple[int, int] | None = None,
    time: Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
) -> Stream:
    """A video file, of which only the slices asked for are decoded.

    Opening it lists the frames without decoding any. A slice begins to decode at
    the key frame before it, so a file with a key frame every second or so is read
    faster than one with few of them. Frames are as they are stored: the turn that
    a telephone notes beside them is not applied.

    Args:
        path: str or path, or a file open in binary mode, which is held in memory.
            MP4, MOV, MKV, WebM, AVI or MPEG.
        size: tuple of int `(height, width)`. Frames are scaled to it.
        time: float array `(time,)`. Time of every frame, instead of the file's
            own times.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Frames per second, in Hz, instead of the file's own times.
        start: float. Seconds at which the file's own clock reads 0.

    Returns:
        `Stream` of lazy uint8 values `(time, height, width, 3)`, red, green, blue.
        It has the time of every frame unless `rate` is given, so that a rate that
        varies is kept.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, holds no frame, or is cut short, or
            if `size` is not two positive numbers, or a frame has more than 2²⁶ pixels.
        ImportError: if PyAV, which reads the file, is not installed.

    Example:

    >>> import av, io
    >>> file = io.BytesIO()
    >>> with av.open(file, "w", format="mp4") as video:
    ...     track = video.add_stream("mpeg4", rate=25)
    ...     track.width, track.height = 64, 48
    ...     for _ in range(50):
    ...         video.mux(track.encode(av.VideoFrame(64, 48, "yuv420p")))
    ...     video.mux(track.encode())
    >>> _ = file.seek(0)
    >>> stream = read_video(file, size=(24, 32))
    >>> stream.values.shape, stream.times[:3].tolist()
    ((50, 24, 32, 3), [0.0, 0.04, 0.08])
    """
    require("av", extra="io")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(
            "`size` must be the height and the width of a frame. "
            f"Received: size={size}. Pass two positive ints, such as (112, 112)."
        )
    source = source_of(path)
    with reading(source, _VIDEO), _opened(source) as container:
        listed = _listed(container)
    if isinstance(listed, str):
        raise unreadable(source, _VIDEO, listed)
    marks, keys, tick, own_size = listed
    values = _VideoValues(source, marks, keys, size or own_size)
    if rate is not None or time is not None:
        return as_stream(source, values, rate, start, time, time_unit)
    return as_stream(source, values, None, start, marks, tick)


class _AudioValues(LazyValues):
    """Samples that are decoded for each slice."""

    may_hold_nan = False

    def __init__(self, source, shape):
        super().__init__(shape, "float32")
        self.source = source

    def _read(self, first, last):
        soundfile = require("soundfile", extra="io")
        with (
            reading(self.source, _AUDIO),
            soundfile.SoundFile(self.source.target()) as sound,
        ):
            sound.seek(first)
            values = sound.read(last - first, dtype="float32", always_2d=True)
        if len(values) < last - first:
            found = f"{first + len(values)} samples of the {len(self)} in its header"
            raise unreadable(self.source, _AUDIO, found)
        return values


class _VideoValues(LazyValues):
    """Frames that are decoded for each slice, found by their time marks."""

    def __init__(self, source, marks, keys, size):
        super().__init__((len(marks), *size, 3), "uint8")
        self.source, self.marks, self.keys = source, marks, keys

    def _read(self, first, last):
        wanted = self.marks[first:last].tolist()
        before = self.keys[self.keys <= wanted[0]]
        frames, absent = self._decoded(wanted, before[-1] if len(before) else None)
        if absent and len(before):  # the container's index led past the key frame
            frames, absent = self._decoded(wanted, None)
        if absent:
            found = f"{len(absent)} of the frames {first} to {last - 1} do not decode"
            raise unreadable(self.source, _VIDEO, found)
        return frames

    def _decoded(self, wanted, key):
        """Frames with the wanted marks, and those marks that did not come."""
        frames = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        absent = {mark: number for number, mark in enumerate(wanted)}
        height, width = self.shape[1:3]
        with reading(self.source, _VIDEO), _opened(self.source) as container:
            track = container.streams.video[0]
            # A frame may be of another size than the header says.
            track.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
            if key is not None:
                container.seek(int(key), stream=track)
            for frame in container.decode(track):
                if frame.pts is None or frame.pts < wanted[0]:
                    continue
                if frame.pts in absent:
                    scaled = frame.reformat(width, height, "rgb24")
                    frames[absent.pop(frame.pts)] = scaled.to_ndarray()
                if frame.pts >= wanted[-1]:
                    break
        return frames, absent


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Any]:
    av = require("av", extra="io")
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    with av.open(source.target(), options=options) as container:
        yield container


def _listed(container: Any) -> tuple | str:
    """Time marks of all frames and of key frames, seconds per unit of them, size.

    Or what is wrong. Packets are listed, not decoded.
    """
    if not container.streams.video:
        return "it holds no video"
    track = container.streams.video[0]
    size = track.codec_context.height, track.codec_context.width
    frames, end = [], 0.0
    for packet in container.demux():
        mark = packet.dts if packet.pts is None else packet.pts
        if mark is None:
            continue
        end = max(end, (mark + (packet.duration or 0)) * packet.time_base)
        if packet.stream is track:
            frames.append((mark, packet.is_keyframe, packet.is_discard))
    marks = np.unique([mark for mark, _, drop in frames if not drop]).astype("int64")
    keys = np.unique([mark for mark, is_key, _ in frames if is_key]).astype("int64")
    if not len(marks) or min(size) < 1:
        return "it holds no frame"
    if size[0] * size[1] > _MOST_PIXELS:
        return f"frames of {size[0]} × {size[1]}, more than {_MOST_PIXELS} pixels"
    if "mp4" in container.format.name and len(frames) < track.frames:
        return f"{len(frames)} frames of the {track.frames} in its header"
    if "matroska" in container.format.name and container.duration:
        seconds, step = container.duration / 1e6, np.ptp(marks) / max(1, len(marks) - 1)
        if end + 2 * step * track.time_base < seconds:
            return f"{float(end):.3f} s of the {seconds:.3f} s in its header"
    return marks, keys, float(track.time_base), size
