"""What was sensed, when, and by whom."""

from keras_dcat.recordings.clocks import (
    ClockReport,
    clip_time,
    corrected,
    find_gaps,
    mend,
)
from keras_dcat.recordings.faults import drop, jitter, mispair, shift, stretch
from keras_dcat.recordings.holes import filled
from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.joining import join
from keras_dcat.recordings.readers import (
    read_audio,
    read_csv,
    read_hdf5,
    read_matlab,
    read_numpy,
    read_parquet,
    read_video,
)
from keras_dcat.recordings.recording import Recording
from keras_dcat.recordings.stream import Stream
from keras_dcat.recordings.synchronization import ClockEstimate, estimate_offset

__all__ = [
    "ClockEstimate",
    "ClockReport",
    "Intervals",
    "Recording",
    "Stream",
    "clip_time",
    "corrected",
    "drop",
    "estimate_offset",
    "filled",
    "find_gaps",
    "jitter",
    "join",
    "mend",
    "mispair",
    "read_audio",
    "read_csv",
    "read_hdf5",
    "read_matlab",
    "read_numpy",
    "read_parquet",
    "read_video",
    "shift",
    "stretch",
]
