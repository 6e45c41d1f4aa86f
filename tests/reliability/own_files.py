"""A small file of everything that the package writes, or is told by, and its reader."""

import functools
import io
import json
import warnings
import zipfile

import numpy as np
import yaml
from hypothesis import strategies as st

from keras_dcat.cli.data import load
from keras_dcat.cli.experiment import (
    Data,
    Experiment,
    ExperimentError,
    read_experiment,
)
from keras_dcat.diagnosis.monitor_log import MonitorLog
from keras_dcat.evaluation import Run, export_runs, import_runs
from keras_dcat.export import Description
from keras_dcat.recordings import Recording, Stream
from keras_dcat.storage import seal
from keras_dcat.transfer.caching.records import RecordFile
from keras_dcat.transfer.gating.fold_cache import FoldCache
from keras_dcat.windows import index_windows, read_shards, write_shards
from tests.reliability.corruption import (
    Specimen,
    damaged_json,
    damaged_text,
    damaged_values,
    files_of,
    with_json,
)

_RNG = np.random.default_rng(0)
_RECORD = ({"weights": "a", "dtype": "float32"}, [("belief", "<f4", (3,))])
_COLUMNS = ["epoch", "alignment"]
DESCRIPTION = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3))
_PLAN = """\
data: {dataset: utd_mhad, path: here.zip}
source: skeleton
target: imu
windows: {length: 4.0, stride: 2, rates: {skeleton: 20}}
split:
  test: [2, anna]
  validation:
    - 3
encoders:
  imu: {kind: imu, size: tiny, dropout: 0.5}
training: {epochs: 3, learning_rate: 1e-3, seeds: [0, 1]}
about: {Data: 'People: six', Limits: None}
output: out
"""


def of_own_files():
    """Specimens by what they are."""
    return {
        "experiment": _experiment(),
        "table of recordings": _sessions(),
        "index of shards": _shards("index.json"),
        "shard": _shards(None),
        "source cache": _records("cache"),
        "unfinished source cache": _records("cache.part"),
        "fold cache": _folds(),
        "run": _run(),
        "packed runs": _packed_runs(),
        "description": _described("target.tflite"),
        "description of a SavedModel": _described("assets.extra/keras_dcat.json"),
        "monitor log": _monitor_log(),
    }


def _experiment():
    def read(folder):
        assert isinstance(read_experiment(folder / "plan.yaml"), Experiment)

    content = _PLAN.encode()
    values = damaged_values(yaml.safe_load(_PLAN))
    dumped = values.map(lambda each: yaml.safe_dump(each, allow_unicode=True).encode())
    return Specimen(
        {"plan.yaml": content},
        "plan.yaml",
        read,
        ExperimentError,
        damaged_text(content) | dumped,
    )


def _sessions():
    rows = ["session,subject,label,a,b"]
    rows += [f"{n},anna,{label},x.csv,x.csv" for n, label in enumerate(["sit", "walk"])]
    content = "\n".join([*rows, ""]).encode()
    tables = {name: {"columns": ["x"], "rate": 50.0} for name in "ab"}

    def read(folder):
        data = Data(recordings=folder / "sessions.csv", streams=tables)
        plan = {"data": data, "source": "a", "target": "b", "output": "out"}
        cut = {"windows": {"length": 1, "stride": 1}, "split": {"test": ["anna"]}}
        recordings, names, _ = load(Experiment(**plan, **cut))
        assert {each.label for each in recordings} - {-1} == set(range(len(names)))

    files = {"sessions.csv": content, "x.csv": b"x\n1\n2\n"}
    return Specimen(files, "sessions.csv", read, structured=damaged_text(content))


def _shards(damaged):
    stream = Stream(_RNG.normal(size=(60, 3)).astype("float32"), rate=10.0)
    index = index_windows([Recording({"imu": stream}, 2, "A")], 1.0, 1.0)
    options = {"windows_per_shard": 4, "progress": False}
    files = files_of(lambda folder: write_shards(index, folder, **options))
    del files[".lock"]
    content = json.loads(files["index.json"])
    del content["sha256"]

    name = damaged or min(set(files) - {"index.json"})

    def read(folder):
        for shuffle in (False, True):
            options = {"stream": "imu", "batch_size": 3, "shuffle": shuffle}
            with warnings.catch_warnings():  # that some windows are not there
                warnings.simplefilter("ignore", UserWarning)
                dataset = read_shards(folder / "index.json", **options)
            for inputs, labels in dataset:
                assert inputs.shape[0] == labels.shape[0]

    resealed = damaged_values(content).map(_sealed) if damaged else st.nothing()
    return Specimen(files, name, read, structured=resealed)


def _sealed(content):
    """As whoever knows how an index is sealed can write it."""
    if not isinstance(content, dict):
        return json.dumps(content).encode()
    return json.dumps({**content, "sha256": seal(content)}).encode()


def _records(name):
    def written(folder):
        records = RecordFile(folder / "cache", *_RECORD)
        with records.writing() as writer:
            for number in range(3):
                identities = [bytes([number, other]) * 8 for other in range(2)]
                writer.append(identities, [_RNG.normal(size=(2, 3))])
            if name == "cache":
                writer.complete(6)

    def read(folder):
        records = RecordFile(folder / "cache", *_RECORD)
        if name == "cache":
            assert np.isfinite(records.read()["belief"]).all()
            return
        with records.writing() as writer:
            assert len(writer.kept) <= 6

    content = files_of(written)[name]
    mark, text = content[:4096].split(b"\n", 1)
    header = damaged_json(json.loads(text)).map(
        lambda each: (mark + b"\n" + each).ljust(4096) + content[4096:]
    )
    return Specimen({name: content}, name, read, structured=header)


def _folds():
    sizes = [3, 2]

    def written(folder):
        cache = FoldCache(folder / "folds.npz", "same", sizes)
        for fold, size in enumerate(sizes):
            cache.add(fold, np.full((size, 2), 0.5, "float32"))

    def read(folder):
        for fold, rows in FoldCache(folder / "folds.npz", "same", sizes).done.items():
            assert rows.shape == (sizes[fold], 2)
            assert rows.dtype.kind == "f"

    files = {"folds.npz": files_of(written)["folds.npz"]}
    return Specimen(files, "folds.npz", read)


def _a_run():
    return Run(
        split="a",
        seed=0,
        source=("camera", "watch"),
        target="imu",
        method={"name": "DCAT"},
        labels=np.arange(6) % 3,
        subjects=np.repeat(["anna", "bob"], 3),
        probabilities=np.full((6, 3), 1 / 3),
        losses=np.array([1.0, 0.5]),
        seconds=2.0,
        environment={"keras": "3"},
    )


def _looked_at_run(path):
    again = Run.load(path)
    assert 0 <= again.accuracy <= 1
    assert 0 <= again.macro_f1 <= 1
    assert again.losses.ndim == 1


def _run():
    return _with_about(
        lambda folder: _a_run().save(folder / "run.npz"),
        "run.npz",
        lambda folder: _looked_at_run(folder / "run.npz"),
    )


def _packed_runs():
    def written(folder):
        (folder / "runs").mkdir()
        for name in ("first.npz", "second.npz"):
            _a_run().save(folder / "runs" / name)
        export_runs(folder, folder / "packed.npz")

    def read(folder):
        import_runs(folder / "packed.npz", folder / "out")
        for path in (folder / "out").rglob("*"):
            if path.is_file():
                assert path.parent == folder / "out" / "runs"
                _looked_at_run(path)

    return _with_about(written, "packed.npz", read)


def _with_about(written, name, read):
    """An archive of arrays, one of which is JSON that is damaged by its structure."""
    content = files_of(written)[name]
    with np.load(io.BytesIO(content)) as arrays:
        arrays = dict(arrays)
    about = damaged_values(json.loads(str(arrays["about"])))
    return Specimen(
        {name: content},
        name,
        read,
        structured=about.map(functools.partial(with_json, arrays, "about")),
    )


def _described(name):
    def written(folder):
        path = folder / name
        if path.suffix == ".tflite":
            path.write_bytes(b"TFL3" * 9)
            DESCRIPTION.put_into(path)
        else:
            DESCRIPTION.put_into(folder)

    def read(folder):
        (folder / "saved_model.pb").touch()
        found = Description.of(folder / name if name.endswith("tflite") else folder)
        looked_at_description(found)

    def packed(text):
        if not name.endswith("tflite"):
            return text
        file = io.BytesIO(b"TFL3" * 9)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("keras_dcat.json", text)
        return file.getvalue()

    content = files_of(written)[name]
    structured = damaged_json(json.loads(DESCRIPTION.to_json())).map(packed)
    return Specimen({name: content}, name, read, structured=structured)


def looked_at_description(found):
    """That what is read is what a description may say."""
    assert all(isinstance(each, str) for each in found.class_names)
    assert all(isinstance(size, int) and size > 0 for size in found.shape)
    assert all(0 < n < np.inf for n in (found.rate, found.length, found.stride))


def _monitor_log():
    content = b"epoch,alignment\n0,1.5\n"

    def read(folder):
        MonitorLog(folder, _COLUMNS, tensorboard=False).close()

    structured = damaged_text(content)
    return Specimen(
        {"transfer.csv": content}, "transfer.csv", read, structured=structured
    )
