"""The losses of a recipe by their names, with weights that may be changed."""

from collections.abc import Mapping, Sequence

import keras

from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.transfer.recipes import RECIPES, named


def weights_of(recipe: str) -> dict[str, float]:
    """What each loss of a recipe weighs.

    Args:
        recipe: str, one of `RECIPES`.

    Returns:
        dict from the name of a loss to its weight.

    Raises:
        ValueError: if there is no such recipe.

    Example:

    >>> weights_of("distillation")
    {'distillation': 3.0}
    """
    return {make().name: weight for make, weight in named(recipe).losses.items()}


def names_of_losses() -> list[str]:
    """The names of all losses that recipes have.

    Returns:
        list of str.

    Example:

    >>> names_of_losses()
    ['info_nce', 'agreement', 'fused', 'cross_attention', 'distillation']
    """
    return list(dict.fromkeys(name for each in RECIPES for name in weights_of(each)))


def usual_weight(name: str) -> float:
    """What a loss weighs in the first recipe that has it.

    Args:
        name: str, one of `names_of_losses()`.

    Returns:
        float.

    Example:

    >>> usual_weight("distillation")
    3.0
    """
    return next(_with(name))[1]


def weighed_losses(
    recipe: str, loss_weights: Mapping[str, float]
) -> dict[TransferLoss, float]:
    """The losses of a recipe, some of which weigh something else, or are added.

    Args:
        recipe: str, one of `RECIPES`.
        loss_weights: dict from the name of a loss to its weight. One that the recipe
            lacks is added, as the first recipe that has it makes it.

    Returns:
        dict from a loss to its weight, which may be 0.

    Raises:
        ValueError: if there is no such recipe or loss, or a weight is none.

    Example:

    >>> losses = weighed_losses("info_nce", {"info_nce": 2.0, "agreement": 1.0})
    >>> {loss.name: weight for loss, weight in losses.items()}
    {'info_nce': 2.0, 'agreement': 1.0}
    """
    names = names_of_losses()
    good = [
        name in names
        and isinstance(weight, (int, float))
        and 0 <= weight < float("inf")
        for name, weight in loss_weights.items()
    ]
    if not all(good):
        raise ValueError(
            "`loss_weights` must give a finite number of at least 0 to losses of the "
            f"recipes. Received: {dict(loss_weights)}. Choose from {names}."
        )
    losses = {make(): weight for make, weight in named(recipe).losses.items()}
    own = {loss.name for loss in losses}
    added = [next(_with(name))[0]() for name in loss_weights if name not in own]
    losses |= dict.fromkeys(added, 0.0)
    return {loss: loss_weights.get(loss.name, w) for loss, w in losses.items()}


def weighed_copies(
    losses: Sequence[keras.losses.Loss], loss_weights: Mapping[str, float]
) -> dict[keras.losses.Loss, float]:
    """New losses like those that are given, which weigh 1 or what is said.

    Args:
        losses: sequence of losses.
        loss_weights: dict from the name of a loss to its weight.

    Returns:
        dict from a loss to its weight, which may be 0.

    Raises:
        ValueError: if a weight is of none of them, or two have one name.

    Example:

    >>> from keras_dcat.transfer import FeatureInfoNCE
    >>> losses = weighed_copies([FeatureInfoNCE(temperature=0.2)], {"info_nce": 5.0})
    >>> {loss.name: weight for loss, weight in losses.items()}
    {'info_nce': 5.0}
    """
    names = [loss.name for loss in losses]
    if not set(loss_weights) <= set(names) or len(set(names)) < len(names):
        raise ValueError(
            "`loss_weights` must be of the losses, each of which has its own name. "
            f"Received: {dict(loss_weights)} for losses {names}. "
            "Name each by `name=`, and weigh it by that."
        )
    return {
        type(loss).from_config(loss.get_config()): loss_weights.get(loss.name, 1.0)
        for loss in losses
    }


def _with(name):
    """What makes a loss of a name, and its weight, of each recipe that has it."""
    for recipe in RECIPES.values():
        for make, weight in recipe.losses.items():
            if make().name == name:
                yield make, weight
