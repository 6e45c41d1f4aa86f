"""What every test starts from: a seed, a backend, no leftovers."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import keras
import numpy as np
import pytest

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("no_deadline", deadline=None)
hypothesis.settings.load_profile("no_deadline")

TENSORFLOW_ONLY = "needs the TensorFlow backend"


def pytest_configure(config):
    config.addinivalue_line("markers", f"tensorflow: {TENSORFLOW_ONLY}")
    config.addinivalue_line("markers", "slow: takes most of a minute, or more")


def pytest_collection_modifyitems(items):
    if keras.backend.backend() == "tensorflow":
        return
    for item in items:
        if item.get_closest_marker("tensorflow"):
            item.add_marker(pytest.mark.skip(reason=TENSORFLOW_ONLY))


def pytest_collection_finish():
    """What is imported stays, and is not looked through for garbage again and again.

    KerasTuner asks for that before each trial, where it takes a second.
    """
    gc.freeze()


@pytest.fixture(autouse=True)
def fresh_state():
    """The same weights in every run, and no policy left behind by another test."""
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="session")
def no_compiler():
    """On TensorFlow, XLA compiles a step for longer than most tests train.

    Tests that are about it ask for it; `make test-all` has it everywhere, as users do.
    """
    patch = pytest.MonkeyPatch()
    if keras.backend.backend() == "tensorflow" and "TEST_WITH_XLA" not in os.environ:
        patch.setattr(keras.Model, "_resolve_auto_jit_compile", lambda self: False)
    yield
    patch.undo()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
