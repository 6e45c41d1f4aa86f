"""The losses of a `DCATModel`: those of a recipe, or those that its user names."""

import logging
from typing import Any

from keras_dcat.real_numbers import is_number
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.gating.gates import all_teach
from keras_dcat.transfer.losses.distillation import of_keras
from keras_dcat.transfer.losses.transfer_loss import READINGS, TransferLoss
from keras_dcat.transfer.models.pair import ModelPair
from keras_dcat.transfer.objective import OF_WINDOWS, Term
from keras_dcat.transfer.recipes import DEFAULT, named

_log = logging.getLogger("keras_dcat")


def chosen_terms(pair: ModelPair, recipe: str, loss, loss_weights, gate):
    """The terms of an objective.

    What the two models have no use for is left out of a recipe, and the log says so in
    a line. A loss that is named, one of layers that are named, and the last one of a
    recipe must be possible.

    Args:
        pair: `ModelPair` of the models.
        recipe: str. Name of the recipe, where no loss is named.
        loss: as for `DCATModel`.
        loss_weights: likewise.
        gate: likewise.

    Returns:
        dict from `"<name>_loss"` to a `Term`.

    Raises:
        ValueError: if losses, weights or gates make no sense, or these models cannot be
            compared by them.
    """
    chosen = named(recipe)
    if loss is not None:
        if recipe != DEFAULT:
            raise ValueError(
                "A transfer must have a recipe or losses of your own. "
                f"Received: both, recipe={recipe!r} and loss={loss}. "
                "Leave one of them out."
            )
        losses = loss if isinstance(loss, (list, tuple)) else [loss]
        terms = _terms(pair, losses, loss_weights, gate)
        for term in terms.values():
            if (problem := why_not(pair, term.loss, term.gate)) is not None:
                raise ValueError(problem)
        return terms
    if loss_weights is not None and len(loss_weights) != len(chosen.losses):
        _refuse_weights(loss_weights, len(chosen.losses))
    weights = list(chosen.losses.values()) if loss_weights is None else loss_weights
    terms = _terms(
        pair,
        [make() for make in chosen.losses],
        weights,
        chosen.gate if gate is None else gate,
    )
    problems = {n: why_not(pair, term.loss, term.gate) for n, term in terms.items()}
    kept = {name: term for name, term in terms.items() if problems[name] is None}
    for name, problem in problems.items():
        # Whoever names layers wants them compared.
        is_asked_for = pair.names_attentions and terms[name].loss.reads == "projections"
        if problem is not None and (is_asked_for or not kept):
            raise ValueError(problem)
    tell_left_out(recipe, {name: p for name, p in problems.items() if p})
    return kept


def why_not(pair: ModelPair, loss: Any, gate) -> str | None:
    """Why models cannot be compared by a loss, as an error says it.

    Args:
        pair: `ModelPair`.
        loss: `TransferLoss`.
        gate: as for `DCATModel`, of this loss.

    Returns:
        str, or `None` where they can.
    """
    problem = pair.why_not(loss.reads)
    if problem is not None or loss.reads not in OF_WINDOWS:
        return problem
    encoders = [source.model.name for source in pair.sources if source.head is None]
    if encoders and _gate_of(pair, loss, gate) is not all_teach:
        return (
            "A gate judges what a source predicts. "
            f"Received: {encoders[0]!r}, which gives features only, and "
            f"{loss.name!r} behind a gate. Let all windows teach: gate='all'."
        )
    return None


def tell_left_out(recipe: str, problems: dict[str, str]):
    """Logs what a recipe goes without, in a line, if there is such.

    Args:
        recipe: str. Its name.
        problems: dict from the name of a loss to why it is left out.
    """
    if problems:
        left_out = [f"{name} ({_found(problem)})" for name, problem in problems.items()]
        _log.warning("Recipe %r leaves out %s.", recipe, ", ".join(left_out))


def _terms(pair, losses, weights, gate):
    losses = [of_keras(loss) for loss in losses]
    names = [f"{getattr(loss, 'name', loss)}_loss" for loss in losses]
    are_losses = all(
        isinstance(loss, TransferLoss) and loss.reads in READINGS for loss in losses
    )
    # The loss of the labels is called so.
    taken = {"classification_loss"} & set(names)
    if not are_losses or not losses or taken or len(set(names)) < len(names):
        raise ValueError(
            "`loss` must be a transfer loss, or a list of some with names of their "
            f"own, other than 'classification'. Received: {losses}, named {names}. "
            "Use `FeatureInfoNCE`, `MaskedCrossAttentionLoss`, `LogitsDistillation`, "
            "a loss of keras.distillation, one of each, or your own `TransferLoss`."
        )
    weights = [1.0] * len(losses) if weights is None else list(weights)
    are_weights = all(is_number(w) and 0 <= w < float("inf") for w in weights)
    if len(weights) != len(losses) or not are_weights:
        _refuse_weights(weights, len(losses))
    gates_of = gate if isinstance(gate, (list, tuple)) else [gate] * len(losses)
    if len(gates_of) != len(losses):
        raise ValueError(
            "`gate` must be one for all losses, or a list of one for each. "
            f"Received: {len(gates_of)} gates for {len(losses)} losses. "
            "Leave it out to give each loss its usual gate."
        )
    found = [
        _gate_of(pair, loss, own) for loss, own in zip(losses, gates_of, strict=True)
    ]
    return {
        name: Term(*term)
        for name, *term in zip(names, losses, weights, found, strict=True)
    }


def _gate_of(pair, loss, gate):
    return gates.get(loss.usual_gate if gate is None else gate, pair.head.has_beliefs)


def _found(problem):
    """What an error says that it received."""
    return problem.split("Received: ")[1].split(". ")[0]


def _refuse_weights(weights, count):
    raise ValueError(
        "`loss_weights` must be a finite number of at least 0 for each loss. "
        f"Received: loss_weights={weights} for {count} losses. "
        "Leave it out to weigh as the recipe does, or all alike."
    )
