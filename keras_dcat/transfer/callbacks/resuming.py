"""A training on disk by epoch: one that was killed ends as it would have."""

import json
import os
import pathlib
import random
from typing import Any

import keras
import numpy as np

from keras_dcat.file_kinds import check_is_file
from keras_dcat.storage import JSON_ERRORS, fingerprint, stored_arrays, written_whole
from keras_dcat.transfer.callbacks.counters import counters, is_counter


class ResumeTraining(keras.callbacks.Callback):
    """Saves a training after each epoch; a killed one continues from there.

    Called again with the same arguments, it ends with the same result, bit for bit
    where the machine is deterministic. The file has all that the next epoch starts
    from: weights, optimizer, λ, random seeds of layers, random numbers of NumPy and
    Python, history, and counters of other callbacks. Of your own callbacks it has
    attributes that are numbers, arrays, or lists and dicts of them. Shuffled orders of
    a seeded `tf.data.Dataset` continue, too. An unfinished epoch starts again.

    The file is replaced as a whole, and stays after the last epoch, so that a kill
    before the model is saved loses nothing. To train anew, delete it.

    An epoch must be one pass over a dataset (no `steps_per_epoch`). A `PyDataset` or a
    generator must itself give what belongs to an epoch, and arrays on torch must come
    in order (`shuffle=False`).

    Args:
        path: str or path of an `.npz` file, of this training alone.

    Raises:
        ValueError: if there is a folder or a device; when training begins, if the file
            is damaged, or of another model.
        OSError: if it cannot be written.

    Example:

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/training.npz"
    >>> def train(epochs):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile("adam", "mse")
    ...     options = {"epochs": epochs, "callbacks": [ResumeTraining(path)]}
    ...     x, y = np.ones((4, 2)), np.zeros((4, 1))
    ...     return model.fit(x, y, verbose=0, **options).epoch
    >>> train(2), train(3), train(3)
    ([0, 1], [0, 1, 2], [0, 1, 2])
    """

    def __init__(self, path: str | os.PathLike):
        super().__init__()
        check_is_file(path)
        self._path = pathlib.Path(path)
        self._data: Any = None
        self._others: list[keras.callbacks.Callback] = []

    def accompany(self, data: Any, callbacks: Any) -> None:
        """What else goes on; `DCATModel.fit` says so itself, before it begins.

        Args:
            data: the `tf.data.Dataset` that is trained on; others are left alone.
            callbacks: the callbacks that train along.
        """
        self._data = data
        self._others = [each for each in callbacks if each is not self]

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._epochs, self._history = [], {}
        self._begun = [_attributes(each) for each in self._others]
        if not self._path.exists():
            # At once: a place that cannot be written to is found out before training.
            self._keep()
            return
        kept = self._read()
        for variable, value in zip(self._variables(), kept["variables"], strict=True):
            variable.assign(value)
        for callback, (_, counted) in zip(self._others, kept["callbacks"], strict=True):
            for name, value in counted.items():
                setattr(callback, name, value)
        np.random.set_state(kept["numpy"])
        random.setstate(_of_python(kept["python"]))
        self._epochs, self._history = kept["epochs"], kept["history"]
        self.model.history.history.update(
            {name: list(values) for name, values in self._history.items()}
        )
        is_last = kept["has_stopped"]  # as by `EarlyStopping`
        self.model._initial_epoch = (
            self.params["epochs"] if is_last else max(self._epochs, default=-1) + 1
        )
        for _ in range(len(self._epochs) * _iterators_an_epoch(self._data)):
            iter(self._data)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(np.asarray(value).tolist())
        self._epochs.append(epoch)
        self._keep()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.model.history.epoch = self._epochs

    def _keep(self):
        kept = {
            "epochs": self._epochs,
            "history": self._history,
            "has_stopped": self.model.stop_training,
            "callbacks": self._counted(),
            "numpy": np.random.get_state(legacy=False),
            "python": random.getstate(),
            "variables": [
                keras.ops.convert_to_numpy(variable) for variable in self._variables()
            ],
        }
        text, arrays = _packed(kept)
        own = sealed(text, arrays)
        with written_whole(self._path) as part, part.open("wb") as file:
            np.savez(file, kept=np.array(text), sha256=np.array(own), **arrays)

    def _counted(self):
        """The kind of each other callback, and which of its attributes have changed."""
        found = []
        for callback, begun in zip(self._others, self._begun, strict=True):
            now = _attributes(callback)
            changed = [name for name in now if not _equal(now[name], begun.get(name))]
            counted = {name: vars(callback)[name] for name in changed}
            found.append([type(callback).__name__, counted])
        return found

    def _variables(self):
        """All state but that of metrics, which starts anew with every epoch."""
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        of_metrics = {id(v) for metric in self.model.metrics for v in metric.variables}
        own = [v for v in self.model.variables if id(v) not in of_metrics]
        return own + list(optimizer.variables)

    def _read(self):
        try:
            arrays = dict(stored_arrays(self._path))
            text, own = (str(arrays.pop(name)) for name in ("kept", "sha256"))
            if own != sealed(text, arrays):
                raise ValueError("its checksum is another one: it is damaged")
            kept = _unpacked(text, arrays)
            _check(kept)
        except (OSError, *JSON_ERRORS) as error:
            raise self._refused(f"it cannot be read ({error})") from error
        shapes = [tuple(v.shape) for v in self._variables()]
        if [value.shape for value in kept["variables"]] != shapes:
            raise self._refused("its weights or its optimizer are of another model")
        kinds = [kind for kind, _ in kept["callbacks"]]
        own = [type(each).__name__ for each in self._others]
        if kinds != own:
            raise self._refused(f"it had the callbacks {kinds}, and this has {own}")
        for callback, (kind, counted) in zip(
            self._others, kept["callbacks"], strict=True
        ):
            for name, value in counted.items():
                if not is_counter(callback, name, value):
                    reason = f"it would set {name!r} of {kind}, which counts nothing"
                    raise self._refused(reason)
        return kept

    def _refused(self, reason):
        return ValueError(
            "`path` must be new, or of the very training that goes on. "
            f"Received: {str(self._path)!r}; {reason}. Delete it, or take another path."
        )


def sealed(text: str, arrays: dict) -> str:
    """The checksum of what is kept, by which damage is found.

    Args:
        text: str, of `_packed`.
        arrays: dict of arrays, of `_packed`.

    Returns:
        str of hexadecimal digits.
    """
    rows = {name: np.atleast_1d(array) for name, array in arrays.items()}
    return fingerprint(rows, [text, [np.shape(array) for array in arrays.values()]])


def _check(kept):
    """That every part is of its kind, before the first of them is put back."""
    epochs, history = kept["epochs"], kept["history"]
    first = min(epochs, default=0)
    fits = (
        epochs == list(range(first, first + len(epochs)))
        and all(isinstance(values, list) for values in history.values())
        and isinstance(kept["has_stopped"], bool)
        and all(isinstance(counted, dict) for _, counted in kept["callbacks"])
        and all(value.dtype.kind in "biuf" for value in kept["variables"])
        # NumPy does not look at it, and would read whatever lies there.
        and 0 <= kept["numpy"]["state"]["pos"] <= len(kept["numpy"]["state"]["key"])
    )
    if not fits:
        raise ValueError("a part of it is of another kind")
    # Tried on generators that nobody else uses.
    np.random.RandomState().set_state(kept["numpy"])
    random.Random().setstate(_of_python(kept["python"]))


def _of_python(kept):
    """The state of Python's random numbers, in which JSON has no tuples."""
    version, numbers, gauss = kept
    return version, tuple(numbers), gauss


def _iterators_an_epoch(data):
    """How many iterators Keras makes of a dataset; each is another order."""
    if not hasattr(data, "element_spec"):
        return 0
    # On TensorFlow it makes one more at the end of an epoch whose length it knows.
    is_sized = keras.backend.backend() == "tensorflow" and int(data.cardinality()) > 0
    return 2 if is_sized else 1


def _attributes(callback):
    """What a callback has counted, packed as JSON and arrays, by name."""
    found = {}
    for name, value in counters(callback).items():
        try:
            found[name] = _packed(value)
        except (TypeError, ValueError):  # a dict whose keys JSON does not have
            continue
    return found


def _equal(packed, other):
    if other is None or packed[0] != other[0]:
        return False
    pairs = zip(packed[1].values(), other[1].values(), strict=True)
    return all(np.array_equal(*pair) for pair in pairs)


def _packed(kept):
    """Something as JSON, and the arrays in it by the names that stand for them."""
    arrays: dict[str, Any] = {}

    def named(value):
        if not isinstance(value, (np.ndarray, np.generic)):
            raise TypeError
        name = f"array_{len(arrays)}"
        # bfloat16, which NumPy does not know, loses nothing.
        arrays[name] = value.astype("float32") if value.dtype.kind == "V" else value
        return {"array": name}

    return json.dumps(kept, default=named), arrays


def _unpacked(text, arrays):
    """The opposite of `_packed`."""
    return json.loads(
        text,
        object_hook=lambda x: arrays[x["array"]][()] if set(x) == {"array"} else x,
    )
