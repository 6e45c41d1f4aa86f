"""Video, decoded where it is sliced."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.containers import opened, track_of
from keras_dcat.recordings.readers.endings import cut_short
from keras_dcat.recordings.readers.files import (
    File,
    as_stream,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.lazy import LazyValues
from keras_dcat.recordings.stream import Stream

_VIDEO = "a video file (MP4, MOV, MKV, WebM, AVI, MPEG)"
_MOST_PIXELS = 2**26  # of a frame; 8K video has half as many


def read_video(
    path: File,
    *,
    track: int | None = None,
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
        track: int. Which of the video tracks, from 0, if there are several.
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
    if missing := cut_short(source):
        raise unreadable(source, _VIDEO, missing)
    with opened(source, _VIDEO) as container:
        chosen = track_of(source, container, "video", track)
        if chosen is None:
            raise unreadable(source, _VIDEO, "it holds no video")
        with reading(source, _VIDEO):
            listed = _listed(container, chosen)
    if isinstance(listed, str):
        raise unreadable(source, _VIDEO, listed)
    marks, keys, tick, own_size = listed
    values = _VideoValues(source, chosen.index, marks, keys, size or own_size)
    if rate is not None or time is not None:
        return as_stream(source, values, rate, start, time, time_unit)
    return as_stream(source, values, None, start, marks, tick)


class _VideoValues(LazyValues):
    """Frames that are decoded for each slice, found by their time marks."""

    def __init__(self, source, track, marks, keys, size):
        super().__init__((len(marks), *size, 3), "uint8")
        self.source, self.track, self.marks, self.keys = source, track, marks, keys

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
        with opened(self.source, _VIDEO) as container, reading(self.source, _VIDEO):
            track = container.streams[self.track]
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


def _listed(container: Any, track: Any) -> tuple | str:
    """Time marks of all frames and of key frames, seconds per unit of them, size.

    Or what is wrong. Packets are listed, not decoded.
    """
    size = track.codec_context.height, track.codec_context.width
    frames, end = [], 0.0
    for packet in container.demux():
        mark = packet.dts if packet.pts is None else packet.pts
        if mark is None:
            continue
        end = max(end, (mark + (packet.duration or 0)) * packet.time_base)
        if packet.stream_index == track.index:
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
