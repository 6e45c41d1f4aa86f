"""What was sensed, when, and by whom."""

from keras_dcat.recordings.clock_estimate import ClockEstimate
from keras_dcat.recordings.clock_report import ClockReport
from keras_dcat.recordings.clocks import clip_time, corrected, find_gaps
from keras_dcat.recordings.faults import drop, jitter, mispair, shift, stretch
from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.joining import join
from keras_dcat.recordings.many_clocks import estimate_offsets
from keras_dcat.recordings.mending import mend
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
from keras_dcat.recordings.synchronization import estimate_offset

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
    "estimate_offsets",
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
