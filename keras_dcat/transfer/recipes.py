"""Recipes: which losses teach a target, how strongly, and by which windows."""

from collections.abc import Callable
from typing import NamedTuple

from keras_dcat.transfer.losses.agreement_pseudo_labels import AgreementPseudoLabels
from keras_dcat.transfer.losses.cross_attention import MaskedCrossAttentionLoss
from keras_dcat.transfer.losses.distillation import LogitsDistillation
from keras_dcat.transfer.losses.fused_pseudo_labels import FusedPseudoLabels
from keras_dcat.transfer.losses.info_nce import AttentionInfoNCE, FeatureInfoNCE


class Recipe(NamedTuple):
    """A way to transfer, as `DCATModel(recipe=…)` and all that compares names it.

    Attributes:
        about: str. What it is, in a sentence.
        transfer_weight: float. λ.
        losses: dict from a function that makes a transfer loss to its weight.
        gate: as for `DCATModel`: `None` gives each loss its usual gate.
    """

    about: str
    transfer_weight: float
    losses: dict[Callable, float]
    gate: str | None = None


def _printed():
    return MaskedCrossAttentionLoss("none")


DEFAULT = "extended"
RECIPES = {
    "extended": Recipe(
        "D-CAT's masked cross-attention loss, extended by InfoNCE of features and by "
        "pseudo-labels. What the evidence favours.",
        0.1,
        {
            FeatureInfoNCE: 10.0,
            AgreementPseudoLabels: 5.0,
            FusedPseudoLabels: 10.0,
            MaskedCrossAttentionLoss: 1.0,
        },
    ),
    "paper": Recipe(
        "The printed formula and mask. The formula has no normalization: at λ = 1 its "
        "loss was 296 on UTD-MHAD and ruined the target, so that λ is 0.01 here and "
        "not the paper's 0.1 to 1. To search that range, take 'normalized'.",
        0.01,
        {_printed: 1.0},
    ),
    "normalized": Recipe(
        "The paper's method with a loss that is 0 where source and target are equal "
        "and 1 where the target is zero: λ from 0.1 to 1 means what it means there.",
        0.1,
        {MaskedCrossAttentionLoss: 1.0},
    ),
    "attention_info_nce": Recipe(
        "InfoNCE of the attention statistics.", 0.1, {AttentionInfoNCE: 10.0}
    ),
    "info_nce": Recipe("InfoNCE of features alone.", 0.1, {FeatureInfoNCE: 10.0}),
    "distillation": Recipe(
        "Distillation of what the source predicts.", 0.1, {LogitsDistillation: 3.0}
    ),
    "no_labels": Recipe(
        "For a target of which no window has a label: the source says what classes "
        "are, as far as it is confident.",
        0.1,
        {FeatureInfoNCE: 10.0, AgreementPseudoLabels: 5.0, LogitsDistillation: 5.0},
        "soft",
    ),
}
"""From a name to a `Recipe`. The only place where weights of a default stand."""


def named(recipe: str) -> Recipe:
    """The recipe that a name stands for.

    Args:
        recipe: str, one of `RECIPES`.

    Returns:
        `Recipe`.

    Raises:
        ValueError: if there is no such recipe.

    Example:

    >>> named("paper").transfer_weight
    0.01
    """
    if recipe not in RECIPES:
        raise ValueError(
            "`recipe` must be the name of one. "
            f"Received: recipe={recipe!r}. Choose from {list(RECIPES)}, or name the "
            "losses: loss=[…]."
        )
    return RECIPES[recipe]
