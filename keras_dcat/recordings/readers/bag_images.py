"""Images of robot bags, decoded where they are sliced."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.bag_files import (
    BAG,
    opened,
    stored,
)
from keras_dcat.recordings.readers.opened_files import Source, reading, unreadable
from keras_dcat.recordings.readers.values_on_disk import LazyValues

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_MOST_PIXELS = 2**26
# Type of a value, how many a pixel has, and which of them are red, green, blue.
_ENCODINGS = {
    "rgb8": ("u1", 3, [0, 1, 2]),
    "rgba8": ("u1", 4, [0, 1, 2]),
    "bgr8": ("u1", 3, [2, 1, 0]),
    "bgra8": ("u1", 4, [2, 1, 0]),
    "8UC3": ("u1", 3, [2, 1, 0]),
    "mono8": ("u1", 1, [0, 0, 0]),
    "8UC1": ("u1", 1, [0, 0, 0]),
    "mono16": ("u2", 1, [0]),
    "16UC1": ("u2", 1, [0]),
    "32FC1": ("f4", 1, [0]),
}
_CODECS = {b"\xff\xd8\xff": "mjpeg", b"\x89PN": "png", b"RIF": "webp"}


class BagImages(LazyValues):
    """Frames of a topic, read and decoded for each slice.

    Args:
        source: `Source` of the bag.
        topic: str.
        log: int64 array `(time,)`. When each was logged, in nanoseconds.
        first: array `(height, width, channels)`. The first frame.
        is_scaled: bool. Whether frames of another size are scaled.
    """

    def __init__(self, source, topic, log, first, is_scaled):
        super().__init__((len(log), *first.shape), first.dtype)
        self.source, self.topic, self.log = source, topic, log
        self.is_scaled = is_scaled

    def _read(self, first, last):
        frames = np.empty((last - first, *self.shape[1:]), self.dtype)
        begin, end = int(self.log[first]), int(self.log[last - 1]) + 1
        # Messages of one time are told apart by their order.
        number = int(np.searchsorted(self.log, begin)) - first
        size = self.shape[1:3] if self.is_scaled else None
        with opened(self.source, is_new=False) as reader:
            for _, message in messages(self.source, reader, self.topic, begin, end):
                if 0 <= number < len(frames):
                    frames[number] = self._frame(message, size)
                number += 1
        if number < len(frames):
            found = f"{number} frames of {len(frames)} that were in it"
            raise unreadable(self.source, BAG, found)
        return frames

    def _frame(self, message, size):
        with reading(self.source, BAG):
            frame = decoded(message, size)
        if frame.shape != self.shape[1:]:
            raise ValueError(
                "Frames must be of one size. "
                f"Received: {frame.shape} under {self.topic!r} of "
                f"{self.source.name!r}, after {self.shape[1:]}. "
                f"Scale them: size={self.shape[1:3]}."
            )
        return frame


def messages(
    source: Source,
    reader: Any,
    topic: str,
    begin: int | None = None,
    end: int | None = None,
) -> Iterator[tuple[int, Any]]:
    """Messages of a topic in the order in which they were logged.

    Args:
        source: `Source` of the bag.
        reader: `AnyReader` of rosbags, open.
        topic: str.
        begin: int. Nanoseconds of the first, or None.
        end: int. Nanoseconds that are after the last, or None.

    Yields:
        nanoseconds at which it was logged, and a message of rosbags.
    """
    with reading(source, BAG):
        for time, kind, content in stored(source, reader, topic, begin, end):
            message = reader.deserialize(content, kind)
            yield time, message


def decoded(message: Any, size: tuple[int, int] | None = None) -> np.ndarray:
    """The frame of a message.

    Args:
        message: an image of rosbags, raw or compressed.
        size: tuple of int `(height, width)`, to which colours are scaled.

    Returns:
        array `(height, width, 3)` of uint8, red, green, blue; or `(height, width, 1)`
        of depth.

    Raises:
        ValueError: if it is damaged, or not of a known kind.
    """
    if message.__msgtype__ == IMAGES[1]:
        return _picture(message, size)
    if message.encoding not in _ENCODINGS:
        raise ValueError(f"an image of encoding {message.encoding!r}")
    dtype, channels, order = _ENCODINGS[message.encoding]
    dtype = np.dtype(dtype).newbyteorder(">" if message.is_bigendian else "<")
    height, width, step = message.height, message.width, message.step
    row = width * channels * dtype.itemsize
    if row > step or height * step > len(message.data) or not height * width:
        raise ValueError(
            f"{len(message.data)} bytes of {height} × {width} {message.encoding}"
        )
    rows = np.asarray(message.data, "u1")[: height * step].reshape(height, step)
    pixels = np.ascontiguousarray(rows[:, :row]).view(dtype)
    frame = pixels.reshape(height, width, channels)[..., order]
    frame = frame.astype(dtype.newbyteorder("="))
    if size is None or size == (height, width):
        return frame
    if len(order) == 1:
        raise ValueError("an image of depth, which is not scaled; leave out `size`")
    av = require("av", extra="io")
    whole = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return whole.reformat(size[1], size[0]).to_ndarray()


def _picture(message, size):
    """A frame that was packed as a JPEG, PNG or WebP."""
    av = require("av", extra="io")
    content = bytes(message.data)
    codec = _CODECS.get(content[:3])
    if codec is None:
        raise ValueError(f"a compressed image of format {message.format!r}")
    context = av.CodecContext.create(codec, "r")
    context.thread_count = 1
    context.options = {"max_pixels": str(_MOST_PIXELS)}
    frames = [*context.decode(av.Packet(content)), *context.decode(None)]
    if len(frames) != 1:
        raise ValueError(f"{len(frames)} pictures in a message")
    (frame,) = frames
    if "16" in frame.format.name:
        raise ValueError(f"a compressed image of 16 bits, {message.format!r}")
    height, width = size or (frame.height, frame.width)
    return frame.reformat(width, height, "rgb24").to_ndarray()
