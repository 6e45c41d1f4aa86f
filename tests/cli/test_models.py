import json
import types
import zipfile

import keras
import pytest

from keras_dcat import AttentionKV
from keras_dcat.cli.models import model_of, read_model


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "target.keras"
    inputs = keras.Input((5, 3))
    keras.Model(inputs, AttentionKV(2)(inputs)).save(path)
    return path


def test_a_model_with_layers_of_ours_is_read(path):
    assert read_model(path).output_shape == (None, 5, 2)


def test_a_model_of_an_experiment_that_was_not_trained_says_what_is_first(path):
    plan = types.SimpleNamespace(output=path.parent)
    assert model_of(plan, "target.keras").output_shape == (None, 5, 2)
    with pytest.raises(FileNotFoundError, match="source.keras is not there. First: ke"):
        model_of(plan, "source.keras")


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def without_its_layers(path):
    """With a config that leads Keras to an error of another kind."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    del config["config"]["layers"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, "config.json": json.dumps(config)}.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("damage", [cut_off, without_its_layers])
def test_a_damaged_model_is_refused_by_name(path, damage):
    damage(path)
    with pytest.raises(ValueError, match=r"Received: .*target\.keras.*Train it anew"):
        read_model(path)
