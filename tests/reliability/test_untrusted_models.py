"""Models from strangers: a config that names foreign code is refused, and runs nothing.

`tests/test_contract.py` holds that every class of ours comes back in safe mode.
"""

import json
import sys

import keras
import pytest

import keras_dcat
from keras_dcat.cli.models import read_model
from keras_dcat.transfer import Calibrated
from keras_dcat.transfer.losses.distillation import KerasDistillation
from tests.reliability.hostile_models import (
    BAIT,
    FIELDS,
    HOSTILE,
    REFUSED,
    branch,
    changed,
    config_of,
    named,
    places,
    rewritten,
    saved_pair,
)

each_hostile = pytest.mark.parametrize("what", HOSTILE)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return saved_pair(tmp_path_factory.mktemp("model") / "model.keras")


@pytest.fixture(scope="module")
def config(archive):
    return config_of(archive)


@pytest.fixture
def bait(tmp_path, monkeypatch):
    """The folder of a module `dcat_bait`, which Python would find."""
    (tmp_path / "dcat_bait.py").write_text(BAIT)
    (tmp_path / "words.txt").write_text("a secret\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("dcat_bait", None)


def traces(folder):
    return {name for name in ("imported", "made") if (folder / name).exists()}


def is_refused(config, make=keras.saving.deserialize_keras_object):
    try:
        make(config)
    except REFUSED:
        return True
    return False


def test_the_places_that_are_tried_are_places_where_objects_are_made(config):
    found = {place for _, place in places(config)}
    # Metrics are named by a word, as the user named them.
    assert set(FIELDS.values()) - found == {FIELDS["metric"]}


def test_a_foreign_class_is_refused_wherever_an_object_is_made(config, bait):
    foreign = named("dcat_bait", "Bait")
    found = {**dict(places(config)), ("DCATModel", "metric"): FIELDS["metric"]}
    taken = {
        field
        for field, place in found.items()
        if not is_refused(changed(config, place, foreign))
    }
    assert taken == set()
    assert traces(bait) == set()


@pytest.mark.parametrize("field", FIELDS)
def test_there_it_would_have_been_made_if_its_user_had_vouched_for_it(
    field, config, bait
):
    import dcat_bait

    foreign = changed(config, FIELDS[field], named("dcat_bait", "Bait"))
    with keras.saving.custom_object_scope({"Bait": dcat_bait.Bait}):
        is_refused(foreign)  # or not: a Bait is no gate, but for a metric it will do
    assert traces(bait) == {"imported", "made"}


@pytest.mark.slow
@each_hostile
def test_what_is_hostile_is_refused_in_every_field(what, config, bait):
    value = HOSTILE[what](bait)
    taken = {
        field
        for field, place in FIELDS.items()
        if not is_refused(changed(config, place, value))
    }
    assert taken == set()
    assert traces(bait) == set()


@each_hostile
def test_what_is_hostile_is_refused_by_from_config_of_each_class_that_makes_others(
    what, config, bait
):
    value, own = HOSTILE[what](bait), config["config"]
    attention = {"key_dim": 3, "kernel_initializer": value}
    for field in ("source", "target", "transfer_weight", "gate"):
        hostile = changed(own, (field,), value)
        assert is_refused(hostile, keras_dcat.DCATModel.from_config), field
    hostile = {"gate": value, "temperature": 2.0}
    assert is_refused(hostile, Calibrated.from_config)
    assert is_refused({"loss": value}, KerasDistillation.from_config)
    assert is_refused(attention, keras_dcat.AttentionKV.from_config)
    assert traces(bait) == set()


@pytest.mark.parametrize("what", ["a class of a foreign module", "a Lambda layer"])
@pytest.mark.parametrize("field", ["a layer of the source", "gate", "loss"])
def test_a_file_with_it_is_refused(what, field, archive, config, bait):
    text = json.dumps(changed(config, FIELDS[field], HOSTILE[what](bait)))
    path = rewritten(archive, bait / "hostile.keras", {"config.json": text})
    with pytest.raises(REFUSED):
        keras.models.load_model(path)
    assert traces(bait) == set()


@pytest.mark.parametrize("what", ["a class of a foreign module", "a Lambda layer"])
def test_the_command_line_refuses_a_target_with_it(what, bait):
    own = bait / "target.keras"
    branch(3).save(own)
    hostile = changed(config_of(own), ("config", "layers", 1), HOSTILE[what](bait))
    members = {"config.json": json.dumps(hostile)}
    path = rewritten(own, bait / "hostile.keras", members)
    with pytest.raises(REFUSED, match=r"Bait|[Ll]ambda"):
        read_model(path)
    assert traces(bait) == set()


def test_a_loss_that_is_none_of_keras_distillation_is_refused_with_the_remedy():
    mean = keras.saving.serialize_keras_object(keras.losses.MeanSquaredError())
    with pytest.raises(ValueError, match=r"Received: MeanSquaredError\. Use `keras\.d"):
        KerasDistillation.from_config({"loss": mean})
