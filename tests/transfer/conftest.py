"""Small models are trained for a step or two."""

import pytest


@pytest.fixture(autouse=True)
def few_steps(eager):
    """Steps are run eagerly, unless a test is marked `traced`."""
