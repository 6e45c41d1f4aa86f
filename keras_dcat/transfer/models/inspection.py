"""What `DCATModel` must know of two models before it can join them."""

import keras
import numpy as np

from keras_dcat.transfer.losses.agreement_pseudo_labels import AgreementPseudoLabels
from keras_dcat.transfer.losses.distillation import of_keras
from keras_dcat.transfer.losses.fused_pseudo_labels import FusedPseudoLabels
from keras_dcat.transfer.losses.info_nce import FeatureInfoNCE
from keras_dcat.transfer.losses.transfer_loss import READINGS, TransferLoss
from keras_dcat.transfer.models.classifiers import num_units


def check_separate(sources, target):
    """Refuses what is not a built model, and models that share weights."""
    for side, model in (*(("source", model) for model in sources), ("target", target)):
        if not isinstance(model, keras.Model):
            raise ValueError(
                f"`{side}` must be a keras.Model. "
                f"Received: {type(model).__name__}. "
                "Wrap layers in keras.Sequential."
            )
        if not model.built:
            raise ValueError(
                f"`{side}` must be built. Received: {model.name!r}, which has no "
                "weights yet. Start it with keras.Input, or call it once on a batch."
            )
    if not sources:
        raise ValueError(
            "There must be a source. Received: an empty list. "
            "Train the target with `fit` of its own if there is none."
        )
    own = {id(v) for v in target.variables}
    names = [v.path for model in sources for v in model.variables if id(v) in own]
    if names:
        raise ValueError(
            "`source` and `target` must not share weights: one is frozen, the other "
            f"trained. Received: models that share {names[:3]}. "
            "Build the target from layers of its own."
        )


def named_losses(losses, weights):
    """`{"<name>_loss": (loss, weight)}` of a transfer loss, of several, or of none.

    Without any, it is what the evidence favours: docs/method.md.
    """
    if losses is None:
        losses = [FeatureInfoNCE(), AgreementPseudoLabels(), FusedPseudoLabels()]
        weights = [10.0, 5.0, 10.0] if weights is None else weights
    losses = losses if isinstance(losses, (list, tuple)) else [losses]
    losses = [of_keras(loss) for loss in losses]
    weights = [1.0] * len(losses) if weights is None else list(weights)
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
    if len(weights) != len(losses) or not all(0 <= w < float("inf") for w in weights):
        raise ValueError(
            "`loss_weights` must be a finite number of at least 0 for each loss. "
            f"Received: loss_weights={weights} for {len(losses)} losses. "
            "Leave it out to weigh all alike."
        )
    return dict(zip(names, zip(losses, weights, strict=True), strict=True))


def input_spec(model):
    """The nested `KerasTensor`s that a built model takes as its input."""
    inputs = getattr(model, "inputs", None)  # Functional and Sequential have them
    if inputs:
        structure = inputs[0] if isinstance(model, keras.Sequential) else model.input
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, dtype=x.dtype), structure
        )
    config = model.get_build_config() or {}
    shapes = config.get("input_shape", config.get("shapes_dict"))
    if isinstance(shapes, dict) and len(shapes) == 1:
        shapes = next(iter(shapes.values()))
    if shapes is None:
        raise ValueError(
            f"The shape of the input of {model.name!r} must be known. Received: "
            "a subclassed model that does not say what it was built with. "
            "Build it with `model.build((None, time, channels))`."
        )
    return keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor((None, *shape[1:])), shapes
    )


def count_classes(model, pair_spec):
    """Number of classes of a `DCATModel`, from a symbolic pass over a pair."""
    outputs = model.compute_output_spec(pair_spec, training=False)
    shapes = {}
    predictions = [("source", each.log_probabilities) for each in outputs.sources]
    for side, output in (*predictions, ("target", outputs.prediction)):
        shape = getattr(output, "shape", None)
        if shape is None or len(shape) != 2 or shape[-1] is None or shape[-1] < 2:
            raise ValueError(
                f"The {side} must end in a classifier with one output per class, "
                f"shape (batch, classes), classes of at least 2. Received: {output}. "
                "Pool over time and end in keras.layers.Dense(num_classes)."
            )
        shapes.setdefault(side, set()).add(shape[-1])
    if shapes["source"] != shapes["target"]:
        raise ValueError(
            "Source and target must have the same classes. "
            f"Received: {_listed(shapes['source'])} classes in the source and "
            f"{_listed(shapes['target'])} in the target. "
            "Train all on the same list of labels."
        )
    return shapes["target"].pop()


def check_classifiers(sides, num_classes):
    """Refuses heads that no loss can take, and features that are not the classifier's.

    Args:
        sides: `ModelPair`.
        num_classes: int.

    Raises:
        ValueError: if a model ends in a sigmoid, or if the `Dense` layer whose features
            are read has not one unit for each class.
    """
    for branch in (*sides.sources, sides.target):
        last, classifier = _last_operation(branch.model), branch.classifier
        if getattr(last, "activation", None) is keras.activations.sigmoid:
            raise ValueError(
                "A classifier of one class per window must give logits or their "
                f"softmax. Received: {branch.model.name!r}, which ends in a sigmoid. "
                "End in logits or a softmax, and train it so."
            )
        if classifier is not None and num_units(classifier) != num_classes:
            raise ValueError(
                "The last `Dense` layer of a model must be its classifier where "
                f"features are compared. Received: {classifier.name!r} of "
                f"{num_units(classifier)} units in {branch.model.name!r}, for "
                f"{num_classes} classes. Assign the classifier last in `__init__`, or "
                "name other losses: loss=[LogitsDistillation()]."
            )


def _listed(numbers):
    return ", ".join(map(str, sorted(numbers)))


def gives_logits(model):
    """Whether a classifier's output are logits rather than probabilities.

    Follows the graph of a Functional or Sequential model to its last layer. Where
    that does not tell, or there is no graph, the model is run once on noise:
    rows that are non-negative and sum to one are probabilities.
    """
    last = _last_operation(model)
    activation = getattr(last, "activation", None)
    if type(last).__name__ == "Softmax" or activation is keras.activations.softmax:
        return False
    # A layer that is nothing but an activation may pass on what is behind a softmax.
    only_activates = isinstance(last, keras.layers.Activation)
    if activation is keras.activations.linear and not only_activates:
        return True
    noise = np.random.default_rng(0)
    inputs = keras.tree.map_structure(
        lambda spec: noise.normal(
            size=[2, *(64 if d is None else d for d in spec.shape[1:])]
        ),
        input_spec(model),
    )
    with keras.StatelessScope():
        outputs = model(
            keras.tree.map_structure(keras.ops.convert_to_tensor, inputs),
            training=False,
        )
    rows = keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32"))
    return not (np.all(rows >= 0) and np.allclose(rows.sum(axis=-1), 1, atol=1e-2))


def _last_operation(model):
    """The layer or op that makes the output, or `None` for a subclassed model."""
    if isinstance(model, keras.Sequential):
        last = model.layers[-1]
    elif getattr(model, "outputs", None):
        last = model.outputs[0]._keras_history.operation
    else:
        return None
    return _last_operation(last) if isinstance(last, keras.Model) else last
