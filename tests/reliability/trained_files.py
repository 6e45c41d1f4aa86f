"""A small file of everything that is kept of models and trainings, and its reader."""

import dataclasses
import io
import json
import zipfile

import keras
import keras_tuner
import numpy as np
import onnx

from keras_dcat import AttentionKV
from keras_dcat.cli.models import read_model
from keras_dcat.cli.searching import WholeSearch
from keras_dcat.evaluation import Training
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.export import Description
from keras_dcat.transfer import ResumeTraining
from keras_dcat.transfer.callbacks.resuming import sealed
from tests.evaluation.studies import study
from tests.reliability.corruption import (
    Specimen,
    damaged_json,
    damaged_values,
    files_of,
    with_json,
)
from tests.reliability.own_files import DESCRIPTION, looked_at_description


def of_trained_files():
    """Specimens by what they are."""
    return {
        "training that goes on": _training(),
        "search": _search(),
        **_comparison(),
        "model": _model(),
        "description in ONNX": _onnx(),
    }


def _training():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")

    def trained(folder):
        stopping = keras.callbacks.EarlyStopping("loss")
        kept = ResumeTraining(folder / "training.npz")
        kept.accompany(None, [stopping])
        callbacks = keras.callbacks.CallbackList(
            [kept, stopping], add_history=True, model=model, epochs=9
        )
        callbacks.on_train_begin()
        kept.on_epoch_end(model._initial_epoch or 0, {"loss": 1.0})

    def read(folder):
        trained(folder)
        history = model.history.history
        assert set(map(type, history)) == {str}
        assert set(map(type, history.values())) == {list}

    files = files_of(trained)
    with np.load(io.BytesIO(files["training.npz"])) as arrays:
        arrays = dict(arrays)
    kept = damaged_values(json.loads(str(arrays["kept"])))
    rest = {n: a for n, a in arrays.items() if n not in ("kept", "sha256")}

    def with_kept(value):
        own = sealed(json.dumps(value), rest)
        return with_json({**rest, "sha256": np.array(own)}, "kept", value)

    structured = kept.map(with_kept)
    return Specimen(files, "training.npz", read, structured=structured)


class _Guess(keras_tuner.HyperModel):
    """What is judged by its setting."""

    def build(self, hp):
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, **options):
        return hp.get("x")


def _search():
    def found(folder):
        tuner = WholeSearch(
            _Guess(),
            keras_tuner.Objective("default_objective", "min"),
            max_trials=1,
            directory=folder,
            project_name="search",
        )
        tuner.search(verbose=0)
        return tuner.oracle.get_best_trials(9)

    def read(folder):
        trials = found(folder)
        assert len(trials) == 1
        assert all(0 <= repetition.score <= 1 for repetition in trials)

    files = files_of(found)
    structured = damaged_json(json.loads(files["search.json"]))
    return Specimen(files, "search.json", read, structured=structured)


class _Untrained(Training):
    """What is kept does not ask for how long it was trained."""

    def fit(self, model, dataset, callbacks=()):
        return np.array([1.0, 0.5])


def _comparison():
    plan = dataclasses.replace(study(), training=_Untrained(epochs=2, min_steps=1))

    def trained(folder):
        repetition = Repetition(plan, "official", 0, folder)
        model, losses = repetition.unimodal("camera")
        assert isinstance(model, keras.Model)
        assert losses.tolist() == [1.0, 0.5]

    def predicted(folder):
        repetition = Repetition(plan, "official", 0, folder)
        probabilities = repetition.out_of_fold("camera")
        assert probabilities.shape == (len(repetition.train), 3)
        assert probabilities.dtype.kind == "f"

    models, folds = files_of(trained), files_of(predicted)
    weights = min(models, key=len)  # the other is `.npy`, as predictions are
    return {
        "source of a comparison": Specimen(models, weights, trained),
        "predictions of a comparison": Specimen(folds, *folds, predicted),
    }


def _model():
    def written(folder):
        inputs = keras.Input((5, 3))
        x = AttentionKV(2)(inputs)
        x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(x))
        keras.Model(inputs, x).save(folder / "target.keras")

    def read(folder):
        model = read_model(folder / "target.keras")
        assert isinstance(model, keras.Model)

    files = files_of(written)
    with zipfile.ZipFile(io.BytesIO(files["target.keras"])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def packed(config):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in {**members, "config.json": config}.items():
                archive.writestr(name, content)
        return file.getvalue()

    structured = damaged_json(json.loads(members["config.json"])).map(packed)
    return Specimen(files, "target.keras", read, structured=structured)


def _onnx():
    def written(folder):
        shape = [None, *DESCRIPTION.shape]
        tensor = onnx.helper.make_tensor_value_info
        ends = [tensor(name, onnx.TensorProto.FLOAT, shape) for name in "xy"]
        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
        opset = onnx.helper.make_opsetid("", 13)
        model = onnx.helper.make_model(graph, ir_version=8, opset_imports=[opset])
        onnx.save(model, folder / "target.onnx")
        DESCRIPTION.put_into(folder / "target.onnx")

    def read(folder):
        looked_at_description(Description.of(folder / "target.onnx"))

    return Specimen(files_of(written), "target.onnx", read)
