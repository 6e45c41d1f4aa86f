"""One reader per file format, each giving a `Stream`, or `Intervals` for labels.

Files are read by soundfile, PyAV (`av`), h5py, pyarrow and SciPy, and those of the
field by pyxdf, edfio and rosbags, which have maintained builds for every platform and
do not depend on TensorFlow. C3D, Audacity's and ELAN's files are read here.
tensorflow-io reads some of the same formats, but its compiled readers load under
TensorFlow 2.16 and 2.17 only: from 2.18 on they fail with undefined symbols.
"""

from keras_dcat.recordings.readers.arrays import read_numpy
from keras_dcat.recordings.readers.c3d import read_c3d, read_c3d_analog
from keras_dcat.recordings.readers.csv_tables import read_csv
from keras_dcat.recordings.readers.edf import read_edf, read_edf_annotations
from keras_dcat.recordings.readers.elan import read_elan
from keras_dcat.recordings.readers.hdf5 import read_hdf5
from keras_dcat.recordings.readers.label_table import (
    read_audacity_labels,
    read_label_table,
)
from keras_dcat.recordings.readers.matlab import read_matlab
from keras_dcat.recordings.readers.parquet import read_parquet
from keras_dcat.recordings.readers.rosbags import read_rosbag
from keras_dcat.recordings.readers.sound_files import read_audio
from keras_dcat.recordings.readers.video_files import read_video
from keras_dcat.recordings.readers.xdf import read_xdf, read_xdf_markers

__all__ = [
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
]
