"""Recordings of an experiment as samples that come in, for `stream`."""

import pathlib

from keras_dcat.cli.data import load
from keras_dcat.cli.experiment import Experiment
from keras_dcat.recordings import Recording


def artefact_of(experiment: Experiment, given: pathlib.Path | None) -> pathlib.Path:
    """The artefact that is asked: the one given, or the LiteRT one of `export`.

    Args:
        experiment: `Experiment`.
        given: path, or None.

    Returns:
        path.

    Raises:
        FileNotFoundError: if it is not there.
    """
    path = given or experiment.output / "device" / "target.tflite"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there. First: keras-dcat export")
    return path


def replayed(experiment: Experiment, session: str | None = None) -> list[Recording]:
    """The recordings that are fed to it.

    Args:
        experiment: `Experiment`.
        session: str. The name of one recording; all of the test unless given.

    Returns:
        list of `Recording`.

    Raises:
        ValueError: if there is none.
    """
    test = {str(who) for who in experiment.split.test}
    own = [
        each
        for each in load(experiment).recordings
        if (str(each.subject) in test if session is None else each.session == session)
    ]
    if not own:
        raise ValueError(
            "There must be a recording to replay. "
            f"Received: no recording of {sorted(test) if session is None else session}."
            " `inspect` says who is there, and `split` who tests."
        )
    return own
