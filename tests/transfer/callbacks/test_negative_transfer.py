import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras.optimizers.schedules import PolynomialDecay

import keras_dcat
from keras_dcat.transfer import (
    AgreementPseudoLabels,
    AttentionInfoNCE,
    FeatureInfoNCE,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
)
from keras_dcat.transfer.callbacks.negative_transfer import (
    NegativeTransferGuard,
    is_at_chance,
)
from tests.models import CLASSES, pair_of_branches, windows


def watched(guard, epochs, classes=10, transfer_weight=0.3, losses=()):
    """λ after each epoch of these logs, and what was warned of."""
    model = SimpleNamespace(
        num_classes=classes, transfer_weight=transfer_weight, active_losses=losses
    )
    guard.set_model(model)
    guard.on_train_begin()
    weights = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch, logs in enumerate(epochs):
            guard.on_epoch_end(epoch, logs)
            weights.append(model.transfer_weight)
    return weights, [str(warning.message) for warning in caught]


def held_out(*pairs):
    """Logs in which the source is right in training, and these on held-out windows."""
    return [
        {"source_accuracy": 0.9, "val_accuracy": target, "val_source_accuracy": source}
        for target, source in pairs
    ]


@pytest.mark.parametrize(
    ("accuracy", "classes", "expected"),
    [
        (0.6, 2, True),
        (0.61, 2, False),
        (0.2, 10, True),
        (0.21, 10, False),
        (2 / 27, 27, True),
        (0.1, 27, False),
        (float("nan"), 2, False),
    ],
)
def test_chance_is_twice_guessing_and_at_most_a_tenth_above(
    accuracy, classes, expected
):
    assert is_at_chance(accuracy, classes) == expected


def test_a_source_at_chance_teaches_for_one_epoch():
    guard = NegativeTransferGuard()
    weights, said = watched(guard, [{"source_accuracy": 0.11}] * 3)
    assert weights == [0, 0, 0]
    (message,) = said
    assert message.startswith(guard.reason)
    assert "right on 11.0%" in message
    assert "guessing gives 10.0%" in message
    assert "source.fit" in message


def test_a_source_that_is_right_at_first_is_left_alone_later():
    guard = NegativeTransferGuard()
    epochs = [{"source_accuracy": accuracy} for accuracy in (0.9, 0.1)]
    assert watched(guard, epochs) == ([0.3, 0.3], [])
    assert guard.reason is None


@pytest.mark.parametrize(
    "logs",
    [
        None,
        {},
        {"val_accuracy": 0.9},
        {"val_source_accuracy": 0.1},
        {"source_accuracy": float("nan")},
        {"val_accuracy": 0.9, "val_source_accuracy": float("nan")},
    ],
)
def test_nothing_is_concluded_from_logs_that_do_not_tell(logs):
    assert watched(NegativeTransferGuard(patience=1), [logs] * 3) == ([0.3] * 3, [])


def test_a_target_that_is_better_for_patience_epochs_goes_on_alone():
    guard = NegativeTransferGuard(patience=3, margin=0.02)
    ahead, behind = (0.72, 0.7), (0.715, 0.7)
    pairs = [ahead, ahead, behind, ahead, ahead, ahead, ahead]
    weights, said = watched(guard, held_out(*pairs))
    assert weights == [0.3] * 5 + [0, 0]
    assert len(said) == 1
    assert "right on 72.0% of the held-out windows" in guard.reason
    assert "source on 70.0%, the target ahead for 3 epochs" in guard.reason


@pytest.mark.parametrize("contrast", [FeatureInfoNCE, AttentionInfoNCE])
def test_a_contrast_may_be_taught_by_a_source_that_is_weaker(contrast):
    losses = [contrast(), LogitsDistillation()]
    pairs = held_out(*[(0.9, 0.1)] * 4)
    assert watched(NegativeTransferGuard(), pairs, losses=losses) == ([0.3] * 4, [])
    assert watched(NegativeTransferGuard(), pairs, losses=losses[1:])[0][-1] == 0


@pytest.mark.parametrize("loss", [AgreementPseudoLabels, MaskedCrossAttentionLoss])
def test_any_other_loss_is_not(loss):
    pairs = held_out(*[(0.9, 0.1)] * 4)
    assert watched(NegativeTransferGuard(), pairs, losses=[loss()])[0][-1] == 0


def of_two(one, other, **logs):
    both = {"source_accuracy_0": one, "source_accuracy_1": other}
    return {"source_accuracy": (one + other) / 2, **both, **logs}


def test_a_good_source_hides_none_at_chance_and_goes_on_teaching():
    guard = NegativeTransferGuard()
    weights, (message,) = watched(guard, [of_two(0.9, 0.11)] * 2)
    assert weights == [0.3, 0.3]
    assert "(source 1 of 2) that is right on 11.0%" in message
    assert message.endswith("The others go on teaching.")
    assert guard.reason is None


def test_several_sources_at_chance_teach_for_one_epoch():
    weights, (message,) = watched(NegativeTransferGuard(), [of_two(0.12, 0.11)])
    assert weights == [0]
    assert "(source 0, 1 of 2) that is right on 12.0% and 11.0%" in message


@pytest.mark.parametrize(
    ("target", "together", "weight"),
    [(0.8, 0.5, 0.3), (0.95, 0.5, 0), (0.95, 0.97, 0.3)],
)
def test_a_target_must_be_better_than_the_best_of_several(target, together, weight):
    logs = of_two(0.9, 0.9, val_accuracy=target)
    logs |= {"val_source_accuracy_0": 0.9, "val_source_accuracy_1": 0.1}
    logs["val_source_accuracy"] = together
    assert watched(NegativeTransferGuard(patience=1), [logs])[0] == [weight]


def test_a_source_that_is_never_where_labels_are_is_not_called_untrained(rng):
    pair, labels = windows(rng)
    labels = np.where(np.arange(32) < 16, labels, -1)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.5)
    shares = (labels < 0).astype("float32")
    inputs = {"source": pair[0], "target": pair[1], "transfer_mask": shares}
    history = fit(model, inputs, labels, NegativeTransferGuard())
    assert np.isnan(history["source_accuracy"]).all()
    assert model.transfer_weight == 0.5


def errors(target, source):
    """Logs of a regression, whose first errors tell nothing."""
    return {"source_error": 9.0, "val_mean_absolute_error": target} | {
        "val_source_error": source
    }


def test_a_regression_goes_on_alone_where_its_error_is_smaller_by_a_share():
    guard = NegativeTransferGuard(patience=2, margin=0.1)
    pairs = [(9.0, 10.0), (9.1, 10.0), (9.0, 10.0), (8.9, 10.0)]
    weights, (message,) = watched(guard, [errors(*pair) for pair in pairs], None)
    assert weights == [0.3, 0.3, 0.3, 0]
    assert "off by 8.9 on the held-out windows (val_mean_absolute_error)" in message
    assert "a source by 10, the target ahead for 2 epochs" in message


def test_of_an_error_that_is_not_known_nothing_is_concluded():
    logs = [errors(0.1, float("nan")), {"source_error": 9.0}, errors(0.0, 0.0)]
    guard = NegativeTransferGuard(patience=1)
    assert watched(guard, logs, None) == ([0.3] * 3, [])


def test_a_source_of_features_beside_others_hides_none_of_them():
    logs = of_two(0.9, float("nan"), source_accuracy=0.9, val_accuracy=0.8)
    logs |= {"val_source_accuracy": float("nan"), "val_source_accuracy_0": 0.7}
    logs["val_source_accuracy_1"] = float("nan")
    guard = NegativeTransferGuard(patience=1)
    assert watched(guard, [logs])[0] == [0]
    assert "a source on 70.0%" in guard.reason


@pytest.mark.parametrize("units", [1, 3])
def test_a_source_of_sigmoids_that_guesses_teaches_for_one_epoch(rng, units):
    def branch(channels):
        inputs = keras.Input((channels,))
        outputs = keras.layers.Dense(units, "sigmoid", kernel_initializer="zeros")
        return keras.Model(inputs, outputs(inputs))

    model = keras_dcat.DCATModel(branch(5), branch(3), "info_nce")
    pair = rng.normal(size=(32, 5)), rng.normal(size=(32, 3))
    labels = np.arange(32 * units).reshape(32, units) % 2
    guard = NegativeTransferGuard()
    with pytest.warns(UserWarning, match=r"finds 50.0%.*guessing gives 50.0%"):
        fit(model, pair, labels, guard)
    assert model.transfer_weight == 0


@pytest.mark.parametrize(("balanced", "weight"), [(0.5, 0), (0.6, 0), (0.61, 0.3)])
def test_a_sigmoid_is_judged_by_how_much_it_finds_of_yes_and_no(balanced, weight):
    logs = {"source_accuracy": 0.97, "source_balanced_accuracy": balanced}
    weights, said = watched(NegativeTransferGuard(), [logs], classes=2)
    assert weights == [weight]
    assert len(said) == (not weight)
    for message in said:
        assert f"finds {balanced:.1%} of each label's yes and no" in message


@pytest.mark.parametrize(("r2", "weight"), [(-3.0, 0), (0.1, 0), (0.11, 0.3)])
def test_a_regression_is_judged_by_what_it_explains(r2, weight):
    logs = {"source_error": 0.01, "source_r2": r2}
    weights, said = watched(NegativeTransferGuard(), [logs], classes=None)
    assert weights == [weight]
    for message in said:
        assert f"{1 - r2:.1%} of what the mean label has" in message


def test_what_tells_nothing_of_a_source_ends_no_transfer():
    unknown = float("nan")
    for name in ("source_balanced_accuracy", "source_r2"):
        assert watched(NegativeTransferGuard(), [{name: unknown}]) == ([0.3], [])


def test_one_regression_of_several_that_explains_nothing_is_warned_of():
    logs = {"source_r2": 0.4, "source_r2_0": 0.8, "source_r2_1": 0.0}
    weights, (message,) = watched(NegativeTransferGuard(), [logs], classes=None)
    assert weights == [0.3]
    assert "(source 1 of 2) that has a squared error" in message


def constant_source(rng, labels, task, activation, bias):
    """A transfer whose source says the same of every window."""

    def branch(channels, **options):
        inputs = keras.Input((channels,))
        x = keras.layers.Dense(labels.shape[1], activation, **options)(inputs)
        return keras.Model(inputs, x)

    source = branch(
        5,
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(bias),
    )
    pair = rng.normal(size=(32, 5)), rng.normal(size=(32, 3))
    model = keras_dcat.DCATModel(source, branch(3), "info_nce", task=task)
    guard = NegativeTransferGuard()
    with pytest.warns(UserWarning, match="should be trained before it teaches"):
        history = fit(model, pair, labels, guard)
    assert model.transfer_weight == 0
    return history


@pytest.mark.parametrize("labels", [1, 3])
def test_a_source_that_always_says_no_to_what_is_rare_teaches_for_one_epoch(
    rng, labels
):
    rare = np.arange(32 * labels).reshape(32, labels) % 16 == 0
    rare[0] = True
    history = constant_source(rng, rare.astype("float32"), None, "sigmoid", -9.0)
    assert history["source_accuracy"][0] > 0.9
    assert history["source_balanced_accuracy"] == pytest.approx([0.5])


def test_a_source_that_predicts_the_mean_teaches_for_one_epoch(rng):
    speeds = rng.normal(4.0, 1.0, size=(32, 1)).astype("float32")
    history = constant_source(rng, speeds, "regression", None, float(speeds.mean()))
    assert history["source_r2"] == pytest.approx([0.0], abs=1e-4)


def test_the_targets_accuracy_may_have_another_name():
    epochs = [{"val_f1": 0.9, "val_accuracy": 0.1, "val_source_accuracy": 0.5}]
    assert watched(NegativeTransferGuard("val_f1", patience=1), epochs)[0] == [0]
    assert watched(NegativeTransferGuard(patience=1), epochs)[0] == [0.3]


def test_it_may_only_warn_once():
    guard = NegativeTransferGuard(only_warn=True)
    weights, (message,) = watched(guard, [{"source_accuracy": 0.1}] * 3)
    assert weights == [0.3] * 3
    assert message == guard.reason


def test_where_no_transfer_runs_nothing_is_said():
    guard = NegativeTransferGuard(patience=1)
    epochs = [{"source_accuracy": 0.1}, *held_out((0.9, 0.1))]
    assert watched(guard, epochs, transfer_weight=0.0) == ([0, 0], [])
    assert guard.reason is None


def test_a_reason_lasts_until_the_transfer_runs_again():
    guard = NegativeTransferGuard()
    watched(guard, [{"source_accuracy": 0.1}])
    reason = guard.reason
    watched(guard, [{"source_accuracy": 0.1}], transfer_weight=0.0)
    assert guard.reason == reason
    assert watched(guard, [{"source_accuracy": 0.9}]) == ([0.3], [])
    assert guard.reason is None


@pytest.mark.parametrize("options", [{"patience": 0}, {"margin": -0.1}, {"margin": 2}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r"patience=.*margin=.*Start with 3 epochs"):
        NegativeTransferGuard(**options)


def fit(model, pair, labels, guard, **options):
    return model.fit(
        pair, labels, batch_size=16, verbose=0, callbacks=[guard], **options
    ).history


@pytest.mark.parametrize("weight", [0.5, PolynomialDecay(0.5, decay_steps=100)])
@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_after_an_untrained_source_the_loss_is_that_of_the_target(
    rng, tmp_path, weight
):
    pair, _ = windows(rng)
    model = keras_dcat.DCATModel(
        *pair_of_branches(), transfer_weight=weight, gate="all"
    )
    believed = model.sources[0].predict(pair[0], verbose=0).argmax(axis=-1)
    guard = NegativeTransferGuard()
    history = fit(model, pair, (believed + 1) % CLASSES, guard, epochs=3)
    assert history["loss"][0] > history["classification_loss"][0]
    assert history["loss"][1:] == pytest.approx(history["classification_loss"][1:])
    assert "right on 0.0%" in guard.reason
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").transfer_weight == 0


def test_a_target_that_is_right_where_its_source_is_not_goes_on_alone(rng):
    pair, _ = windows(rng, count=64)
    model = keras_dcat.DCATModel(
        *pair_of_branches(), transfer_weight=0.5, loss=LogitsDistillation()
    )
    model.compile(keras.optimizers.SGD(0.0))  # what is right stays right
    source, target = (
        m.predict(x, verbose=0).argmax(axis=-1)
        for m, x in zip((*model.sources, model.target), pair, strict=True)
    )
    for layer in model.target.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    rows = np.flatnonzero(source != target)[:16]
    new = tuple(x[rows] for x in pair), target[rows]
    guard = NegativeTransferGuard(patience=2)
    with pytest.warns(UserWarning, match="better than its target.*is 0 now"):
        fit(model, pair, source, guard, epochs=3, validation_data=new)
    assert "target ahead for 2 epochs" in guard.reason
    assert model.transfer_weight == 0


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_class_that_pseudo_labels_leave_out_is_named_once(rng, monkeypatch):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile("sgd")
    monkeypatch.setattr(
        type(model.objective.alignment), "neglected", lambda self: [(0, 2, 0.25, 0.01)]
    )
    guard = NegativeTransferGuard(only_warn=True)
    with pytest.warns(
        UserWarning, match=r"class 2 in 1\.0% .* 25\.0% of the labels"
    ) as w:
        model.fit(pair, labels, epochs=7, verbose=0, callbacks=[guard])
    said = [str(each.message) for each in w if "Pseudo-labels" in str(each.message)]
    assert len(said) == 1


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_class_that_is_left_out_for_a_few_epochs_is_not_named(rng, monkeypatch):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile("sgd")
    asked = iter([True] * 4 + [False] + [True] * 4)
    monkeypatch.setattr(
        type(model.objective.alignment),
        "neglected",
        lambda self: [(0, 2, 0.25, 0.01)] if next(asked) else [],
    )
    guard = NegativeTransferGuard(only_warn=True)
    model.fit(pair, labels, epochs=9, verbose=0, callbacks=[guard])
