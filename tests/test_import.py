"""What importing the package brings along."""

import os
import subprocess
import sys

import keras
import pytest

HEAVY = ("tensorflow", "scipy", "matplotlib", "sklearn", "pandas", "seglearn")


def newly_imported(code):
    """Top-level modules that `code` loads here and `import keras` does not."""
    program = (
        "import sys, keras\n"
        "before = set(sys.modules)\n"
        f"{code}\n"
        "print(*sorted(m for m in set(sys.modules) - before if '.' not in m))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(finished.stdout.split())


EVERYTHING = (
    "import keras_dcat\n"
    "from keras_dcat import attention, datasets, evaluation, metrics, plots\n"
    "from keras_dcat import recordings, transfer, windows"
)


@pytest.mark.parametrize("code", ["import keras_dcat", EVERYTHING])
def test_importing_it_loads_nothing_heavy(code):
    loaded = newly_imported(code)
    assert "keras_dcat" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_loading_the_watch_data_does_not_import_the_package_that_ships_it():
    code = "from keras_dcat.datasets import load_watch; load_watch()"
    assert "seglearn" not in newly_imported(code)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="it is there")
def test_the_pipeline_is_what_brings_tensorflow():
    code = "from keras_dcat.windows import pair_dataset"
    assert "tensorflow" in newly_imported(code)


def printed(code):
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return finished.stdout + finished.stderr


NAMESPACES = (
    "datasets diagnosis encoders evaluation export metrics plots recordings streaming "
    "transfer tuning windows"
).split()


def test_every_namespace_is_there_after_one_import():
    code = (
        "import keras_dcat\n"
        f"assert set({NAMESPACES}) <= set(dir(keras_dcat))\n"
        f"print(*(getattr(keras_dcat, n).__name__ for n in {NAMESPACES}))\n"
        "print(keras_dcat.windows.augmentation.Jitter.__name__)"
    )
    named = " ".join(f"keras_dcat.{name}" for name in NAMESPACES)
    assert f"{named}\nJitter\n" in printed(code)


WITHOUT = (
    "import sys\n"
    "sys.modules['keras_tuner'] = sys.modules['matplotlib'] = None\n"
    "import keras_dcat, pydoc\n"
)


def test_what_is_not_installed_is_asked_for_where_it_is_used():
    assert "diagnose" in printed(f"{WITHOUT}print(pydoc.render_doc(keras_dcat))")
    code = f"{WITHOUT}keras_dcat.tuning, keras_dcat.plots; keras_dcat.tuning.MACRO_F1"
    assert "ImportError: `keras_tuner` is needed here" in printed(code)
    assert "pip install 'keras_dcat[tuner]'" in printed(code)


def test_a_misspelt_namespace_is_no_attribute_and_a_near_one_is_named():
    told = printed("import keras_dcat; keras_dcat.window")
    assert "AttributeError: module 'keras_dcat' has no attribute 'window'" in told
    assert "Did you mean: 'windows'?" in told
