"""What every test starts from: a seed, a backend, no leftovers.

Keras and its backend are imported late: where pytest-xdist deals tests out, the process
that deals needs neither.
"""

import collections
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
EACH_VALUE = "of all combinations of parameters, the quick ones have each value once"
# `make test-all` traces and compiles every step on TensorFlow, as Keras does for users.
AS_USERS_DO = "TEST_WITH_XLA" in os.environ


def pytest_configure(config):
    config.addinivalue_line("markers", f"tensorflow: {TENSORFLOW_ONLY}")
    config.addinivalue_line("markers", "slow: left to `make test-all`")
    config.addinivalue_line("markers", f"each_value: {EACH_VALUE}")
    config.addinivalue_line("markers", "traced: is not run eagerly, see `eager`")


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at marks
def pytest_collection_modifyitems(items):
    leave_each_value_once(items)
    if on_tensorflow():
        return
    for item in items:
        if item.get_closest_marker("tensorflow"):
            item.add_marker(pytest.mark.skip(reason=TENSORFLOW_ONLY))


def leave_each_value_once(items):
    """Marks combinations of parameters `slow`, but for a diagonal through them.

    A test of 4 kinds of data and 3 kinds of faults so has 4 quick cases in place of 12.
    """
    tests = collections.defaultdict(list)
    for item in items:
        if item.get_closest_marker("each_value"):
            tests[item.path, item.originalname].append(item)
    for cases in tests.values():
        told = [
            {name: repr(value) for name, value in case.callspec.params.items()}
            for case in cases
        ]
        values = {
            name: list(dict.fromkeys(each[name] for each in told)) for name in told[0]
        }
        diagonal = [
            {name: own[at % len(own)] for name, own in values.items()}
            for at in range(max(map(len, values.values())))
        ]
        for case, each in zip(cases, told, strict=True):
            if each not in diagonal:
                case.add_marker(pytest.mark.slow)


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
