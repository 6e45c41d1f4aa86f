"""Samples and numbers as they are sent, checked before any of them is taken in."""

from typing import Any

import numpy as np

from keras_dcat.export import Description


def checked_samples(samples: Any, description: Description) -> np.ndarray:
    """Samples that fit a model, in float32, or float64 where they are wider.

    Args:
        samples: what was sent.
        description: `Description` of the artefact that takes them.

    Returns:
        float array `(samples, channels…)`.

    Raises:
        ValueError: if they are no numbers, do not fit, or are not finite.
    """
    samples = numbers(samples, "samples")
    is_wide = samples.dtype.kind == "f" and samples.dtype.itemsize > 4
    with np.errstate(over="ignore"):  # what overflows is refused below
        samples = samples.astype("float64" if is_wide else "float32", copy=False)
    channels = tuple(description.shape[1:])
    if not samples.ndim or samples.shape[1:] != channels:
        sizes = ", ".join(map(str, channels))
        raise ValueError(
            f"`samples` must have shape (samples, {sizes}). "
            f"Received: shape {samples.shape}. "
            f"Feed the stream {description.stream!r}, with all its channels."
        )
    # Models take float32, in which 1e39 is infinity.
    if not (np.abs(samples) <= np.finfo("float32").max).all():
        raise ValueError(
            "`samples` must be finite. Received: NaN or infinity. "
            "Leave those samples out, and pass timestamps."
        )
    return samples


def numbers(values: Any, name: str) -> np.ndarray:
    """An array of real numbers, whatever was sent.

    Args:
        values: what was sent.
        name: str. What it is called in an error.

    Returns:
        array.

    Raises:
        ValueError: if they are no real numbers.

    Example:

    >>> numbers([1, 2.5], "samples").tolist()
    [1.0, 2.5]
    """
    try:
        found = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise _no_numbers(name, error) from error
    if found.dtype.kind not in "biuf":
        raise _no_numbers(name, f"values of type {found.dtype}")
    return found


def _no_numbers(name, found):
    return ValueError(
        f"`{name}` must be an array of real numbers. Received: {found}. "
        "Convert them, and leave out what is not a number."
    )
