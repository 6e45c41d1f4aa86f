"""One thing is changed at a time."""

from keras_dcat.evaluation.controls import Misaligned, Mispaired, OutOfFoldMask
from keras_dcat.evaluation.methods import DCAT, Alone, Method
from keras_dcat.transfer.recipe_weights import weights_of
from keras_dcat.transfer.recipes import DEFAULT, RECIPES

_WEIGHT, _LOSSES = RECIPES[DEFAULT].transfer_weight, tuple(weights_of(DEFAULT))

ABLATIONS: dict[str, dict[str, Method]] = {
    "transfer_weight": {
        "λ = 0": DCAT(transfer_weight=0.0),
        f"λ = {_WEIGHT / 100:g}": DCAT(transfer_weight=_WEIGHT / 100),
        f"λ = {_WEIGHT / 10:g}": DCAT(transfer_weight=_WEIGHT / 10),
        f"λ = {_WEIGHT:g}": DCAT(),
        f"λ = {_WEIGHT * 10:g}": DCAT(transfer_weight=_WEIGHT * 10),
    },
    "mask": {
        "usual gates": DCAT(),
        "no mask": DCAT(gate="all"),
        "source correct": DCAT(gate="correct"),
        "out of fold": OutOfFoldMask(gate="all"),
        "soft": DCAT(gate="soft"),
    },
    "losses": {
        **{name: DCAT(name) for name in RECIPES if name != "no_labels"},
        **{f"without {name}": DCAT(loss_weights={name: 0.0}) for name in _LOSSES},
        **{
            f"{name} alone": DCAT(
                loss_weights={other: 0.0 for other in _LOSSES if other != name}
            )
            for name in ("agreement", "fused")
        },
    },
    "misalignment": {
        **{
            f"{seconds:+g} s": Misaligned(seconds=seconds)
            for seconds in (-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0)
        },
        "half mis-paired": Mispaired(share=0.5),
        "all mis-paired": Mispaired(share=1.0),
    },
    "data_fraction": {
        f"{fraction:.0%} of windows": DCAT(data_fraction=fraction)
        for fraction in (0.1, 0.25, 0.5, 1.0)
    },
    "unlabelled_people": {
        f"unlabelled people = {number}": DCAT(num_unlabelled_people=number)
        for number in (0, 1, 2)
    },
    "capacity": {
        f"{size} target": DCAT(build={"size": size})
        for size in ("tiny", "small", "base")
    },
    "dropout": {
        f"dropout {dropout:g}": DCAT(build={"dropout": dropout})
        for dropout in (0.0, 0.2, 0.4)
    },
    "learning_rate": {
        f"rate {rate:g}": DCAT(training={"learning_rate": rate})
        for rate in (1e-3, 3e-3, 1e-2)
    },
}
"""From the name of what is changed to a method for each of its settings."""


def ablation(name: str) -> dict[str, Method]:
    """The methods of an ablation, each with the target alone under the same change.

    Args:
        name: one of `ABLATIONS`.

    Returns:
        dict from a label to a method, as `compare` takes it.

    Raises:
        ValueError: if there is no such ablation.

    Example:

    >>> list(ablation("dropout"))[:2]
    ['alone, dropout 0', 'dropout 0']
    """
    if name not in ABLATIONS:
        raise ValueError(
            "An ablation must be one of those that there are. "
            f"Received: {name!r}. Choose from {list(ABLATIONS)}."
        )
    methods: dict[str, Method] = {}
    for label, method in ABLATIONS[name].items():
        baseline = method.baseline()
        if baseline not in methods.values():
            own = baseline != Alone()
            methods[f"alone, {label}" if own else "alone"] = baseline
        methods[label] = method
    return methods
