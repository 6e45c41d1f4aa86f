"""What was sensed, when, and by whom."""

from keras_dcat.recordings.clocks import ClockReport, mend
from keras_dcat.recordings.readers import (
    read_audio,
    read_csv,
    read_hdf5,
    read_matlab,
    read_numpy,
    read_parquet,
    read_video,
)
from keras_dcat.recordings.recording import Intervals, Recording, Stream

__all__ = [
    "ClockReport",
    "Intervals",
    "Recording",
    "Stream",
    "mend",
    "read_audio",
    "read_csv",
    "read_hdf5",
    "read_matlab",
    "read_numpy",
    "read_parquet",
    "read_video",
]
