"""Models that a command has written, or is given."""

import pathlib

import keras

import keras_dcat  # noqa: F401  its layers are registered
from keras_dcat.cli.experiment import Experiment


def model_of(experiment: Experiment, name: str) -> keras.Model:
    """A model that `train` has written.

    Args:
        experiment: `Experiment`.
        name: str, such as `"target.keras"`.

    Returns:
        `keras.Model`.

    Raises:
        FileNotFoundError: if it was not trained yet.
        ValueError: if it is damaged.
    """
    path = experiment.output / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there. First: keras-dcat train")
    return read_model(path)


def read_model(path: pathlib.Path) -> keras.Model:
    """A model out of a `.keras` file, in Keras's safe mode.

    Args:
        path: path.

    Returns:
        `keras.Model`.

    Raises:
        ValueError: if the file is damaged, or not one that Keras would read.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras, h5py and zipfile raise a dozen kinds
        found = " ".join(f"{type(error).__name__} {error}".split()).rstrip(".")
        raise ValueError(
            "A model must be a `.keras` file, as it was saved. "
            f"Received: {str(path)!r} ({found}). Train it anew, or save it anew."
        ) from error
