import functools

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.optimizers.schedules import PolynomialDecay

import keras_dcat
from keras_dcat.transfer import (
    LogitsDistillation,
    NegativeTransferGuard,
    TransferLoss,
    junction,
)
from keras_dcat.transfer.transfer_weight import TransferWeight
from tests.gradients import modes, value_and_gradients
from tests.models import CLASSES, beliefs, branch, snapshot, windows

RULES = ["balanced", "projected"]
KEY, VALUE = (2, 3, 1, 4), (2, 3, 1, 2)
ALIGNMENT = keras_dcat.MaskedCrossAttentionLoss()


def joined(rule, classification, transfer, share):
    """What a junction passes on, in NumPy float64, of arrays that it takes as one."""
    both = (np.concatenate([x.ravel() for x in g]) for g in (classification, transfer))
    c, t = (x.astype("float64") for x in both)
    if rule == "balanced":
        passed = c + share * np.linalg.norm(c) / np.linalg.norm(t) * t
    else:
        passed = c + t - c * min(c @ t, 0) / (c @ c)
    ends = np.cumsum([x.size for x in classification])[:-1]
    parts = zip(np.split(passed, ends), classification, strict=True)
    return [part.reshape(x.shape) for part, x in parts]


def random_gradients(rng):
    """Those of the classification and of the transfer, for a key and a value."""
    return [[rng.normal(size=s).astype("float32") for s in (KEY, VALUE)] for _ in "ct"]


def passed_on(rule, classification, transfer, share=0.3, mode="eager"):
    """The gradients behind a junction with these in front of it; `None` is unread."""
    split = junction.get(rule, TransferWeight(share))

    def loss(key, value):
        total = 0.0
        copies = split(key, value)
        for copy, gradients in zip(copies, (classification, transfer), strict=True):
            if gradients is not None:
                for x, gradient in zip(copy, gradients, strict=True):
                    total += ops.sum(ops.cast(ops.multiply(x, gradient), "float32"))
        return total

    like = transfer if classification is None else classification
    _, gradients = value_and_gradients(loss, [np.ones_like(x) for x in like], mode)
    return gradients


def assert_close(got, expected, rtol=1e-4, atol=1e-6):
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def inner(first, second):
    return sum(np.vdot(x, y) for x, y in zip(first, second, strict=True))


def difference(first, second):
    return [x - y for x, y in zip(first, second, strict=True)]


def test_both_copies_are_the_tensors_as_they_are(rng):
    tensors = random_gradients(rng)[0]
    split = junction.get("balanced", TransferWeight(0.3))
    for copy in split(*tensors):
        for got, wanted in zip(copy, tensors, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(got), wanted)


@pytest.mark.parametrize("mode", modes())
@pytest.mark.parametrize("rule", RULES)
def test_key_and_value_of_all_windows_are_one_decision(rng, rule, mode):
    classification, transfer = random_gradients(rng)
    transfer[0] -= classification[0]  # the values agree, the keys and the whole do not
    transfer[1] = classification[1] - 0.5 * transfer[1]
    assert inner(classification, transfer) < 0 < np.vdot(classification[1], transfer[1])
    got = passed_on(rule, classification, transfer, mode=mode)
    assert_close(got, joined(rule, classification, transfer, 0.3))


@pytest.mark.parametrize("share", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("strength", [1e-6, 1.0, 1e6])
def test_balanced_transfer_is_a_share_of_the_classification_long(rng, share, strength):
    classification, transfer = random_gradients(rng)
    transfer = [strength * x for x in transfer]
    added = difference(
        passed_on("balanced", classification, transfer, share), classification
    )
    lengths = [np.sqrt(inner(x, x)) for x in (added, classification, transfer)]
    assert lengths[0] == pytest.approx(share * lengths[1], rel=1e-5, abs=1e-7)
    assert inner(added, transfer) == pytest.approx(lengths[0] * lengths[2], rel=1e-4)


def test_projected_transfer_never_opposes_and_loses_nothing_else(rng):
    classification, transfer = random_gradients(rng)
    if inner(classification, transfer) > 0:
        transfer = [-x for x in transfer]
    added = difference(passed_on("projected", classification, transfer), classification)
    assert inner(classification, transfer) < -0.1
    assert inner(classification, added) == pytest.approx(0, abs=1e-5)
    lost = difference(transfer, added)
    assert inner(lost, added) == pytest.approx(0, abs=1e-5)
    agreeing = [-x for x in transfer]
    got = passed_on("projected", classification, agreeing)
    for one, c, t in zip(got, classification, agreeing, strict=True):
        np.testing.assert_array_equal(one, c + t)


@pytest.mark.parametrize("mode", modes())
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("unread", ["none", "zero"])
def test_a_gradient_that_is_zero_or_missing_makes_no_nan(rng, rule, mode, unread):
    classification, transfer = random_gradients(rng)
    nothing = None if unread == "none" else [np.zeros_like(x) for x in transfer]
    got = passed_on(rule, classification, nothing, mode=mode)
    assert_close(got, classification, rtol=0, atol=0)
    got = passed_on(rule, nothing, transfer, mode=mode)
    expected = transfer if rule == "projected" else [np.zeros_like(x) for x in transfer]
    assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize("rule", RULES)
def test_norms_that_overflow_float16_do_not(rng, rule):
    classification, transfer = random_gradients(rng)
    classification, transfer = (
        [(1000 * x).astype("float16") for x in g] for g in (classification, transfer)
    )
    assert np.abs(classification[0]).max() > 256  # whose square is infinite
    got = passed_on(rule, classification, transfer)
    assert [x.dtype for x in got] == ["float16", "float16"]
    assert_close(got, joined(rule, classification, transfer, 0.3), rtol=2e-3, atol=1.0)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match=r"gradients='mean'.*Choose from.*'projected'"):
        junction.get("mean", None)


@keras.saving.register_keras_serializable(package="tests")
class Quadratic(TransferLoss):
    """A loss of the target's keys and values, of either sign."""

    reads = "projections"

    def __init__(self, sign=1.0, **options):
        super().__init__(**{"name": "quadratic", **options})
        self.sign = sign

    def call(self, y_true, y_pred):
        both = ops.concatenate(y_pred[:2], axis=-1)
        return self.sign * ops.mean(ops.square(both + 0.3), axis=(1, 2, 3))


def one_hot_windows(batch, steps):
    """Windows whose features name the window and the step: dW is dK, step by step."""
    return np.eye(batch * steps, dtype="float32").reshape(batch, steps, batch * steps)


@functools.cache
def learned(batch=2, loss=ALIGNMENT, sign=None, sources=1, **options):
    """How one step of gradient descent of 1 moves query, key, value and classifier."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4, batch * 4))
    x = keras_dcat.AttentionKV(3, 2, use_bias=False, name="attention")(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    target = keras.Model(inputs, layers.Dense(CLASSES, name="classifier")(x))
    source = [branch(5, steps=12, key_dim=3, value_dim=2) for _ in range(sources)]
    loss = loss if sign is None else Quadratic(sign)
    model = keras_dcat.DCATModel(source, target, gate=None, loss=loss, **options)
    model.compile(keras.optimizers.SGD(1.0))
    rng = np.random.default_rng(2)
    target.set_weights([rng.normal(size=w.shape) for w in target.get_weights()])
    seen = [rng.normal(size=(batch, 12, 5)).astype("float32") for _ in source]
    before = [w.copy() for w in target.get_weights()]
    pair = {"source": seen, "target": one_hot_windows(batch, 4)}
    model.train_on_batch(pair, np.arange(batch))
    return difference(before, target.get_weights())


def without_and_with(**options):
    """What classification and transfer say by themselves."""
    classification = learned(transfer_weight=0.0, **options)
    both = learned(transfer_weight=0.5, **options)
    return classification, difference(both, classification)


@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("rule", RULES)
def test_a_model_joins_them_at_key_and_value(rule, sign, sources):
    options = {"sign": sign, "sources": sources}
    classification, transfer = without_and_with(**options)
    got = learned(transfer_weight=0.5, gradients=rule, **options)
    expected = joined(rule, classification[1:3], transfer[1:3], 0.5)
    assert_close(got[1:3], expected, atol=1e-6)
    # The two signs are the two cases.
    assert sign * inner(classification[1:3], transfer[1:3]) > 1e-4
    for at in (0, 3, 4):  # no transfer there
        np.testing.assert_allclose(got[at], classification[at], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("rule", RULES)
def test_a_model_joins_them_at_the_prediction(rule):
    options = {"loss": LogitsDistillation(), "batch": 1}
    classification, transfer = without_and_with(**options)
    got = learned(transfer_weight=0.5, gradients=rule, **options)
    # The bias of the classifier learns the gradient of the logits of the one window.
    expected = joined(rule, classification[4:], transfer[4:], 0.5)
    assert_close(got[4:], expected, atol=1e-6)
    assert inner(classification[4:], transfer[4:]) != 0


@pytest.mark.parametrize("rule", RULES)
def test_each_layer_decides_by_itself(rng, rule):
    """The gradients at two layers that see the same windows side by side."""

    def steps(**options):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4, 8))
        sides = [
            keras_dcat.AttentionKV(size, use_bias=False, name=f"layer_{size}")(inputs)
            for size in (3, 2)
        ]
        x = layers.GlobalAveragePooling1D()(layers.Concatenate()(sides))
        target = keras.Model(inputs, layers.Dense(CLASSES)(x))
        inputs = keras.Input((6, 5))
        x = keras_dcat.AttentionKV(3, name="layer_3")(inputs)
        x = keras_dcat.AttentionKV(2, name="layer_2")(x)
        x = layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(x))
        source, names = keras.Model(inputs, x), ["layer_3", "layer_2"]
        model = keras_dcat.DCATModel(
            source,
            target,
            gate=None,
            loss=ALIGNMENT,
            source_attention=names,
            target_attention=names,
            **options,
        )
        model.compile(keras.optimizers.SGD(1.0))
        before = [w.copy() for w in target.get_weights()]
        model.train_on_batch((seen, one_hot_windows(2, 4)), np.arange(2))
        return difference(before, target.get_weights())

    seen = rng.normal(size=(2, 6, 5)).astype("float32")
    classification = steps(transfer_weight=0.0)
    transfer = difference(steps(transfer_weight=0.5), classification)
    got = steps(transfer_weight=0.5, gradients=rule)
    for at in (1, 4):  # key and value of each
        both = slice(at, at + 2)
        expected = joined(rule, classification[both], transfer[both], 0.5)
        assert_close(got[both], expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_schedule_is_the_share_and_counts_each_step_once(rng):
    falling = PolynomialDecay(0.8, decay_steps=8, end_learning_rate=0.0)
    first = [
        learned(transfer_weight=share, gradients="balanced") for share in (falling, 0.8)
    ]
    assert_close(*first, rtol=0, atol=0)
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(
        branch(5, steps=12), branch(3), falling, gradients="balanced"
    )
    guard = NegativeTransferGuard(only_warn=True)
    model.fit(pair, labels, batch_size=8, callbacks=[guard], verbose=0)
    assert model.transfer_weight == pytest.approx(0.4)
    model.evaluate(pair, labels, verbose=0)
    assert model.transfer_weight == pytest.approx(0.4)


def masked(features, steps, **sizes):
    """Two attention layers behind a mask."""
    inputs = keras.Input((steps, features))
    x = keras_dcat.AttentionKV(6, name="early")(layers.Masking()(inputs))
    x = keras_dcat.AttentionKV(**{"key_dim": 4, **sizes}, name="late")(x)
    x = layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, x)


@pytest.mark.filterwarnings("ignore:The source should be trained")
@pytest.mark.parametrize(
    ("rule", "policy"), [("balanced", "float32"), ("projected", "mixed_float16")]
)
def test_all_other_options_train_compiled(rng, rule, policy):
    pair, labels = windows(rng)
    sound = rng.normal(size=(len(labels), 7, 2)).astype("float32")
    pair[1][::2, 15:] = 0.0
    keras.config.set_dtype_policy(policy)
    target = masked(3, 20, key_dim=5, num_heads=2)
    names = ["early", "late"]
    model = keras_dcat.DCATModel(
        [masked(5, 12), masked(2, 7)],
        target,
        transfer_weight=0.3,
        source_attention=[names, names],
        target_attention=names,
        combination="best",
        adapt_sizes=True,
        gradients=rule,
        **beliefs(gate="correct_or_confident"),
    )
    has_compiler = keras.backend.backend() != "torch"
    model.compile(jit_compile=has_compiler, metrics=["accuracy"])
    before = snapshot(target)
    guard = NegativeTransferGuard(only_warn=True)
    history = model.fit(
        {"source": [pair[0], sound], "target": pair[1]},
        labels,
        batch_size=8,
        epochs=2,
        callbacks=[guard],
        verbose=0,
    ).history
    for name in ("loss", "alignment_loss", "distillation_loss"):
        assert np.isfinite(history[name]).all()
    after = snapshot(target)
    assert all(np.isfinite(x).all() for x in after)
    assert any((old != new).any() for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("rule", RULES)
def test_statistics_of_a_source_take_the_place_of_its_windows(rng, rule):
    pair, labels = windows(rng, count=8)
    moved = []
    for known in (False, True):
        keras.utils.set_random_seed(1)
        source, target = branch(5, steps=12), branch(3)
        model = keras_dcat.DCATModel(source, target, gradients=rule, gate=None)
        model.compile(keras.optimizers.SGD(0.1))
        seen = pair[0]
        if known:
            seen = model._sides.sources[0].statistics(ops.convert_to_tensor(seen))
            seen = keras.tree.map_structure(ops.convert_to_numpy, seen)
        model.train_on_batch({"source": seen, "target": pair[1]}, labels)
        moved.append(target.get_weights())
    assert_close(*moved, atol=1e-5)
