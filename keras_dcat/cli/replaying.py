"""Recordings of an experiment as samples that come in, for `stream`."""

import pathlib

import numpy as np

from keras_dcat.cli.data import load, prepare
from keras_dcat.cli.experiment import Experiment
from keras_dcat.recordings import Recording
from keras_dcat.streaming import MarkovSmoothing, MedianSmoothing, Sensor
from keras_dcat.windows import stretches


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


def sensors_of(experiment: Experiment, recording: Recording) -> list[Sensor]:
    """What a page draws: the target and, where it can be drawn, the source.

    Args:
        experiment: `Experiment`.
        recording: `Recording`, of those that are replayed.

    Returns:
        list of `Sensor`, the target first, with the names of their columns.
    """
    sensors = []
    for name in (experiment.target, experiment.source):
        files = experiment.data.streams.get(name)
        columns = getattr(files, "columns", None) or ()
        shape = np.shape(recording.streams[name].values)[1:]
        if name == experiment.target or len(shape) == 1:
            numbered = range(1, shape[0] + 1) if len(shape) == 1 else ()
            names = columns if len(columns) == len(numbered) else numbered
            sensors.append(Sensor(name, tuple(map(str, names))))
    return sensors


def smoothing_of(
    experiment: Experiment, words: str
) -> float | MedianSmoothing | MarkovSmoothing:
    """How decisions are smoothed over time.

    Args:
        experiment: `Experiment`, of whose training a Markov model counts the changes.
        words: str: a share, `median` or `markov`, and behind `:` how many windows.

    Returns:
        float, `MedianSmoothing` or `MarkovSmoothing`.

    Raises:
        ValueError: if it is none of these, or the training shows no change.
    """
    kind, _, number = words.partition(":")
    try:
        if kind == "median":
            return MedianSmoothing(int(number or 5))
        if kind != "markov":
            return float(words)
        delay = int(number or 2)
    except ValueError as error:
        raise ValueError(
            "A smoothing must be a share from 0 to below 1, `median:5` or `markov:2`. "
            f"Received: {words!r} ({error}). Take `median:5`."
        ) from error
    prepared, cut = prepare(experiment), experiment.windows
    return MarkovSmoothing.of(
        prepared.train.labels,
        stretches(prepared.train),
        len(prepared.class_names),
        delay=delay,
        weight=min(1.0, cut.stride / cut.length),
    )
