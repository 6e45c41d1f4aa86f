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
