"""What of a callback goes on in another training: what it has counted, and no more."""

from typing import Any

import keras
import numpy as np

# By the class that has them. All else of these classes is how they were made.
_NAMED = {
    "EarlyStopping": {"wait", "stopped_epoch", "best", "best_epoch", "best_weights"},
    "ReduceLROnPlateau": {"wait", "best", "cooldown_counter"},
    "ModelCheckpoint": {
        "best",
        "_current_epoch",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    },
    "NegativeTransferGuard": {"_is_source_checked", "_epochs_better", "reason"},
    "TransferEarlyStopping": {"_best", "_waited", "_missed", "reason"},
    "RestoreBaseline": {
        "reason",
        *("alone_f1", "taught_f1", "alone_error", "taught_error"),
    },
    "FirstEpochCheck": {"_has_trained", "_is_first_epoch"},
    "TransferMonitor": {"rows", "reason"},
}
_IN_WORDS = "reason"
_MOST_LETTERS = 10_000


def counters(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """What a callback has counted so far.

    Args:
        callback: `keras.callbacks.Callback`.

    Returns:
        dict from the name of an attribute to its value.

    Example:

    >>> stopping = keras.callbacks.EarlyStopping("loss", patience=3)
    >>> sorted(counters(stopping))
    ['best', 'best_weights', 'stopped_epoch', 'wait']
    """
    found = vars(callback).items()
    return {name: value for name, value in found if is_counter(callback, name, value)}


def is_counter(callback: keras.callbacks.Callback, name: str, value: Any) -> bool:
    """Whether an attribute may be put back: it counts, and leads nowhere.

    Of callbacks of Keras and of this package they are known by name. Of others those
    are taken that are numbers, arrays, or lists and dicts of them, where the callback
    has such a one or none: never text, which may be a path.

    Args:
        callback: `keras.callbacks.Callback`.
        name: str.
        value: what it is to be.

    Returns:
        bool.
    """
    known = [each for each in type(callback).__mro__ if _is_known(each)]
    if any(name in _NAMED.get(each.__name__, ()) for each in known):
        is_text = name == _IN_WORDS and type(value) is str
        return _counts(value) or (is_text and len(value) <= _MOST_LETTERS)
    every = vars(keras.callbacks.Callback())  # the model, and how it trains
    if _is_known(type(callback)) or name.startswith("__") or name in every:
        return False
    now = vars(callback).get(name)
    return not hasattr(type(callback), name) and _counts(value) and _counts(now)


def _is_known(kind):
    return kind.__module__.split(".")[0] in ("keras", "keras_dcat")


def _counts(value):
    """Whether something is made of numbers alone."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return all(map(_counts, value))
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "biufV"  # bfloat16 is a kind of its own
    return value is None or isinstance(value, (bool, int, float))
