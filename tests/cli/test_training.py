import types

import numpy as np
import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli import training
from keras_dcat.cli.data import prepare
from keras_dcat.cli.experiment import read_experiment
from tests.cli.experiments import write_experiment, write_sessions


class Model:
    """What says one class of every window, and saves its name."""

    def __init__(self, name, says):
        self.name, self.says = name, says

    def save(self, path):
        path.write_text(self.name)


class Repetition:
    def __init__(self, study, split, seed, folder):
        self.seed, self.test = seed, study.splits[split][1]

    def unimodal(self, stream):
        return Model(f"{stream}, seed {self.seed}", 0), []

    def predict(self, model, stream):
        return np.full(len(self.test), model.says)


def test_source_and_taught_target_are_written_and_all_are_scored(tmp_path, monkeypatch):
    write_sessions(tmp_path, people=3, trials=1)
    plan = read_experiment(write_experiment(tmp_path, split={"test": ["p2"]}))

    def train(repetition, sources, target):
        return Model(f"{sources[0]}→{target}", 1), []

    taught = types.SimpleNamespace(train=train)
    monkeypatch.setattr(training, "Repetition", Repetition)
    monkeypatch.setattr(training, "methods", lambda plan: {"D-CAT": taught})
    found = training.train_all(plan, prepare(plan), 7)
    # A third is right: F1 of that class is 2·4 / (4 + 12), and of the others 0.
    scores = [(name, round(score, 3)) for name, _, score in found]
    assert scores == [("source", 0.167), ("alone", 0.167), ("D-CAT", 0.167)]
    assert (tmp_path / "out" / "source.keras").read_text() == "camera, seed 7"
    assert (tmp_path / "out" / "target.keras").read_text() == "camera→watch"
    assert len(list((tmp_path / "out").iterdir())) == 2
