"""Saved models as a stranger may change them, and bait that tells what they did."""

import copy
import json
import pathlib
import warnings
import zipfile

import keras

import keras_dcat
from keras_dcat.transfer import Calibrated, FeatureInfoNCE

# What Keras raises, and we; a KeyError or AttributeError where a config makes no sense.
REFUSED = (TypeError, ValueError, KeyError, AttributeError)
# A module that leaves a trace when it is imported, and when its class is made.
BAIT = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()

class Bait:
    @classmethod
    def from_config(cls, config):
        pathlib.Path(__file__).with_name("made").touch()
        return cls()
"""
_GRAPH = ("name", "inbound_nodes")  # of a layer: where it stands in a functional model


def named(module, class_name, config=None):
    """A config that names a class of a module."""
    return {
        "module": module,
        "class_name": class_name,
        "config": {} if config is None else config,
        "registered_name": class_name,
    }


def _function(module, name):
    return {**named(module, "function", name), "registered_name": name}


def _lambda(is_layer):
    """What Keras itself writes of a layer with a lambda, or of the lambda."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is unsafe
        layer = keras.layers.Lambda(lambda x: x, output_shape=(1,), name="own")
        config = keras.saving.serialize_keras_object(layer)
    return config if is_layer else config["config"]["function"]


# Each a function of the folder that the bait lies in.
HOSTILE = {
    "a class of a foreign module": lambda folder: named("dcat_bait", "Bait"),
    "a class that says it is ours": lambda folder: {
        **named("dcat_bait", "Bait"),
        "registered_name": "keras_dcat>Bait",
    },
    "os.system": lambda folder: _function("os", "system"),
    "builtins.eval": lambda folder: _function("builtins", "eval"),
    "pickle.loads": lambda folder: _function("pickle", "loads"),
    "subprocess.Popen": lambda folder: named(
        "subprocess", "Popen", {"args": ["touch", str(folder / "made")]}
    ),
    "a download": lambda folder: _function("keras.utils", "get_file"),
    "the switch of the safe mode": lambda folder: _function(
        "keras.config", "enable_unsafe_deserialization"
    ),
    "what is behind Keras's public names": lambda folder: _function(
        "keras.src.utils.python_utils", "func_load"
    ),
    "a lambda": lambda folder: _lambda(is_layer=False),
    "a Lambda layer": lambda folder: _lambda(is_layer=True),
    "a SavedModel": lambda folder: named(
        "keras.layers", "TFSMLayer", {"filepath": str(folder)}
    ),
    "a file of words": lambda folder: named(
        "keras.layers", "StringLookup", {"vocabulary": str(folder / "words.txt")}
    ),
}
# Where a saved `DCATModel` has something made: for itself, for its loss, for its gate.
FIELDS = {
    "the model itself": (),
    "source": ("config", "source", 0),
    "a layer of the source": ("config", "source", 0, "config", "layers", 1),
    "a weight's regularizer": (
        *("config", "source", 0, "config", "layers", 1),
        *("config", "kernel_regularizer"),
    ),
    "target": ("config", "target"),
    "gate": ("config", "gate", 0),
    "gate of a calibrated gate": ("config", "gate", 0, "config", "gate"),
    "transfer weight": ("config", "transfer_weight"),
    "loss": ("config", "loss", 0),
    "loss of Keras in a loss": ("config", "loss", 1, "config", "loss"),
    "loss of the classes": ("compile_config", "loss"),
    "optimizer": ("compile_config", "optimizer"),
    "metric": ("compile_config", "weighted_metrics", 0),
}


def branch(features):
    """The smallest model that can teach and learn."""
    inputs = keras.Input((5, features))
    x = keras_dcat.AttentionKV(2, kernel_regularizer="l2")(inputs)
    x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, x)


def saved_pair(path: pathlib.Path) -> pathlib.Path:
    """A `.keras` in which each field of ours that can hold an object holds one."""
    model = keras_dcat.DCATModel(
        branch(4),
        branch(3),
        transfer_weight=keras.optimizers.schedules.CosineDecay(0.3, 100),
        gate=Calibrated("soft", 2.0),
        loss=[FeatureInfoNCE(), keras.distillation.LogitsDistillation()],
    )
    model.optimizer.build(model.trainable_variables)
    model.save(path)
    return path


def config_of(archive):
    """What a `.keras` says is to be made."""
    with zipfile.ZipFile(archive) as file:
        return json.loads(file.read("config.json"))


def places(config, place=(), owner=""):
    """Pairs of `(class, field)` and the place where a config has an object made."""
    if isinstance(config, dict):
        if "class_name" in config and "config" in config:
            names = [step for step in place if isinstance(step, str)]
            yield (owner, names[-1] if names else ""), place
            owner = config["class_name"]
        for step, each in config.items():
            yield from places(each, (*place, step), owner)
    elif isinstance(config, list):
        for step, each in enumerate(config):
            yield from places(each, (*place, step), owner)


def changed(config, place, value):
    """A config with another value at a place; a layer stays where it was in a graph."""
    if not place:
        return value
    config = copy.deepcopy(config)
    owner, last = config, place[-1]
    for step in place[:-1]:
        owner = owner[step]
    replaced = owner[last] if isinstance(owner[last], dict) else {}
    graph = {key: replaced[key] for key in _GRAPH if key in replaced}
    owner[last] = {**value, **graph} if graph else value
    return config


def rewritten(archive, path, members) -> pathlib.Path:
    """A copy of a `.keras`, with some of its members replaced, or more of them."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name not in members:
                new.writestr(name, old.read(name))
        for name, content in members.items():
            new.writestr(name, content)
    return path
