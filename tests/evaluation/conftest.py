"""Small models are trained step by step: to trace them would take longer."""

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def eager():
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def pytest_collection_modifyitems(items):
    ignored = pytest.mark.filterwarnings("ignore:Even though the .tf.config")
    for item in items:
        if item.path.parent.name == "evaluation":
            item.add_marker(ignored)
