"""A classifier whose artefact is a function."""

import dataclasses

import numpy as np
import pytest

from keras_dcat.export import Description, runner
from keras_dcat.streaming import StreamingClassifier

DESCRIPTION = Description(("still", "moving"), "imu", 20.0, 1.0, 0.5, (20, 3))


def scored(windows):
    """Probabilities that tell one window from another."""
    moving = 1 / (1 + np.exp(-(windows * np.arange(1, 21)[:, None]).mean(axis=(1, 2))))
    return np.stack([1 - moving, moving], axis=-1), None


@pytest.fixture
def of_task(tmp_path, monkeypatch):
    """A function that makes one for a task, whose artefact says always the same."""

    def made(task, names, outputs, **options):
        path = tmp_path / f"{task}.tflite"
        path.write_bytes(b"")
        dataclasses.replace(DESCRIPTION, class_names=names, task=task).put_into(path)

        def run(windows):
            return np.tile(np.array(outputs, "float32"), (len(windows), 1)), None

        monkeypatch.setattr(runner, "load", lambda path: (run, [], None))
        return StreamingClassifier(path, **options)

    return made


@pytest.fixture
def classifier(tmp_path, monkeypatch):
    """A function that makes one, whose artefact is `scored`."""
    path = tmp_path / "target.tflite"
    path.write_bytes(b"")
    DESCRIPTION.put_into(path)
    monkeypatch.setattr(runner, "load", lambda path: (scored, [], None))
    return lambda *args, **options: StreamingClassifier(path, *args, **options)
