"""One small valid file of every kind that is read."""

from tests.reliability.own_files import of_own_files
from tests.reliability.public_data import of_public_data
from tests.reliability.specimens import of_recordings


def every_file():
    """Dict from a kind to its `Specimen`."""
    return {**of_recordings(), **of_own_files(), **of_public_data()}
