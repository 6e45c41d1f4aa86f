"""Recordings: samples, clocks and labels of a session."""

from keras_dcat.recordings.clock_estimate import ClockEstimate
from keras_dcat.recordings.clock_report import ClockReport
from keras_dcat.recordings.clocks import clip_time, corrected, find_gaps
from keras_dcat.recordings.faults import drop, jitter, mispair, shift, stretch
from keras_dcat.recordings.holes import filled
from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.joining import join
from keras_dcat.recordings.many_clocks import estimate_offsets
from keras_dcat.recordings.mending import mend
from keras_dcat.recordings.readers import (
    read_audacity_labels,
    read_audio,
    read_c3d,
    read_c3d_analog,
    read_csv,
    read_edf,
    read_edf_annotations,
    read_elan,
    read_hdf5,
    read_label_table,
    read_matlab,
    read_numpy,
    read_parquet,
    read_rosbag,
    read_video,
    read_xdf,
    read_xdf_markers,
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
    "filled",
    "find_gaps",
    "jitter",
    "join",
    "mend",
    "mispair",
    "read_audacity_labels",
    "read_audio",
    "read_c3d",
    "read_c3d_analog",
    "read_csv",
    "read_edf",
    "read_edf_annotations",
    "read_elan",
    "read_hdf5",
    "read_label_table",
    "read_matlab",
    "read_numpy",
    "read_parquet",
    "read_rosbag",
    "read_video",
    "read_xdf",
    "read_xdf_markers",
    "shift",
    "stretch",
]
