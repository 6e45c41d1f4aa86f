"""Names of classes: one of its own for each output of a classifier."""

from collections.abc import Sequence


def checked_class_names(
    class_names: Sequence[str] | None, count: int, *, taken: Sequence[str] = ()
) -> tuple[str, ...]:
    """Names that tell the classes apart; numbers, where none are given.

    Args:
        class_names: sequence of str, in the order of the outputs.
        count: int. Classes.
        taken: sequence of str, that stand for something else beside the classes.

    Returns:
        tuple of str.

    Raises:
        ValueError: if there is not one name for each class, if two have the same, or if
            one is taken.

    Example:

    >>> checked_class_names(["sit", "fall"], 2), checked_class_names(None, 3)
    (('sit', 'fall'), ('0', '1', '2'))
    """
    names = tuple(map(str, range(count) if class_names is None else class_names))
    if len(names) != count or len({*names, *taken}) != count + len(taken):
        but = f", and not one of {list(taken)}" if taken else ""
        raise ValueError(
            f"`class_names` must be a name of its own for each class{but}. "
            f"Received: {list(names)} for {count} classes. "
            "Give them in the order of the model's outputs."
        )
    return names
