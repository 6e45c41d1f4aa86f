"""Frames of a video, each decoded once for all slices that hold it."""

import contextlib
import math

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.block_memory import MEMORY
from keras_dcat.recordings.readers.containers import opened
from keras_dcat.recordings.readers.open_decoders import DECODERS
from keras_dcat.recordings.readers.opened_files import reading, unreadable
from keras_dcat.recordings.readers.remembered import RememberedValues

VIDEO = "a video file (MP4, MOV, MKV, WebM, AVI, MPEG)"
MOST_PIXELS = 2**26  # of a frame; 8K video has half as many
_AT_ONCE = 2**24  # bytes of frames that are decoded before they are copied


class VideoValues(RememberedValues):
    """Frames that are decoded where a slice first needs them, found by their times.

    Args:
        source: `Source`. The file.
        track: int. Number of the track among all of the file.
        listed: what its packets say: `marks`, times of the frames in ticks, as they are
            shown; `keys`, times of those that need no other; and `lead`, how many keys
            before a frame one begins to be sure of it, 0 for all.
        size: tuple of int `(height, width)`.
        memory: int, as in `RememberedValues`.
    """

    def __init__(self, source, track, listed, size, memory):
        super().__init__(source, (len(listed.marks), *size, 3), "uint8", memory)
        self.track = track
        self.marks, self.keys, self.lead = listed.marks, listed.keys, listed.lead

    def _read(self, first, last):
        version = self._version()
        frames = np.empty((last - first, *self.shape[1:]), self.dtype)
        known = MEMORY.find(version, range(first, last))
        for number, frame in known.items():
            frames[number - first] = frame
        missing = np.array([n for n in range(first, last) if n not in known], "int64")
        at_once = max(1, _AT_ONCE // math.prod(self.shape[1:]))
        for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1):
            for part in np.split(run, range(at_once, len(run), at_once)):
                if len(part):
                    decoded = self._decoded(version, int(part[0]), int(part[-1]) + 1)
                    if self.memory:
                        MEMORY.keep(version, decoded, self.memory)
                    for number in part.tolist():
                        frames[number - first] = decoded[number]
        return frames

    def _decoded(self, version, first, last):
        """Frames by number: those from `first` to before `last`, and perhaps others.

        What is decoded after a seek counts from the key frame on, if it comes at all.
        Where a seek leads to another place than the key, or what follows cannot be
        decoded from there, one begins further before, and at last at the start.
        """
        keys = self.keys[: np.searchsorted(self.keys, self.marks[first], "right")]
        leads = (self.lead, 3 * self.lead) if self.lead else ()
        entries = [(int(keys[-n]), int(keys[-1])) for n in leads if len(keys) >= n]
        begin = int(np.searchsorted(self.marks, entries[0][0])) if entries else 0
        wanted = set(range(first, last))
        if self.shape[0] * math.prod(self.shape[1:]) <= self.memory:
            # All of the video can stay: what is passed on the way is wanted, too.
            passed = range(begin, first)
            wanted |= set(passed) - set(MEMORY.find(version, passed))
        decoder = DECODERS.take(version, lambda some: _nearest(some, begin, first))
        if decoder is None:
            decoder = _Decoder(self.source, self.track, self.shape[1:3])
        try:
            found = {}
            if begin <= decoder.position <= first:
                found = decoder.read(self, wanted, last)
            for entry in [*entries, (None, None)]:
                if all(number in found for number in range(first, last)):
                    break
                decoder.enter(*entry)
                found = decoder.read(self, wanted, last)
            absent = sum(number not in found for number in range(first, last))
            if absent:
                text = f"{absent} of the frames {first} to {last - 1} do not decode"
                raise unreadable(self.source, VIDEO, text)
        except BaseException:
            decoder.close()
            raise
        DECODERS.put_back(version, decoder)
        return found


def _nearest(decoders, begin, first):
    """The one with least to decode until `first`, unless a seek leaves less."""
    before = [each for each in decoders if begin <= each.position <= first]
    return max(before, key=lambda each: each.position) if before else decoders[0]


class _Decoder:
    """An open file, and the frame that comes next.

    Attributes:
        position: int. Number of the first frame that may come; −1 where none is sure.
    """

    def __init__(self, source, track, size):
        self._source, self._track, self._size = source, track, size
        # One for all frames: to make one takes longer than to use it.
        self._scaler = require("av", extra="io").video.reformatter.VideoReformatter()
        self._open()

    def _open(self):
        self._stack = contextlib.ExitStack()
        self._container = self._stack.enter_context(opened(self._source, VIDEO))
        self._stream = self._container.streams[self._track]
        codec = self._stream.codec_context
        # A frame may be of another size than the header says.
        codec.options = {"max_pixels": str(MOST_PIXELS)}
        # Threads would not outlive a fork, and of readers there are several already.
        codec.thread_count = 1
        self.position = 0
        self._begin(None)

    def _begin(self, key):
        self._frames = self._container.decode(self._stream)
        self._key, self._ahead = key, None

    def close(self):
        self._stack.close()

    def enter(self, begin, key):
        """Goes to the mark `begin`, whose frames count from the key frame of `key` on.

        Without a mark it goes to the start, where all of them do.
        """
        if begin is None:
            self.close()
            self._open()
            return
        with reading(self._source, VIDEO):
            self._container.seek(begin, stream=self._stream)
        self.position = -1
        self._begin(key)

    def read(self, values, wanted, last):
        """Decodes until the frame before `last`; those that are wanted, by number."""
        found: dict[int, np.ndarray] = {}
        end = values.marks[last - 1]
        for frame in iter(self._next, None):
            if not values.lead:  # by their order alone
                number = self.position
            elif frame.pts is None:
                continue
            elif frame.pts > end:
                self._ahead = frame
                if self._key is None:
                    self.position = max(self.position, last)
                return found
            elif self._key is not None and not (
                frame.key_frame and frame.pts == self._key
            ):
                continue
            else:
                self._key = None
                number = int(np.searchsorted(values.marks, frame.pts))
                if values.marks[number] != frame.pts:
                    continue
            self.position = max(self.position, number + 1)
            if number in wanted and number not in found:
                found[number] = self._scaled(frame)
            if number == last - 1:
                return found
        self.position = len(values)
        return found

    def _next(self):
        frame, self._ahead = self._ahead, None
        if frame is None:
            with reading(self._source, VIDEO):
                frame = next(self._frames, None)
        return frame

    def _scaled(self, frame):
        height, width = self._size
        # In one thread: as many as there are cores would be started for each frame.
        scaled = self._scaler.reformat(frame, width, height, "rgb24", threads=1)
        return np.array(scaled.to_ndarray())
