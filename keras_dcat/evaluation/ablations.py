"""One thing is changed at a time."""

import functools

from keras_dcat.evaluation.methods import DCAT, Alone, Method

# The paper's: the distance of KᵀV, where the source is right.
_distance = functools.partial(
    DCAT,
    alignment="distance",
    agreement=0.0,
    joint=0.0,
    transfer_weight=0.1,
    gate="correct",
)

ABLATIONS: dict[str, dict[str, Method]] = {
    "transfer_weight": {
        f"λ = {weight:g}": DCAT(transfer_weight=weight)
        for weight in (0.0, 0.01, 0.1, 1.0, 10.0)
    },
    "mask": {
        "no mask": DCAT(),
        "source correct": DCAT(gate="correct"),
        "out of fold": DCAT(gate="out-of-fold"),
        "soft": DCAT(gate="soft"),
    },
    "alignment": {
        "features, agreed and joint labels": DCAT(),
        "features": DCAT(agreement=0.0, joint=0.0),
        "agreed labels": DCAT(alignment=None, joint=0.0),
        "joint labels": DCAT(alignment=None, agreement=0.0),
        "contrast of KᵀV": DCAT(alignment="contrast", agreement=0.0, joint=0.0),
        "distance of KᵀV": _distance(),
        "– unit": _distance(normalization="unit"),
        "– length": _distance(normalization="length"),
        "– none, λ = 0.01": _distance(normalization="none", transfer_weight=0.01),
    },
    "misalignment": {
        **{
            f"{seconds:+g} s": DCAT(offset=seconds)
            for seconds in (-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0)
        },
        "half mis-paired": DCAT(mispaired=0.5),
        "all mis-paired": DCAT(mispaired=1.0),
    },
    "data_fraction": {
        f"{fraction:.0%} of windows": DCAT(data_fraction=fraction)
        for fraction in (0.1, 0.25, 0.5, 1.0)
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
    methods = {}
    for label, method in ABLATIONS[name].items():
        baseline = method.baseline()
        if baseline not in methods.values():
            own = baseline != Alone()
            methods[f"alone, {label}" if own else "alone"] = baseline
        methods[label] = method
    return methods
