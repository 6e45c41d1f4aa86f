"""Small files that would become large, or take for ever: refused, and at once."""

import contextlib
import io
import json
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import soundfile
import yaml

from keras_dcat import datasets
from keras_dcat.cli.experiment import ExperimentError, read_experiment
from keras_dcat.evaluation import Run
from keras_dcat.export import Description, runner
from keras_dcat.recordings import (
    read_audio,
    read_csv,
    read_hdf5,
    read_matlab,
    read_numpy,
    read_parquet,
    read_video,
)
from keras_dcat.recordings.readers import video_files, video_frames
from keras_dcat.streaming import StreamingClassifier
from keras_dcat.transfer.caching.records import RecordFile
from keras_dcat.transfer.gating.fold_cache import FoldCache
from keras_dcat.windows import read_shards
from tests.reliability.corruption import within_bounds
from tests.reliability.specimens import of_recordings

LARGE, MOST = 96 * 2**20, 64 * 2**20  # bytes of a bomb, and those a case may take
SPECIMENS = of_recordings()


@pytest.fixture(autouse=True)
def allowed(monkeypatch):
    """What is always allowed, so small that bombs can be small as well."""
    monkeypatch.setattr("keras_dcat.storage._ALWAYS", 2**20)


def header(shape, dtype="<f8"):
    """The beginning of a `.npy` file that claims to hold so much."""
    file = io.BytesIO()
    about = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def zipped(path, beginnings, size=LARGE):
    """A zip of members that begin so, and go on with zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, beginning in beginnings.items():
            with archive.open(name, "w") as member:
                member.write(beginning)
                for _ in range(0, size, 2**20):
                    member.write(bytes(2**20))
    assert path.stat().st_size < LARGE / 100
    return path


@contextlib.contextmanager
def refused(*words, error=ValueError):
    with within_bounds(MOST), pytest.raises(error, match=".*".join(words)) as caught:
        yield caught


def test_an_array_that_unpacks_to_far_more_than_its_file_is_refused(tmp_path):
    count = LARGE // 8
    path = zipped(tmp_path / "a.npz", {"x.npy": header((count, 1))})
    with refused(r"100 times.*a\.npz", "for 100663", "without compression"):
        read_numpy(path, "x", rate=1.0)
    times = zipped(tmp_path / "b.npz", {"t.npy": header((count,))})
    with zipfile.ZipFile(times, "a") as archive:
        archive.writestr("x.npy", header((1, 1)) + bytes(8))
    with refused(r"100 times.*b\.npz"):
        read_numpy(times, "x", time="t")


@pytest.mark.parametrize("shape", [(10**12, 3), (2**40, 0), (10**30, 1), (-4, 3)])
def test_an_array_whose_header_claims_what_is_not_there_is_refused(shape, tmp_path):
    content = header(shape) + bytes(24)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    for name in ("a.npy", "a.npz"):
        with refused(f"{name}"):
            read_numpy(tmp_path / name, rate=1.0)


def test_a_mat_file_that_unpacks_to_far_more_than_itself_is_refused(tmp_path):
    path, file = tmp_path / "a.mat", io.BytesIO()
    scipy.io.savemat(file, {"x": np.zeros((1, 1))})
    plain, pack = file.getvalue(), zlib.compressobj(1)
    packed = pack.compress(plain[128:] + bytes(LARGE)) + pack.flush()
    path.write_bytes(plain[:128] + struct.pack("<II", 15, len(packed)) + packed)
    with refused(r"100 times.*a\.mat"):
        read_matlab(path, "x", rate=1.0)


def hdf5(path, kind):
    options = {"userblock_size": 512} if kind == "7.mat" else {}
    with h5py.File(path, "w", **options) as file:
        file["x"] = np.ones((1, 3))
        file.create_dataset("t", (1, 10**12), "f8", chunks=(1, 1000))
        file.create_dataset("wide", (5, 1), "f8", maxshape=(None, 1), chunks=(2**28, 1))
        for dataset in file.values():
            dataset.attrs["MATLAB_class"] = np.bytes_("double")
    if kind == "7.mat":
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


@pytest.mark.parametrize(("kind", "read"), [("h5", read_hdf5), ("7.mat", read_matlab)])
def test_a_data_set_that_claims_what_is_not_there_is_refused(kind, read, tmp_path):
    path = hdf5(tmp_path / f"a.{kind}", kind)
    with refused(r"100 times.*a\.", "for 8000000000000"):
        read(path, "x", time="t")
    if kind == "h5":  # what nobody has written is zero, and is read by the slice
        assert read(path, "t", rate=1.0, time_axis=1).values[-2:].tolist() == [[0]] * 2
    else:
        with refused(r"100 times.*a\.", "for 8000000000000"):
            read(path, "t", rate=1.0)
    with refused(r"100 times.*a\."):  # a chunk is unpacked whole
        read(path, "wide", rate=1.0)


def test_a_parquet_file_of_one_number_a_hundred_million_times_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"x": np.zeros(10**6), "y": np.zeros(10**6)})
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(LARGE // 10**6 // 8):
            writer.write_table(table, row_group_size=10**6)
    with refused(r"100 times.*a\.parquet"):
        read_parquet(path, ["x"], rate=1.0)


def test_a_sound_that_claims_what_is_not_there_is_refused_or_as_long_as_it_is(tmp_path):
    path = tmp_path / "a.wav"
    content = bytearray(SPECIMENS["wav"].content)
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = struct.pack("<I", 2**32 - 1)
    path.write_bytes(content)
    with within_bounds(MOST):
        assert read_audio(path).values.shape == (800, 2)
    content[24:28] = struct.pack("<I", 2**31 - 1)  # samples per second
    path.write_bytes(content)
    with within_bounds(MOST):
        assert read_audio(path).values[-3:].shape == (3, 2)
    flac = bytearray(SPECIMENS["flac"].content)
    flac[21] |= 0x0F
    flac[22:26] = b"\xff" * 4  # the number of samples
    path.write_bytes(flac)
    with refused(r"a\.wav"):
        read_audio(path)


def test_silence_that_would_fill_the_disk_is_refused(tmp_path):
    path = tmp_path / "a.ogg"
    with soundfile.SoundFile(path, "w", 48000, 1, "OPUS", format="OGG") as sound:
        for _ in range(15):
            sound.write(np.zeros(48000))
    with refused(r"400 times.*a\.ogg"):
        read_audio(path)


@pytest.mark.parametrize("side", [9000, 16000, 60000, 2**31 - 1])
def test_a_video_of_giant_frames_is_read_or_refused(side, tmp_path):
    path = tmp_path / "a.avi"
    content = bytearray(SPECIMENS["avi"].content)
    at = content.index(b"strf") + 12
    content[at : at + 8] = struct.pack("<ii", side, side)
    path.write_bytes(content)
    with within_bounds(MOST), contextlib.suppress(ValueError):
        read_video(path).values[:1]


def test_frames_of_more_pixels_than_anybody_has_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.mkv"
    path.write_bytes(SPECIMENS["matroska"].content)
    values = read_video(path).values
    for module in (video_files, video_frames):
        monkeypatch.setattr(module, "MOST_PIXELS", 32 * 48 - 1)
    with refused(r"a\.mkv", "frames of 32 × 48, more than 1535 pixels"):
        read_video(path)
    with refused(r"a\.mkv", "max_pixels"):  # nor may they grow after the header
        values[:1]


@pytest.mark.parametrize(
    "text",
    [
        "x" + ",x" * 300_000 + "\n1\n",
        'x,"t\n' + "1,2\n" * 10**6,
        "x\n" + "9" * 5 * 10**6,
    ],
    ids=["columns", "quote", "digits"],
)
def test_a_table_without_end_is_read_or_refused_soon(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with within_bounds(MOST), contextlib.suppress(ValueError):
        read_csv(path, "x", rate=1.0)


def test_a_download_that_unpacks_to_far_more_than_itself_is_refused(tmp_path):
    members = {f"MHEALTHDATASET/mHealth_subject{n}.log": b"0 " for n in range(3)}
    path = zipped(tmp_path / "data.zip", members, size=LARGE // 3)
    with refused(r"100 times.*data\.zip.*Download it"):
        datasets.load_mhealth(path)


def nested(depth=100_000):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x]\n" + "".join(f"b{n}: [*a, *a]\n" for n in range(9)), r"no `\*`"),
        (f"about: {nested(40_000)}", "line 1: nested too deeply"),
        ("windows: {length: 1" + ":1" * 30_000 + "}", "line 1: no number has over 100"),
        ("seeds: 0x" + "f" * 50_000, "line 1: no number has over 100"),
        ("- " * 40_000, "line 1: nested too deeply"),
        ("source: " + "x" * 10**5, "too large"),
    ],
    ids=["aliases", "depth", "sixties", "hexadecimal", "lists", "size"],
)
def test_an_experiment_that_would_grow_is_refused_with_its_line(
    text, message, tmp_path
):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with refused(message, error=ExperimentError):
        read_experiment(path)


def test_what_an_experiment_says_wrong_is_not_repeated_at_length(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({"source": ["x" * 10_000], "output": "out"}))
    with pytest.raises(ExperimentError, match="`source` must be") as caught:
        read_experiment(path)
    assert len(str(caught.value)) < 2000


def test_json_that_is_nested_without_end_is_refused(tmp_path):
    index = tmp_path / "index.json"
    index.write_text(nested())
    with refused("damaged.*`write_shards`"):
        read_shards(index, stream="imu")
    with refused("Export the model anew"):
        Description.from_json(nested())
    path = tmp_path / "cache"
    path.write_bytes((b"keras_dcat source statistics 1\n" + b"[" * 4096)[:4096])
    with refused("no such file, or damaged"):
        RecordFile(path, {}, []).read()
    np.savez(tmp_path / "run.npz", about=nested())
    with refused(r"run\.npz.*Delete it"):
        Run.load(tmp_path / "run.npz")


def test_results_that_unpack_to_far_more_than_their_file_are_refused(tmp_path):
    beginning = {"losses.npy": header((LARGE // 8,))}
    with refused(r"run\.npz", "Delete it"):
        Run.load(zipped(tmp_path / "run.npz", beginning))
    with refused(r"folds\.npz", "Delete it"):
        FoldCache(zipped(tmp_path / "folds.npz", beginning), "same", [3])


def test_a_description_that_unpacks_to_far_more_than_its_file_is_refused(tmp_path):
    path = zipped(tmp_path / "target.tflite", {"keras_dcat.json": b"{"})
    with refused(r"target\.tflite", "Export the model anew"):
        Description.of(path)


@pytest.mark.parametrize("stride", [1e-300, 1e-4])
def test_windows_without_number_in_a_second_are_refused(stride, tmp_path, monkeypatch):
    path = tmp_path / "target.tflite"
    path.write_bytes(b"TFL3")
    Description(("a", "b"), "imu", 50.0, 2.0, stride, (100, 3)).put_into(path)
    monkeypatch.setattr(runner, "load", lambda path: (None, [], None))
    with refused("a sample apart", r"target\.tflite"):
        StreamingClassifier(path)


def test_a_header_that_counts_without_end_is_refused(tmp_path):
    about = json.dumps({"windows": float("inf")}).encode()
    path = tmp_path / "cache"
    path.write_bytes((b"keras_dcat source statistics 1\n" + about).ljust(4096))
    with refused("no such file, or damaged"):
        RecordFile(path, {}, []).read()
