"""Video, decoded where it is sliced."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.containers import opened, track_of
from keras_dcat.recordings.readers.decoded_copies import decoded_copy
from keras_dcat.recordings.readers.endings import cut_short
from keras_dcat.recordings.readers.opened_files import (
    File,
    Source,
    as_stream,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.remembered import DEFAULT_MEMORY, check_memory
from keras_dcat.recordings.readers.video_frames import (
    MOST_PIXELS,
    VIDEO,
    VideoValues,
)
from keras_dcat.recordings.stream import Stream


def read_video(
    path: File,
    *,
    track: int | None = None,
    size: tuple[int, int] | None = None,
    time: Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
    memory: int = DEFAULT_MEMORY,
    decoded_folder: str | os.PathLike | None = None,
) -> Stream:
    """A video file, of which only the slices asked for are decoded.

    Opening it lists the frames without decoding any. A slice goes on where the last one
    ended, or begins to decode at a key frame before it, so that slices in order decode
    every frame once, and a file with a key frame every second or so is read
    faster out of order than one with few of them. Every frame is the one that decoding
    from the start gives; where the file does not say when frames are shown (H.264 with
    B-frames in AVI), each slice out of order is decoded from there, and MP4 is faster.
    Frames are as they are stored: the turn that a telephone notes beside them is not
    applied.

    Frames stay in `memory` for other slices, as they were scaled, and up to 8 files
    stay open. A file that is changed or replaced is opened and decoded anew. Shuffled
    windows of videos that do not fit into `memory` decode their frames for each window,
    and those on the way to it: give a `decoded_folder`, or read them in order.

    Args:
        path: str or path, or a file open in binary mode, which is held in memory.
            MP4, MOV, MKV, WebM, AVI or MPEG. A file cut short is refused, unless it
            does not say how long it should be: MPEG program streams, streams of a
            browser or a broadcast that are cut between two parts that are whole.
        track: int. Which of the video tracks, from 0, if there are several.
        size: tuple of int `(height, width)`. Frames are scaled to it.
        time: float array `(time,)`. Time of every frame, instead of the file's
            own times.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Frames per second, in Hz, instead of the file's own times.
        start: float. Seconds at which the file's own clock reads 0.
        memory: int. Bytes of decoded frames that stay, of all files that are read:
            those used longest ago make room. It should hold a window, better all
            videos: an hour of 25 frames a second takes 829 MB at 48 × 64. 0 keeps none.
        decoded_folder: str or path. A folder for a copy of all frames, decoded now
            unless it is there already, and read from then on. It takes as much room on
            disk as said for `memory`. Of a file that is another one when it is opened,
            a new copy is made; remove the folder when you do not need it any more.

    Returns:
        `Stream` of lazy uint8 values `(time, height, width, 3)`, red, green, blue.
        It has the time of every frame unless `rate` is given, so that a rate that
        varies is kept.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, holds no frame, or is cut short; if it
            has several video tracks and no `track` says which; if `size` is not two
            positive numbers, or a frame has more than 2²⁶ pixels; if `memory` is no
            number of bytes.
        OSError: if there is no room for a copy.
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
    check_memory(memory)
    source = source_of(path)
    if missing := cut_short(source):
        raise unreadable(source, VIDEO, missing)
    with opened(source, VIDEO) as container:
        chosen = track_of(source, container, "video", track)
        if chosen is None:
            raise unreadable(source, VIDEO, "it holds no video")
        with reading(source, VIDEO):
            listed = _listed(container, chosen)
            number, tick = chosen.index, float(chosen.time_base)
    if isinstance(listed, str):
        raise unreadable(source, VIDEO, listed)
    if not listed.lead:
        listed = _counted(source, number, listed)
    values = VideoValues(source, number, listed, size or listed.size, memory)
    if decoded_folder is not None:
        settings = "video", number, values.shape
        values = decoded_copy(source, decoded_folder, settings, lambda: values)
    marks = listed.marks
    if rate is not None or time is not None:
        return as_stream(source, values, rate, start, time, time_unit)
    return as_stream(source, values, None, start, marks, tick)


class _Listed(NamedTuple):
    """What the packets of a video track say, of which none was decoded."""

    marks: np.ndarray  # times of the frames, in ticks, as they are shown
    keys: np.ndarray  # times of those that need no other
    size: tuple[int, int]
    lead: int  # how many keys before a frame one begins to be sure of it; 0 for all


def _counted(source: Source, track: int, listed: _Listed) -> _Listed:
    """The same, if as many frames come as packets say, which are all decoded."""
    with opened(source, VIDEO) as container, reading(source, VIDEO):
        frames = container.decode(container.streams[track])
        marks = [-1 if frame.pts is None else frame.pts for frame in frames]
    if len(marks) == len(listed.marks):
        return listed
    if len(marks) > 1 and (np.diff(marks) > 0).all():  # of two fields each
        return listed._replace(marks=np.array(marks, "int64"), lead=1)
    found = f"{len(marks)} frames in {len(listed.marks)} packets, without their times"
    raise unreadable(source, VIDEO, found)


def _listed(container: Any, track: Any) -> _Listed | str:
    """What a track holds, or what is wrong. Packets are listed, not decoded."""
    name, codec = container.format.name, track.codec_context
    size = codec.height, codec.width
    frames, end, is_timed = [], 0.0, True
    for packet in container.demux():
        mark = packet.dts if packet.pts is None else packet.pts
        if mark is None:
            continue
        end = max(end, (mark + (packet.duration or 0)) * packet.time_base)
        if packet.stream_index == track.index:
            is_timed &= packet.pts is not None
            frames.append((mark, packet.is_keyframe, packet.is_discard))
    marks = np.array([mark for mark, _, drop in frames if not drop], "int64")
    keys = np.unique([mark for mark, is_key, _ in frames if is_key]).astype("int64")
    if not len(marks) or min(size) < 1:
        return "it holds no frame"
    if size[0] * size[1] > MOST_PIXELS:
        return f"frames of {size[0]} × {size[1]}, more than {MOST_PIXELS} pixels"
    if "mp4" in name and len(frames) < track.frames:
        return f"{len(frames)} frames of the {track.frames} in its header"
    # Frames that are the same as the one before may be left out at the end of an AVI.
    if name == "avi" and marks.max() + 1 < track.frames - 1 / track.time_base:
        return f"{marks.max() + 1} frames of the {track.frames} in its header"
    if "matroska" in name and container.duration:
        seconds, step = container.duration / 1e6, np.ptp(marks) / max(1, len(marks) - 1)
        if end + 2 * step * track.time_base < seconds:
            return f"{float(end):.3f} s of the {seconds:.3f} s in its header"
    # AVI has the times at which frames are decoded, not those at which they are shown.
    is_guessed = name == "avi" and codec.has_b_frames and (np.diff(marks) > 0).all()
    marks = np.sort(marks)
    if is_guessed or not is_timed or (np.diff(marks) == 0).any():
        lead = 0
    else:
        lead = 2 if name in ("mpeg", "mpegts") else 1
    return _Listed(marks, keys, size, lead)
