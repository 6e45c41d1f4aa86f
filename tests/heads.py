"""Small models of every head that a transfer knows, and labels for them."""

import keras
import numpy as np
from keras import layers

import keras_dcat

NOT = float("nan")
STEPS = {"source": 12, "target": 20}
# units, activation, whether each step has a prediction, task
HEADS = {
    "softmax": (4, "softmax", False, None),
    "logits": (4, None, False, None),
    "sigmoid": (1, "sigmoid", False, None),
    "logit": (1, None, False, "binary"),
    "sigmoids": (3, "sigmoid", False, None),
    "label logits": (3, None, False, "multilabel"),
    "class steps": (4, "softmax", True, None),
    "one-hot steps": (4, None, True, None),
    "binary steps": (1, "sigmoid", True, None),
    "value": (1, None, False, "regression"),
    "values": (2, None, False, "regression"),
}
BELIEVING = [name for name, head in HEADS.items() if head[3] != "regression"]


def model(side, name):
    """A source for `(12, 5)` windows or a target for `(20, 3)` windows."""
    units, activation, by_step, _ = HEADS[name]
    inputs = keras.Input((STEPS[side], 5 if side == "source" else 3))
    x = layers.Dense(6, activation="tanh")(inputs)
    x = keras_dcat.AttentionKV(4)(x)
    x = x if by_step else layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(units, activation=activation)(x))


def joined(name, count=1, **options):
    """A `DCATModel` of a head, with so many sources."""
    sources = [model("source", name) for _ in range(count)]
    return keras_dcat.DCATModel(
        sources, model("target", name), task=HEADS[name][3], **options
    )


def labels(name, rng, count=24):
    """Labels, of which some are not known: for each window, step, label or value."""
    units, _, by_step, task = HEADS[name]
    steps = (STEPS["target"],) if by_step else ()
    if task == "regression":
        found = rng.normal(size=(count, units))
        found[rng.uniform(size=found.shape) < 0.3] = NOT
        return found.astype("float32") if units > 1 else found[:, 0].astype("float32")
    if units == 4:
        found = rng.integers(0, 4, (count, *steps))
        missing = rng.uniform(size=found.shape) < 0.3
        if name == "one-hot steps":
            return (np.eye(4)[found] * ~missing[..., None]).astype("float32")
        return np.where(missing, -1, found).astype("int32")
    found = rng.integers(0, 2, (count, *steps) if units == 1 else (count, units))
    found = found.astype("float32")
    found[rng.uniform(size=found.shape) < 0.2] = -1
    found[rng.uniform(size=found.shape) < 0.2] = NOT
    return found


def windows(rng, sources=1, count=24):
    """Windows of the sources, and of the target."""
    of_sources = [
        rng.normal(size=(count, STEPS["source"], 5)).astype("float32")
        for _ in range(sources)
    ]
    target = rng.normal(size=(count, STEPS["target"], 3)).astype("float32")
    return (of_sources if sources > 1 else of_sources[0]), target


def decisions(name, prediction):
    """Probabilities `(decisions, classes)`, by NumPy in float64."""
    units, activation, *_ = HEADS[name]
    scores = np.asarray(prediction, "float64")
    if units == 4:
        exponents = scores if activation else np.exp(scores)
        rows = exponents / exponents.sum(axis=-1, keepdims=True)
        return rows.reshape(-1, 4)
    yes = (scores if activation else 1 / (1 + np.exp(-scores))).reshape(-1)
    return np.stack([1 - yes, yes], axis=-1)


def classes(name, labels):
    """The class of each decision, −1 where there is no label."""
    if name == "one-hot steps":
        known = labels.any(axis=-1)
        return np.where(known, labels.argmax(axis=-1), -1).reshape(-1)
    flat = np.asarray(labels, "float64").reshape(-1)
    return np.where(np.isnan(flat), -1, flat).astype(int)


def at_target_steps(name, prediction):
    """Probabilities of a source's steps, as the target's steps have them."""
    _, _, by_step, _ = HEADS[name]
    if not by_step:
        return prediction
    scores = np.asarray(prediction, "float64")
    if HEADS[name][1] is None:  # of logits the probabilities are averaged
        scores = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    fine = np.repeat(scores, 5, axis=1)  # 60 parts, in which both can be cut
    told = fine.reshape(len(fine), 20, 3, -1).mean(axis=2)
    return np.log(told) if HEADS[name][1] is None else told
