"""What a summary calls the models of a transfer: source and target."""

import contextlib

import keras


@contextlib.contextmanager
def called_by_side(sources: tuple[keras.Model, ...], target: keras.Model):
    """Calls models `"source"` and `"target"` for as long as the block lasts.

    Several sources are `"source 0"`, `"source 1"`, …; one that is given twice has the
    first of its numbers. Afterwards all have the names that they had.

    Args:
        sources: tuple of `keras.Model`.
        target: `keras.Model`.

    Example:

    >>> source, target = keras.Sequential(name="imu"), keras.Sequential(name="watch")
    >>> with called_by_side((source,), target):
    ...     print(source.name, target.name)
    source target
    >>> source.name
    'imu'
    """
    numbered = [f"source {at}" for at in range(len(sources))]
    names = numbered if len(sources) > 1 else ["source"]
    # From the last to the first, so that the first number of a source stays.
    sides = [*zip(sources, names, strict=True), (target, "target")][::-1]
    before = [(model, model.name) for model, _ in sides]
    try:
        for model, name in sides:
            model.name = name
        yield
    finally:
        for model, name in before:
            model.name = name
