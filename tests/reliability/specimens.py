"""A small valid file of every format that is read, and what reads it."""

import fractions
import io

import av
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import soundfile
from hypothesis import strategies as st

from keras_dcat.recordings import (
    Intervals,
    read_audio,
    read_csv,
    read_hdf5,
    read_matlab,
    read_numpy,
    read_parquet,
    read_video,
)
from tests.reliability.corruption import Specimen, damaged_text

_VALUES = np.random.default_rng(0).normal(size=(30, 3))
_TIMES = np.arange(30) * 20.0
_TIMED = {"time": "t", "time_unit": 0.001}


def looked_at(stream):
    """Reads the ends of a stream, all of it if it is small, and its clock."""
    shape = tuple(stream.values.shape)
    assert len(shape) >= 2
    assert len(stream) == shape[0]
    assert stream.values.dtype.kind in "biuf"
    for part in (slice(0, 2), slice(shape[0] // 2, shape[0] // 2 + 2), slice(-2, None)):
        assert stream.values[part].shape[1:] == shape[1:]
    if np.prod([float(size) for size in shape]) < 2e6:
        assert np.asarray(stream.values).shape == shape
    assert stream.times.shape == shape[:1]
    assert stream.times.dtype == np.float64


def looked_at_recordings(recordings, classes):
    """Reads every stream of recordings, and their labels."""
    for recording in recordings:
        for stream in recording.streams.values():
            looked_at(stream)
        label = recording.label
        if isinstance(label, Intervals):
            numbers = label.labels
        else:
            numbers = np.atleast_1d(label if isinstance(label, int) else label.values)
        assert ((-1 <= numbers) & (numbers < classes)).all()


def _file(name, content, read, **options):
    return Specimen(
        {name: content},
        name,
        lambda folder: looked_at(read(folder / name, **options)),
        structured=damaged_text(content) if name.endswith("csv") else st.nothing(),
    )


def _csv():
    rows = [f"{t:g},{x:g},{y:g},sit" for t, (x, y, _) in zip(_TIMES, _VALUES)]  # noqa: B905
    return "\n".join(["t,x,y,what", *rows, ""]).encode()


def _parquet():
    columns = {"t": _TIMES, "x": _VALUES[:, 0], "y": _VALUES[:, 1].astype("f4")}
    columns["what"] = ["sit"] * 30
    return _written(lambda file: pq.write_table(pa.table(columns), file))


def _written(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _hdf5(file, **options):
    with h5py.File(file, "w", **options) as content:
        content.create_dataset("x", data=_VALUES, compression="gzip", chunks=(10, 3))
        content["t"] = _TIMES


def _matlab_7(file):
    with h5py.File(file, "w", userblock_size=512) as content:
        for name, array in (("x", _VALUES), ("t", _TIMES[None])):
            content[name] = array.T
            content[name].attrs["MATLAB_class"] = np.bytes_("double")
    file.seek(0)
    file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def _video(codec, format):
    def write(file):
        with av.open(file, "w", format=format) as container:
            track = container.add_stream(codec, rate=25)
            track.width, track.height = 48, 32
            track.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
            track.codec_context.gop_size = 4
            rng = np.random.default_rng(0)
            for number in range(10):
                pixels = rng.integers(0, 256, (32, 48, 3)).astype("uint8")
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = number * 40, fractions.Fraction(1, 1000)
                container.mux(track.encode(frame))
            container.mux(track.encode())

    return _written(write)


def _sound(format):
    noise = 0.1 * np.random.default_rng(0).standard_normal((800, 2))
    return _written(lambda f: soundfile.write(f, noise, 8000, format=format))


def _compressed_sound():
    def write(file):
        with av.open(file, "w", format="ipod") as container:
            track = container.add_stream("aac", rate=8000)
            track.layout = "mono"
            noise = 0.1 * np.random.default_rng(0).standard_normal((1, 800))
            frame = av.AudioFrame.from_ndarray(noise.astype("f4"), "fltp", "mono")
            frame.sample_rate = 8000
            container.mux([*track.encode(frame), *track.encode()])

    return _written(write)


def _arrays():
    """What is stored by name."""
    named, arrays = {"key": "x", **_TIMED}, {"x": _VALUES, "t": _TIMES}
    save = scipy.io.savemat
    compressed = _written(lambda f: save(f, arrays, do_compression=True))
    return {
        "npz": (_written(lambda f: np.savez(f, **arrays)), read_numpy, named),
        "packed.npz": (
            _written(lambda f: np.savez_compressed(f, **arrays)),
            read_numpy,
            named,
        ),
        "mat": (_written(lambda f: save(f, arrays)), read_matlab, named),
        "packed.mat": (compressed, read_matlab, named),
        "7.mat": (_written(_matlab_7), read_matlab, named),
        "h5": (_written(_hdf5), read_hdf5, named),
        "npy": (_written(lambda f: np.save(f, _VALUES)), read_numpy, {"rate": 50.0}),
    }


def of_recordings():
    """Files that become a stream, by format."""
    named = {"columns": ["x", "y"], **_TIMED}
    made = {**_arrays(), "csv": (_csv(), read_csv, named)}
    made["parquet"] = (_parquet(), read_parquet, named)
    for format in ("WAV", "FLAC", "OGG", "MP3"):
        made[format.lower()] = (_sound(format), read_audio, {})
    made["m4a"] = (_compressed_sound(), read_audio, {})
    for codec, format in (("ffv1", "matroska"), ("mpeg4", "mp4"), ("mpeg4", "avi")):
        made[format] = (_video(codec, format), read_video, {"size": (4, 6)})
    return {
        kind: _file(f"a.{kind}", content, read, **options)
        for kind, (content, read, options) in made.items()
    }
