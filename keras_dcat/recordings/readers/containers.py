"""Sound and video files as PyAV opens them: what is let in, and which track."""

import contextlib
from collections.abc import Iterator
from typing import Any

from keras_dcat.extras import require
from keras_dcat.recordings.readers.opened_files import Source, reading

# Formats that hold frames; a playlist would open other files, or the network.
_WITH_A_CLOCK = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,asf,flv"
_SOUND_ALONE = "mp3,flac,aac,ac3,amr,wav,aiff,caf,wv,ape"


@contextlib.contextmanager
def opened(source: Source, kind: str, sound_alone: bool = False) -> Iterator[Any]:
    """A container, until the end of the `with`.

    Args:
        source: `Source`. The file.
        kind: str. What it must be, such as `"a video file"`.
        sound_alone: bool. Whether formats without a clock, which hold nothing but
            sound, are let in.

    Yields:
        PyAV's container.

    Raises:
        ValueError: if it is another file.
    """
    av = require("av", extra="io")
    formats = f"{_WITH_A_CLOCK},{_SOUND_ALONE}" if sound_alone else _WITH_A_CLOCK
    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    with reading(source, kind):
        # Tags are names of songs, of which some are no text.
        container = av.open(source.target(), options=options, metadata_errors="replace")
    with container:
        yield container


def has_clock(container: Any) -> bool:
    """Whether its tracks say when they begin, on one clock."""
    return container.format.name.split(",")[0] not in _SOUND_ALONE.split(",")


def track_of(source: Source, container: Any, kind: str, number: int | None) -> Any:
    """The track that is meant.

    Args:
        source: `Source`. The file, for the error.
        container: the file as PyAV has it.
        kind: str. `"audio"` or `"video"`.
        number: int. Which of them, from 0, or None if there is one only.

    Returns:
        PyAV's stream, or None if there is none of this kind.

    Raises:
        ValueError: if there are several and no number, or fewer than the number.
    """
    cover = require("av", extra="io").stream.Disposition.attached_pic
    tracks = [
        track
        for track in getattr(container.streams, kind)
        if not track.disposition & cover  # a picture that goes with sound
    ]
    if not tracks:
        return None
    if number is None and len(tracks) == 1:
        return tracks[0]
    if number is None or not 0 <= number < len(tracks):
        listed = "; ".join(
            f"{i}: {_described(track)}" for i, track in enumerate(tracks)
        )
        raise ValueError(
            f"`track` must say which of a file's {kind} tracks is meant. "
            f"Received: track={number} for {source.name!r}, which has "
            f"{len(tracks)} ({listed}). "
            f"Pass a number from 0 to {len(tracks) - 1}."
        )
    return tracks[number]


def _described(track: Any) -> str:
    codec = track.codec_context
    if track.type == "audio":
        what = f"{codec.sample_rate} Hz, {codec.layout.nb_channels} channels"
    else:
        what = f"{codec.height} × {codec.width}"
    language = f", {track.language}" if track.language else ""
    return f"{codec.name}, {what}{language}"
