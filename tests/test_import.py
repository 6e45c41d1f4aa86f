"""What importing the package brings along."""

import json
import os
import subprocess
import sys

import keras
import pytest

HEAVY = ("tensorflow", "scipy", "matplotlib", "sklearn", "pandas", "seglearn")


NAMESPACES = (
    "datasets diagnosis encoders evaluation export metrics plots recordings streaming "
    "transfer tuning windows"
).split()

# One process, as to start one takes longer than all that is asked of it.
ASKED = f"""
import json, sys, keras
before = set(sys.modules)

def loaded():
    return sorted(m for m in set(sys.modules) - before if "." not in m)

import keras_dcat
told = {{"import": loaded(), "names": dir(keras_dcat)}}
from keras_dcat import attention, datasets, evaluation, metrics, plots
from keras_dcat import recordings, transfer, windows
told["everything"] = loaded()
datasets.load_watch()
told["watch"] = loaded()
told["found"] = [getattr(keras_dcat, name).__name__ for name in {NAMESPACES}]
told["inside"] = keras_dcat.windows.augmentation.Jitter.__name__
print(json.dumps(told))
keras_dcat.window
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def told():
    """What a new process says of imports, and the error that it ends in."""
    finished = run(ASKED)
    assert finished.stdout, finished.stderr
    return {**json.loads(finished.stdout), "error": finished.stderr}


@pytest.mark.parametrize("what", ["import", "everything"])
def test_importing_it_loads_nothing_heavy(told, what):
    assert "keras_dcat" in told[what]
    assert set(told[what]).isdisjoint(HEAVY)


def test_loading_the_watch_data_does_not_import_the_package_that_ships_it(told):
    assert "keras_dcat" in told["watch"]
    assert "seglearn" not in told["watch"]


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="it is there")
def test_the_pipeline_is_what_brings_tensorflow():
    code = "import sys\nfrom keras_dcat.windows import pair_dataset\n"
    assert run(f"{code}print('tensorflow' in sys.modules)").stdout == "True\n"


def test_every_namespace_is_there_after_one_import(told):
    assert set(NAMESPACES) <= set(told["names"])
    assert told["found"] == [f"keras_dcat.{name}" for name in NAMESPACES]
    assert told["inside"] == "Jitter"


def test_a_misspelt_namespace_is_no_attribute_and_a_near_one_is_named(told):
    message = "AttributeError: module 'keras_dcat' has no attribute 'window'"
    assert message in told["error"]
    assert "Did you mean: 'windows'?" in told["error"]


# What is not installed, a page of help of what is, and a use of what is not.
WITHOUT = """
import sys
sys.modules["keras_tuner"] = sys.modules["matplotlib"] = None
import keras_dcat, pydoc
print(pydoc.render_doc(keras_dcat))
keras_dcat.tuning, keras_dcat.plots
keras_dcat.tuning.MACRO_F1
"""


def test_what_is_not_installed_is_asked_for_where_it_is_used():
    finished = run(WITHOUT)
    assert "diagnose" in finished.stdout
    assert "ImportError: `keras_tuner` is needed here" in finished.stderr
    assert "pip install 'keras_dcat[tuner]'" in finished.stderr
