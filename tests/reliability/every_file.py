"""One small valid file of every kind that is read."""

from tests.reliability.field_files import of_field_files
from tests.reliability.own_files import of_own_files
from tests.reliability.public_data import of_public_data
from tests.reliability.specimens import of_recordings
from tests.reliability.trained_files import of_trained_files


def every_file():
    """Dict from a kind to its `Specimen`."""
    ours = {**of_own_files(), **of_trained_files()}
    return {**of_recordings(), **of_field_files(), **ours, **of_public_data()}
