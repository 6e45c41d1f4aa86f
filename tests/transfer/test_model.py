import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.transfer import (
    FeatureInfoNCE,
    LogitsDistillation,
    NegativeTransferGuard,
    PairOutputs,
)
from tests import references
from tests.models import CLASSES, branch, pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def assert_same_state(before, after):
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def train(model, pair, labels, **options):
    """Two epochs of one batch."""
    options = {"epochs": 2, "shuffle": False, "verbose": 0, **options}
    if isinstance(model, keras_dcat.DCATModel):  # whose source is not trained
        options.setdefault("callbacks", [NegativeTransferGuard(only_warn=True)])
    return model.fit(pair, labels, **options)


def expected_parts(model, pair, labels, normalization="source"):
    """Classification loss, distances per window and gate, from a pass in NumPy."""
    outputs = model({"source": pair[0], "target": pair[1]}, training=False)
    outputs = keras.tree.map_structure(ops.convert_to_numpy, outputs)
    prediction, ((source_prediction, ((source, target),), *_),), *_ = outputs
    classification = references.cross_entropy(prediction, labels)
    distances = references.loss(source, target, normalization)
    return classification, distances, source_prediction.argmax(-1) == labels


@pytest.mark.each_value
@pytest.mark.parametrize("weight", [0.0, 0.25, 2.0])
@pytest.mark.parametrize("gate", [None, "correct", "all"])
def test_loss_is_classification_plus_weighted_masked_alignment(rng, weight, gate):
    pair, labels = windows(rng)
    loss = keras_dcat.MaskedCrossAttentionLoss()
    options = {"transfer_weight": weight, "gate": gate, "loss": loss}
    model = keras_dcat.DCATModel(*pair_of_branches(), **options)
    classification, distances, correct = expected_parts(model, pair, labels)
    mask = np.ones_like(correct) if gate == "all" else correct
    alignment = (distances * mask).mean()
    assert 0 < correct.mean() < 1
    results = model.evaluate(pair, labels, verbose=0, return_dict=True)
    expected = {
        "classification_loss": classification,
        "cross_attention_loss": alignment,
        "loss": classification + weight * alignment,
        "unmasked_share": mask.mean(),
        "source_accuracy": correct.mean(),
    }
    for name, value in expected.items():
        assert results[name] == pytest.approx(value, rel=1e-4), name


def test_a_gate_may_be_a_function_of_labels_and_the_sources_output(rng):
    pair, labels = windows(rng)

    def only_class_two(labels, source_prediction):
        return ops.equal(labels, 2)

    loss = keras_dcat.MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(*pair_of_branches(), gate=only_class_two, loss=loss)
    _, distances, _ = expected_parts(model, pair, labels)
    results = model.evaluate(pair, labels, verbose=0, return_dict=True)
    expected = (distances * (labels == 2)).mean()
    assert results["cross_attention_loss"] == pytest.approx(expected, rel=1e-4)
    assert results["unmasked_share"] == pytest.approx((labels == 2).mean())


def test_the_cross_attention_loss_can_be_another(rng):
    pair, labels = windows(rng)
    loss = keras_dcat.MaskedCrossAttentionLoss("none", "mean_with_sample_weight")
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="correct", loss=loss)
    _, distances, correct = expected_parts(model, pair, labels, "none")
    results = model.evaluate(
        pair, labels, batch_size=len(labels), verbose=0, return_dict=True
    )
    expected = distances[correct].mean()
    assert results["cross_attention_loss"] == pytest.approx(expected, rel=1e-4)


def test_it_trains_without_compile_and_history_tells_all_parts(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.1)
    history = train(model, pair, labels).history
    assert set(history) == {
        "loss",
        "accuracy",
        "classification_loss",
        "info_nce_loss",
        "agreement_loss",
        "fused_loss",
        "cross_attention_loss",
        "labelled_share",
        "unmasked_share",
        "source_accuracy",
    }
    info_nce, agreement, distance = (
        np.array(history[f"{name}_loss"])
        for name in ("info_nce", "agreement", "cross_attention")
    )
    transfer = 0.1 * (10 * info_nce + 5.0 * agreement + distance)
    expected = history["classification_loss"] + transfer
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    assert history["info_nce_loss"][-1] < history["info_nce_loss"][0]


def test_compile_overrides_what_it_names_only(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(optimizer=keras.optimizers.SGD(0.5), metrics=["mse"])
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    history = train(model, pair, np.eye(CLASSES, dtype="float32")[labels]).history
    assert "mse" in history
    assert "accuracy" not in history
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)


@pytest.mark.each_value
@pytest.mark.parametrize("softmax", [True, False], ids=["probabilities", "logits"])
@pytest.mark.parametrize("one_hot", [True, False], ids=["one-hot", "integer"])
def test_default_loss_fits_the_head_and_the_labels(rng, softmax, one_hot):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(softmax=softmax), transfer_weight=0)
    logits = ops.convert_to_numpy(model.target(pair[1]))
    logits = np.log(logits) if softmax else logits
    y = np.eye(CLASSES, dtype="float32")[labels] if one_hot else labels
    results = model.evaluate(pair, y, verbose=0, return_dict=True)
    expected = references.cross_entropy(logits, labels)
    assert results["loss"] == pytest.approx(expected, rel=1e-4)
    assert results["accuracy"] == pytest.approx((logits.argmax(-1) == labels).mean())


@pytest.mark.parametrize("kind", ["sample_weight", "class_weight"])
def test_weights_weigh_both_parts_of_the_loss(rng, kind):
    pair, labels = windows(rng)
    loss = keras_dcat.MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all", loss=loss)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    per_class = np.array([1.0, 0.0, 2.0, 0.5])
    weights = per_class[labels].astype("float32")
    options = {"sample_weight": weights}
    if kind == "class_weight":
        options = {"class_weight": dict(enumerate(per_class.tolist()))}
    history = train(model, pair, labels, epochs=1, **options).history
    outputs = model({"source": pair[0], "target": pair[1]}, training=True)
    source, target = (
        [ops.convert_to_numpy(x) for x in side]
        for side in outputs.sources[0].projections[0]
    )
    expected = (references.loss(source, target, "source") * weights).mean()
    assert history["cross_attention_loss"][0] == pytest.approx(expected, rel=1e-4)
    logits = ops.convert_to_numpy(outputs.prediction)
    per_window = [
        references.cross_entropy(logits[i : i + 1], labels[i : i + 1])
        for i in range(len(labels))
    ]
    expected = (np.array(per_window) * weights).mean()
    assert history["classification_loss"][0] == pytest.approx(expected, rel=1e-4)


class Counted(layers.Layer):
    """Remembers of every pass whether it was for training."""

    def __init__(self):
        super().__init__()
        self.passes = []

    def call(self, inputs, training=None):
        self.passes.append(bool(training))
        return inputs


def counted(features, steps):
    model, counter = branch(features, steps), Counted()
    return keras.Sequential([keras.Input((steps, features)), counter, model]), counter


def test_a_step_passes_once_through_each_model_and_trains_only_the_target(rng):
    pair, labels = windows(rng, count=8)
    (source, source_counter), (target, target_counter) = counted(5, 12), counted(3, 20)
    model = keras_dcat.DCATModel(source, target)
    model.compile(run_eagerly=True)
    train(model, pair, labels, epochs=1)  # builds the metrics
    source_counter.passes.clear()
    target_counter.passes.clear()
    train(model, pair, labels, epochs=2)
    assert source_counter.passes == [False, False]
    assert target_counter.passes == [True, True]


@pytest.mark.parametrize("source_trainable", [True, False])
def test_the_source_is_frozen_to_the_bit_and_stays_as_the_user_set_it(
    rng, source_trainable
):
    pair, labels = windows(rng)
    source, target = pair_of_branches()
    noisy = keras.Sequential([keras.Input((12, 5)), AlwaysNoisy(), source])
    noisy.trainable = source_trainable
    model = keras_dcat.DCATModel(noisy, target)
    before, target_before = snapshot(noisy), snapshot(target)
    train(model, pair, labels)
    model.evaluate(pair, labels, verbose=0)
    assert_same_state(before, snapshot(noisy))
    assert noisy.trainable is source_trainable
    assert all(layer.trainable is source_trainable for layer in noisy.layers)
    moved = [
        not np.array_equal(old, new)
        for old, new in zip(target_before, snapshot(target), strict=True)
    ]
    assert sum(moved) >= len(target.trainable_variables)


@keras.saving.register_keras_serializable(package="tests")
class AlwaysNoisy(layers.Layer):
    """Draws random numbers in inference too, and so has a seed that moves."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(5)

    def call(self, inputs):
        noise = keras.random.normal(ops.shape(inputs), seed=self.seed_generator)
        return inputs + 1e-3 * noise


def test_losses_of_the_source_are_not_the_targets(rng):
    pair, labels = windows(rng)
    inputs = keras.Input((12, 5))
    x = keras_dcat.AttentionKV(6, kernel_regularizer=keras.regularizers.L2(10.0))(
        inputs
    )
    x = layers.GlobalAveragePooling1D()(x)
    source = keras.Model(
        inputs,
        layers.Dense(CLASSES, activity_regularizer=keras.regularizers.L2(10.0))(x),
    )
    target = branch(3, kernel_regularizer=keras.regularizers.L2(0.1))
    loss = keras_dcat.MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(source, target, transfer_weight=0, loss=loss)
    classification, _, _ = expected_parts(model, pair, labels)
    attention = model._pair.target.attentions[0]
    penalty = 0.1 * sum(
        np.square(ops.convert_to_numpy(layer.kernel)).sum()
        for layer in (
            attention.query,
            attention.key,
            attention.value,
        )
    )
    results = model.evaluate(pair, labels, verbose=0, return_dict=True)
    assert results["loss"] == pytest.approx(classification + penalty, rel=1e-4)


def never(labels, source_prediction):
    return ops.zeros_like(labels)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"transfer_weight": 0.0}, marks=pytest.mark.traced),
        {"gate": never},
    ],
)
def test_without_transfer_it_trains_bit_for_bit_like_the_target_alone(rng, options):
    pair, labels = windows(rng)
    results = []
    for alone in (True, False):
        keras.utils.set_random_seed(7)
        target = branch(3, dropout=0.4)
        if alone:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            target.compile("adam", loss, metrics=["accuracy"])
            train(target, pair[1], labels, shuffle=True, batch_size=16)
        else:
            source = branch(5, steps=12)
            keras.utils.set_random_seed(7)
            branch(3, dropout=0.4)  # draws what the target alone drew
            model = keras_dcat.DCATModel(source, target, **options)
            train(model, pair, labels, shuffle=True, batch_size=16)
        results.append(snapshot(target))
    assert_same_state(*results)


def test_the_transfer_weight_can_be_changed_between_epochs(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.0)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    first = train(model, pair, labels, epochs=1).history
    model.transfer_weight = 3.0
    second = train(model, pair, labels, epochs=1).history
    assert first["loss"][0] == pytest.approx(first["classification_loss"][0])
    weights = {"info_nce_loss": 10, "agreement_loss": 5, "cross_attention_loss": 1}
    transfer = sum(weight * second[name][0] for name, weight in weights.items())
    expected = second["classification_loss"][0] + 3 * transfer
    assert second["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert model.transfer_weight == 3.0


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_transfer_weight_that_makes_no_sense_is_refused(weight):
    with pytest.raises(ValueError, match=rf"transfer_weight={weight}.*Start with"):
        keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=weight)


def test_evaluate_and_predict_take_the_target_alone_and_change_nothing(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(dropout=0.5))
    train(model, pair, labels, epochs=1)
    before = snapshot(model)
    on_target = model.evaluate(pair[1], labels, verbose=0, return_dict=True)
    on_pairs = model.evaluate(pair, labels, verbose=0, return_dict=True)
    predicted = model.predict(pair[1], verbose=0)
    assert_same_state(before, snapshot(model))
    assert set(on_target) == {"loss", "accuracy"}
    assert on_target["loss"] == pytest.approx(on_pairs["classification_loss"], rel=1e-5)
    assert on_target["accuracy"] == on_pairs["accuracy"]
    np.testing.assert_allclose(
        predicted, model.target.predict(pair[1], verbose=0), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        predicted, ops.convert_to_numpy(model(pair[1])), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_array_equal(predicted, model.predict(pair, verbose=0))


def test_validation_may_be_pairs_or_the_target_alone(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    on_pairs, on_target = (
        train(model, pair, labels, epochs=1, validation_data=(x, labels)).history
        for x in (pair, pair[1])
    )
    assert "val_info_nce_loss" in on_pairs
    assert "val_accuracy" in on_target
    assert "val_info_nce_loss" not in on_target


@pytest.mark.parametrize("form", ["tuple", "list", "dict"])
def test_a_pair_may_be_a_tuple_a_list_or_a_dict(rng, form):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    inputs = {"tuple": pair, "list": list(pair)}.get(
        form, {"source": pair[0], "target": pair[1]}
    )
    results = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    assert results["source_accuracy"] == pytest.approx(
        (ops.convert_to_numpy(model.sources[0](pair[0])).argmax(-1) == labels).mean()
    )


def test_a_target_with_two_inputs_is_not_mistaken_for_a_pair(rng):
    pair, labels = windows(rng)
    accelerometer, gyroscope = keras.Input((20, 3)), keras.Input((20, 3))
    x = layers.Concatenate()([accelerometer, gyroscope])
    x = layers.GlobalAveragePooling1D()(keras_dcat.AttentionKV(6)(x))
    target = keras.Model([accelerometer, gyroscope], layers.Dense(CLASSES)(x))
    model = keras_dcat.DCATModel(branch(5, steps=12), target)
    both = [pair[1], pair[1]]
    train(model, (pair[0], both), labels)
    assert model.predict(both, verbose=0).shape == (len(labels), CLASSES)
    assert set(model.evaluate(both, labels, verbose=0, return_dict=True)) == {
        "loss",
        "accuracy",
    }


class SubclassedBranch(keras.Model):
    """A model that is not a graph of layers."""

    def __init__(self, **options):
        super().__init__(**options)
        self.attention = keras_dcat.AttentionKV(6)
        self.pool = layers.GlobalAveragePooling1D()
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, inputs):
        return self.head(self.pool(self.attention(inputs)))


def called(model, *shape):
    model(np.zeros((2, *shape), "float32"))
    return model


@pytest.mark.parametrize("kind", ["functional", "sequential", "nested", "subclassed"])
def test_any_kind_of_keras_model_can_be_source_and_target(rng, kind):
    pair, labels = windows(rng)

    def build(features, steps):
        if kind == "functional":
            return branch(features, steps)
        if kind == "nested":
            inputs = keras.Input((steps, features))
            inner = branch(features, steps)
            return keras.Model(inputs, layers.Activation("softmax")(inner(inputs)))
        if kind == "subclassed":
            return called(SubclassedBranch(), steps, features)
        return keras.Sequential(
            [
                keras.Input((steps, features)),
                keras_dcat.AttentionKV(6),
                layers.GlobalAveragePooling1D(),
                layers.Dense(CLASSES),
            ]
        )

    source, target = build(5, 12), build(3, 20)
    model = keras_dcat.DCATModel(source, target, transfer_weight=1.0)
    assert model.built
    assert model.target is target
    history = train(model, pair, labels, epochs=3).history
    assert history["info_nce_loss"][-1] < history["info_nce_loss"][0]


@pytest.mark.traced
def test_windows_of_unknown_length_and_padding_train(rng):
    def build(features):
        inputs = keras.Input((None, features))
        x = layers.Masking()(inputs)
        x = keras_dcat.AttentionKV(6)(x)
        x = layers.GlobalAveragePooling1D()(x)
        return keras.Model(inputs, layers.Dense(CLASSES)(x))

    pair, labels = windows(rng)
    pair[1][::2, 15:] = 0.0
    loss = keras_dcat.MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(build(5), build(3), gate="all", loss=loss)
    outputs = model({"source": pair[0], "target": pair[1]})
    sides = outputs.sources[0].projections[0]
    masks = [ops.convert_to_numpy(side[2]) for side in sides]
    source, target = ([ops.convert_to_numpy(x) for x in side[:2]] for side in sides)
    assert masks[1][0].sum() == 15
    expected = references.loss(source, target, "source", masks).mean()
    results = model.evaluate(pair, labels, verbose=0, return_dict=True)
    assert results["cross_attention_loss"] == pytest.approx(expected, rel=1e-4)
    train(model, pair, labels)


def test_a_batch_of_one_window_trains_and_is_told_that_nothing_is_told_apart(rng):
    pair, labels = windows(rng, count=1)
    with pytest.warns(UserWarning, match="batches of one. Take larger batches"):
        history = train(keras_dcat.DCATModel(*pair_of_branches()), pair, labels).history
    assert np.isfinite(history["loss"]).all()


def test_a_pass_over_a_pair_gives_all_that_the_loss_needs(rng):
    pair, _ = windows(rng, count=3)
    losses = [keras_dcat.MaskedCrossAttentionLoss(), FeatureInfoNCE()]
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=losses)
    outputs = model(pair)
    assert isinstance(outputs, PairOutputs)
    ((source, (key, value)),) = outputs.sources[0].projections
    assert tuple(key.shape) == tuple(value.shape) == (3, 20, 1, 6)
    assert tuple(source[0].shape) == (3, 12, 1, 6)
    np.testing.assert_allclose(
        ops.convert_to_numpy(outputs.sources[0].log_probabilities),
        ops.convert_to_numpy(ops.log_softmax(model.sources[0](pair[0]))),
        rtol=1e-5,
    )


def test_only_the_targets_weights_are_trainable():
    source, target = pair_of_branches()
    model = keras_dcat.DCATModel(source, target)
    map_of_features = model._feature_adapters[0].trainable_variables
    assert [id(v) for v in model.trainable_variables] == [
        id(v) for v in (*target.trainable_variables, *map_of_features)
    ]
    every = {id(v) for v in model.variables}
    parts = [model.trainable_variables, model.non_trainable_variables]
    assert {id(v) for part in parts for v in part} == every
    assert sum(map(len, parts)) == len(every)


def test_a_trained_source_draws_no_warning_and_an_untrained_one_does(rng):
    pair, labels = windows(rng)
    source, target = pair_of_branches()
    model = keras_dcat.DCATModel(source, target)
    right = ops.convert_to_numpy(source(pair[0])).argmax(-1)
    train(model, pair, right, epochs=1)  # a warning is an error to pytest
    with pytest.warns(UserWarning, match=r"right on 0\.0%.*guessing gives 25\.0%.*fit"):
        train(model, pair, (right + 1) % CLASSES, epochs=2)


def test_single_batches_can_be_trained_and_tested_by_hand(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    before = snapshot(model)
    tested = model.test_on_batch(pair, labels, return_dict=True)
    assert_same_state(before, snapshot(model))
    trained = model.train_on_batch(pair, labels, return_dict=True)
    assert set(tested) == set(trained)
    with pytest.raises(AssertionError):
        assert_same_state(before, snapshot(model))
    on_target = model.predict_on_batch(pair[1])
    np.testing.assert_allclose(on_target, model.predict_on_batch(pair), rtol=1e-5)


def test_a_pair_may_say_how_much_each_of_its_windows_teaches(rng):
    pair, labels = windows(rng)
    loss = keras_dcat.MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all", loss=loss)
    _, distances, _ = expected_parts(model, pair, labels)
    shares = rng.uniform(size=len(labels)).astype("float32")
    inputs = {"source": pair[0], "target": pair[1], "transfer_mask": shares}
    results = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    expected = (distances * shares).mean()
    assert results["cross_attention_loss"] == pytest.approx(expected, rel=1e-4)
    assert results["unmasked_share"] == pytest.approx(shares.mean(), rel=1e-5)
    history = model.fit(inputs, labels, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0])


@pytest.mark.parametrize("softmax", [False, True])
def test_transfer_losses_are_weighted_and_added_up(rng, softmax):
    pair, labels = windows(rng)
    source, target = branch(5, steps=12), branch(3, steps=20, softmax=softmax)
    distillation = LogitsDistillation(temperature=3.0)
    model = keras_dcat.DCATModel(
        source,
        target,
        transfer_weight=0.5,
        gate="all",
        loss=[keras_dcat.MaskedCrossAttentionLoss(), distillation],
        loss_weights=[0.25, 2.0],
    )
    results = model.evaluate(pair, labels, verbose=0, return_dict=True)
    outputs = model({"source": pair[0], "target": pair[1]}, training=False)
    believed, ((taught, learned),), *_ = outputs.sources[0]
    taught, learned = keras.tree.map_structure(ops.convert_to_numpy, (taught, learned))
    distances = references.loss(taught, learned, "source")
    target_log = ops.convert_to_numpy(outputs.prediction).astype("float64")
    target_log = np.log(target_log) if softmax else target_log
    believed = ops.convert_to_numpy(believed)
    divergence = references.divergence(believed, target_log, 3.0)
    assert results["cross_attention_loss"] == pytest.approx(distances.mean(), rel=1e-4)
    assert results["distillation_loss"] == pytest.approx(divergence.mean(), rel=1e-4)
    transfer = 0.25 * distances.mean() + 2.0 * divergence.mean()
    expected = results["classification_loss"] + 0.5 * transfer
    assert results["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_model_with_several_losses_is_loaded_with_them(rng, tmp_path):
    pair, labels = windows(rng)
    losses = [keras_dcat.MaskedCrossAttentionLoss("unit"), LogitsDistillation(4.0)]
    model = keras_dcat.DCATModel(
        *pair_of_branches(), gate="soft", loss=losses, loss_weights=[1.0, 3.0]
    )
    train(model, pair, labels, epochs=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    scores = [m.evaluate(pair, labels, verbose=0) for m in (model, loaded)]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mse"}, "Received: .'mse'.*Use `FeatureInfoNCE`"),
        ({"loss": keras.losses.MeanSquaredError()}, "mean_squared_error.*Use"),
        ({"loss": [LogitsDistillation(), LogitsDistillation()]}, "names of their own"),
        ({"loss_weights": [1.0]}, r"\[1.0\] for 4 losses.*Leave it out"),
        ({"loss_weights": [9.0, -1.0, 1.0, 1.0]}, r"\[9.0, -1.0, 1.0, 1.0\].*Leave"),
    ],
)
def test_losses_that_cannot_be_used_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        keras_dcat.DCATModel(*pair_of_branches(), **options)


def test_sample_weights_do_not_change_the_share_that_may_teach(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all")
    weights = np.full(len(labels), 0.25, "float32")
    results = model.evaluate(
        pair, labels, sample_weight=weights, verbose=0, return_dict=True
    )
    assert results["unmasked_share"] == pytest.approx(1.0)
