"""What every test starts from: a seed, a backend, no leftovers.

Keras and its backend are imported late: where pytest-xdist deals tests out, the process
that deals needs neither.
"""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import numpy as np
import pytest

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("no_deadline", deadline=None)
hypothesis.settings.load_profile("no_deadline")

TENSORFLOW_ONLY = "needs the TensorFlow backend"
# `make test-all` traces and compiles every step on TensorFlow, as Keras does for users.
AS_USERS_DO = "TEST_WITH_XLA" in os.environ


def pytest_configure(config):
    config.addinivalue_line("markers", f"tensorflow: {TENSORFLOW_ONLY}")
    config.addinivalue_line("markers", "slow: takes most of a minute, or more")
    config.addinivalue_line("markers", "traced: is not run eagerly, see `eager`")


def pytest_collection_modifyitems(items):
    if on_tensorflow():
        return
    for item in items:
        if item.get_closest_marker("tensorflow"):
            item.add_marker(pytest.mark.skip(reason=TENSORFLOW_ONLY))


def on_tensorflow():
    import keras

    return keras.backend.backend() == "tensorflow"


@pytest.fixture(autouse=True)
def fresh_state():
    """The same weights in every run, and no policy left behind by another test."""
    import keras

    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def few_objects_to_look_through():
    """What is left of other modules is not looked through for garbage again and again.

    Keras and KerasTuner ask for that whenever a session is cleared, and Python itself
    does; among all that a thousand tests leave behind, each time takes seconds.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_compiler():
    """On TensorFlow, XLA compiles a step for longer than most tests train.

    Tests that are about it ask for it; `make test-all` has it everywhere, as users do.
    """
    import keras

    patch = pytest.MonkeyPatch()
    if on_tensorflow() and not AS_USERS_DO:
        patch.setattr(keras.Model, "_resolve_auto_jit_compile", lambda self: False)
    yield
    patch.undo()


@pytest.fixture
def eager(request, monkeypatch):
    """On TensorFlow, to trace a step takes as long as ten steps that are not traced.

    Few tests take as many. What is about tracing, or takes more, is marked `traced`;
    `make test-all` traces every step, as users do.
    """
    import keras

    is_traced = AS_USERS_DO or request.node.get_closest_marker("traced")
    if on_tensorflow() and not is_traced:
        always = property(lambda self: True, lambda self, asked: None)
        monkeypatch.setattr(keras.Model, "run_eagerly", always)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
