"""One reader per file format, each giving a `Stream`.

Files are read by soundfile, PyAV (`av`), h5py, pyarrow and SciPy, which have
maintained builds for every platform and do not depend on TensorFlow.
tensorflow-io reads some of the same formats, but its compiled readers load under
TensorFlow 2.16 and 2.17 only: from 2.18 on they fail with undefined symbols.
"""

from keras_dcat.recordings.readers.arrays import read_numpy
from keras_dcat.recordings.readers.csv_tables import read_csv
from keras_dcat.recordings.readers.hdf5 import read_hdf5
from keras_dcat.recordings.readers.matlab import read_matlab
from keras_dcat.recordings.readers.media import read_audio, read_video
from keras_dcat.recordings.readers.parquet import read_parquet

__all__ = [
    "read_audio",
    "read_csv",
    "read_hdf5",
    "read_matlab",
    "read_numpy",
    "read_parquet",
    "read_video",
]
