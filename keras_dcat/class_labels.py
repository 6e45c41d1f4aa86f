"""Labels in arrays: which of their values say a class, and which say none."""

import numpy as np
import numpy.typing as npt

# float16 rounds rows of many classes to 1 ± some thousandths.
_ROUNDING = 1e-2
ROW_RULE = (
    "Rows of one-hot labels must not be negative, and must add up to 1, or be zeros "
    "only for no label."
)
ROW_CURE = (
    "Give each window one class, or shares of classes. For several classes at once "
    "the models must end in a sigmoid for each: task='multilabel'."
)
ANSWER_RULE = "Labels of yes or no must be 1 or 0, and -1 or NaN for no label."
ANSWER_CURE = (
    "Give 1 where the label applies, 0 where it does not, and -1 where it is unknown."
)


def class_rule(num_classes: int | None) -> str:
    """What integer labels must be, as a sentence.

    Args:
        num_classes: int, or `None` where that is not known.

    Returns:
        str.

    Example:

    >>> class_rule(4)
    'Labels must be whole numbers from 0 to 3, or -1 for no label.'
    """
    last = "" if num_classes is None else f" to {num_classes - 1}"
    return f"Labels must be whole numbers from 0{last}, or -1 for no label."


def class_cure(num_classes: int | None) -> str:
    """What is to be done with integer labels that are others.

    Args:
        num_classes: int, or `None` where that is not known.

    Returns:
        str, a sentence.

    Example:

    >>> class_cure(None)
    'Number the classes from 0, and give -1 where there is none.'
    """
    cure = "Number the classes from 0, and give -1 where there is none"
    if num_classes is None:
        return f"{cure}."
    return f"{cure}, or build models with more than {num_classes} classes."


def are_classes(labels, num_classes, rounded):
    """Which labels are whole numbers of classes, or -1 for no label.

    Args:
        labels: array, or tensor of TensorFlow, of signed numbers.
        num_classes: int, or `None` where that is not known.
        rounded: `labels`, rounded to whole numbers.

    Returns:
        bool array or tensor. False for NaN.
    """
    fits = (labels >= -1) & (labels == rounded)
    if num_classes is None:
        return fits & (labels < np.inf)
    return fits & (labels < num_classes)


def are_class_rows(labels, totals, all_of):
    """Which rows of one-hot labels are one class, or shares of some, or nothing.

    Args:
        labels: array, or tensor of TensorFlow, of signed numbers `(windows, classes)`.
        totals: `(windows,)`, their sums.
        all_of: function of a bool array or tensor that reduces over the classes.

    Returns:
        bool array or tensor `(windows,)`. False for NaN.
    """
    is_one = (totals > 1 - _ROUNDING) & (totals < 1 + _ROUNDING)
    return (is_one & all_of(labels > -1e-6)) | all_of(labels == 0)


def checked_labels(labels: npt.ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """Labels that say of each window one class, shares of classes, or nothing.

    Args:
        labels: whole numbers `(windows,)` or `(windows, 1)`, -1 for no label; or
            one-hot `(windows, classes)`, zeros for no label.
        num_classes: int, at least 2; or `None` where that is not known.

    Returns:
        array of numbers, of the same shape.

    Raises:
        ValueError: if they are text or other objects, of another shape, or no classes.

    Example:

    >>> checked_labels([2, -1], 3).tolist(), checked_labels([[0, 1], [0, 0]]).tolist()
    ([2, -1], [[0, 1], [0, 0]])
    """
    if np.ma.is_masked(labels):
        raise ValueError(
            "Labels must say by -1 which windows have none. Received: a masked array. "
            "Fill it: labels.filled(-1)."
        )
    labels = np.asarray(labels)
    check_kind(labels)
    columns = labels.shape[1] if labels.ndim == 2 else 1
    if labels.ndim not in (1, 2) or columns not in (1, num_classes or columns):
        forms = "one-hot (windows, classes)"
        if num_classes is not None:
            forms = f"one-hot (windows, {num_classes})"
        raise ValueError(
            f"Labels must be classes (windows,), or {forms}. "
            f"Received: shape {labels.shape}. Give one label for each window."
        )
    # Signed, for -1 would be the largest of unsigned integers.
    numbers = labels.astype("float64")
    if columns > 1:
        _check_rows(labels, numbers)
        return labels
    holds = are_classes(numbers, num_classes, np.rint(numbers))
    if not holds.all():
        wrong = labels[~holds]
        raise ValueError(
            f"{class_rule(num_classes)} Received: {few(np.unique(wrong))} "
            f"({len(wrong)} of {len(labels)} labels). {class_cure(num_classes)}"
        )
    return labels


def checked_classes(
    labels: npt.ArrayLike, num_classes: int | None = None
) -> np.ndarray:
    """Labels that say of each window one class or nothing, by number.

    Args:
        labels: whole numbers `(windows,)` or `(windows, 1)`, -1 for no label.
        num_classes: int, or `None` where that is not known.

    Returns:
        int64 array `(windows,)`.

    Raises:
        ValueError: if they are text or other objects, of another shape, or no classes.

    Example:

    >>> checked_classes(np.array([[2.0], [-1.0]]), 3).tolist()
    [2, -1]
    """
    shape = np.shape(labels)
    if len(shape) != 1 and shape[1:] != (1,):
        raise ValueError(
            "Labels must be one number for each window, (windows,). "
            f"Received: shape {shape}. Take the class of one-hot rows, "
            "labels.argmax(axis=-1), and -1 for rows of zeros."
        )
    return checked_labels(labels, num_classes).reshape(-1).astype("int64")


def checked_answers(labels: npt.ArrayLike) -> np.ndarray:
    """Labels that say yes, no or nothing, one or several of each window.

    Args:
        labels: array of 1, 0, and -1 or NaN for no label, of any shape.

    Returns:
        int64 array of the same shape, -1 for no label.

    Raises:
        ValueError: if they are something else.

    Example:

    >>> checked_answers([[1.0, 0.0], [float("nan"), -1.0]]).tolist()
    [[1, 0], [-1, -1]]
    """
    labels = np.asarray(labels)
    check_kind(labels)
    numbers = labels.astype("float64")
    numbers = np.where(np.isnan(numbers), -1.0, numbers)
    holds = np.isin(numbers, (-1.0, 0.0, 1.0))
    if not holds.all():
        raise ValueError(
            f"{ANSWER_RULE} Received: {few(np.unique(labels[~holds]))} "
            f"({np.count_nonzero(~holds)} of {holds.size} labels). {ANSWER_CURE}"
        )
    return numbers.astype("int64")


def check_kind(labels: np.ndarray) -> None:
    """Refuses text, objects, times and complex numbers, which say no class.

    Args:
        labels: array.

    Raises:
        ValueError: what to do depends on what they are.

    Example:

    >>> check_kind(np.array([0.0, 1.0]))
    """
    is_number = labels.dtype.kind in "biuf" or "float" in labels.dtype.name
    if is_number and labels.dtype.names is None:
        return
    found = few(labels.ravel())
    number = _number_in(labels)
    if number is not None:
        cure = f'Convert them: labels.astype("{number}").'
    elif labels.dtype.kind in "OSU" and any(
        isinstance(label, (str, bytes)) for label in labels.ravel()
    ):
        cure = (
            "Number them in the order of the outputs: "
            "np.array([class_names.index(label) for label in labels]), and -1 for what "
            "has no label."
        )
    else:
        cure = "Number the classes from 0, and give -1 where there is none."
    raise ValueError(
        "Labels must be numbers that say the class of each window. "
        f"Received: {found} of dtype {labels.dtype}. {cure}"
    )


def few(values: np.ndarray) -> str:
    """The first of many values, as plain Python tells them.

    Args:
        values: array.

    Returns:
        str.

    Example:

    >>> few(np.arange(9)), few(np.array([0.5]))
    ('[0, 1, 2, 3, 4] and 4 more', '[0.5]')
    """
    first = values[:5]
    # In nanoseconds, a time would be told as an integer.
    told = f"{(first.astype(str) if first.dtype.kind in 'Mm' else first).tolist()}"
    return told if len(values) <= 5 else f"{told} and {len(values) - 5} more"


def _number_in(labels):
    """The dtype of numbers that text or objects stand for; `None` if they do not."""
    if labels.dtype.kind not in "OSU":
        return None
    try:
        numbers = labels.astype("float64")
    except (TypeError, ValueError, OverflowError):
        return None
    if not np.isfinite(numbers).all():
        return None
    try:
        is_whole = np.array_equal(labels.astype("int64"), numbers)
    except ValueError:  # "1.0"
        is_whole = False
    return "int64" if is_whole else "float64"


def _check_rows(labels, numbers):
    with np.errstate(invalid="ignore"):  # of infinities
        totals = numbers.sum(axis=-1)
    holds = are_class_rows(numbers, totals, lambda each: each.all(axis=-1))
    if holds.all():
        return
    wrong = labels[~holds]
    raise ValueError(
        f"{ROW_RULE} Received: {wrong[0].tolist()} ({len(wrong)} of {len(labels)} rows "
        f"are neither). {ROW_CURE}"
    )
