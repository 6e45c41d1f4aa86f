"""What `DCATModel` must know of two models before it can join them."""

import keras

from keras_dcat.transfer.head import Head, described
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


def gives_features(source_output, num_sources: int) -> tuple[bool, ...]:
    """Of each source, whether its output are features.

    Args:
        source_output: as for `DCATModel`.
        num_sources: int.

    Returns:
        tuple of bool.

    Raises:
        ValueError: if it is something else.
    """
    outputs = source_output
    if isinstance(source_output, str):
        outputs = [source_output] * num_sources
    kinds = ("predictions", "features")
    if len(outputs) != num_sources or not set(outputs) <= set(kinds):
        raise ValueError(
            f"`source_output` must be one of {kinds}, or a list with one for each "
            f"source. "
            f"Received: source_output={source_output!r} for {num_sources} source(s). "
            "Leave it out for classifiers."
        )
    return tuple(each == "features" for each in outputs)


def input_spec(model):
    """The nested `KerasTensor`s that a built model takes as its input."""
    inputs = getattr(model, "inputs", None)  # Functional and Sequential have them
    if inputs:
        structure = inputs[0] if isinstance(model, keras.Sequential) else model.input
        if isinstance(structure, (list, tuple)) and len(structure) == 1:
            # Of `keras.Model(encoder.inputs, …)`, which takes it without the list.
            structure = structure[0]
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


def check_same_heads(sources: list[Head], target: Head):
    """Refuses sources and targets that do not predict the same.

    Args:
        sources: list of `Head`, of the sources that have one.
        target: `Head`.

    Raises:
        ValueError: if their tasks, or what they predict, differ.
    """
    for source in sources:
        same_steps = (source.steps is None) == (target.steps is None)
        if (source.task, source.size) == (target.task, target.size) and same_steps:
            continue
        raise ValueError(
            "Source and target must predict the same. "
            f"Received: a source of {described(source)}, and a target of "
            f"{described(target)}. Train all on the same list of labels; if the source "
            "only encodes, pass source_output='features'."
        )


def check_classifiers(pair):
    """Refuses features that are not what the classifier is given.

    Args:
        pair: `ModelPair`.

    Raises:
        ValueError: if the layer whose features are read has not one unit for
            each output.
    """
    for branch in (*pair.sources, pair.target):
        classifier = branch.classifier
        if classifier is not None and num_units(classifier) != branch.head.size:
            raise ValueError(
                "The last `Dense` layer of a model must be its classifier where "
                f"features are compared. Received: {classifier.name!r} of "
                f"{num_units(classifier)} units in {branch.model.name!r}, for "
                f"{branch.head.size} outputs. Assign the classifier last in "
                "`__init__`, or name other losses: loss=[LogitsDistillation()]."
            )
