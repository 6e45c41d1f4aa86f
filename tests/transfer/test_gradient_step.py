"""Steps of one's own, written as Keras's guides write them."""

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import (
    AgreementPseudoLabels,
    FeatureInfoNCE,
    MaskedCrossAttentionLoss,
    gradient_step,
)
from tests.models import branch, pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")
BACKEND = keras.backend.backend()


class OnTensorFlow(keras_dcat.DCATModel):
    """ "Customizing what happens in fit() with TensorFlow"."""

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        trainable_vars = self.trainable_variables
        gradients = tape.gradient(loss, trainable_vars)
        self.optimizer.apply(gradients, trainable_vars)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class OnTorch(keras_dcat.DCATModel):
    """ "Customizing what happens in fit() with PyTorch"."""

    def train_step(self, data):
        import torch

        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        trainable_weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    test_step = OnTensorFlow.test_step


class OnJax(keras_dcat.DCATModel):
    """ "Customizing what happens in fit() with JAX"."""

    def loss_and_updates(
        self, trainable_variables, non_trainable_variables, x, y, training=False
    ):
        y_pred, non_trainable_variables = self.stateless_call(
            trainable_variables, non_trainable_variables, x, training=training
        )
        loss = self.compute_loss(x, y, y_pred)
        return loss, (y_pred, non_trainable_variables)

    def shown(self, metrics_variables, loss, y, y_pred):
        new_metrics_vars, logs = [], {}
        for metric in self.metrics:
            this_metric_vars = metrics_variables[
                len(new_metrics_vars) : len(new_metrics_vars) + len(metric.variables)
            ]
            if metric.name == "loss":
                this_metric_vars = metric.stateless_update_state(this_metric_vars, loss)
            else:
                this_metric_vars = metric.stateless_update_state(
                    this_metric_vars, y, y_pred
                )
            logs[metric.name] = metric.stateless_result(this_metric_vars)
            new_metrics_vars += this_metric_vars
        return logs, new_metrics_vars

    def train_step(self, state, data):
        import jax

        (
            trainable_variables,
            non_trainable_variables,
            optimizer_variables,
            metrics_variables,
        ) = state
        x, y = data
        grad_fn = jax.value_and_grad(self.loss_and_updates, has_aux=True)
        (loss, (y_pred, non_trainable_variables)), grads = grad_fn(
            trainable_variables, non_trainable_variables, x, y, training=True
        )
        trainable_variables, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, grads, trainable_variables
        )
        logs, metrics_variables = self.shown(metrics_variables, loss, y, y_pred)
        return logs, (
            trainable_variables,
            non_trainable_variables,
            optimizer_variables,
            metrics_variables,
        )

    def test_step(self, state, data):
        trainable_variables, non_trainable_variables, metrics_variables = state
        x, y = data
        loss, (y_pred, non_trainable_variables) = self.loss_and_updates(
            trainable_variables, non_trainable_variables, x, y, training=False
        )
        logs, metrics_variables = self.shown(metrics_variables, loss, y, y_pred)
        return logs, (trainable_variables, non_trainable_variables, metrics_variables)


AS_IN_GUIDE = {"tensorflow": OnTensorFlow, "torch": OnTorch, "jax": OnJax}[BACKEND]


def losses():
    """Those that need no class frequencies."""
    return [FeatureInfoNCE(), AgreementPseudoLabels(), MaskedCrossAttentionLoss()]


def trained(kind, data, compiled=(), epochs=2, dropout=0.2, rate=0.05, **options):
    """A model of a kind, after some epochs from one seed, and its history."""
    keras.utils.set_random_seed(4)
    options = {"transfer_weight": 0.5, "loss": losses(), **options}
    model = kind(*pair_of_branches(dropout=dropout), **options)
    model.compile(keras.optimizers.SGD(rate), **dict(compiled))
    history = model.fit(
        *data, batch_size=16, epochs=epochs, shuffle=False, verbose=0
    ).history
    return model, history


def assert_same(one, other, atol=1e-6):
    for mine, yours in zip(snapshot(one.target), snapshot(other.target), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-5, atol=atol)


def partly_labelled(rng):
    pair, labels = windows(rng)
    return pair, np.where(np.arange(len(labels)) % 4 < 3, labels, -1)


@pytest.mark.traced
def test_a_step_written_as_in_kerass_guide_trains_as_the_built_in_one(rng):
    data = partly_labelled(rng)
    built_in, expected = trained(keras_dcat.DCATModel, data)
    own, found = trained(AS_IN_GUIDE, data)
    assert_same(own, built_in)
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, err_msg=name)
    results = own.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    expected = built_in.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    assert results == pytest.approx(expected, rel=1e-4)


def test_the_default_trains_and_shows_all_in_a_step_of_ones_own(rng):
    data = partly_labelled(rng)
    _, expected = trained(keras_dcat.DCATModel, data, loss=None)
    _, found = trained(AS_IN_GUIDE, data, loss=None)
    assert set(found) == set(expected)
    assert all(np.isfinite(values).all() for values in found.values())
    np.testing.assert_allclose(
        found["classification_loss"][0], expected["classification_loss"][0], rtol=0.05
    )


class Counts(keras_dcat.DCATModel):
    """Asks the step that it overrides."""

    def train_step(self, *state_and_batch):
        self.steps = getattr(self, "steps", 0) + 1
        return super().train_step(*state_and_batch)

    def test_step(self, *state_and_batch):
        self.tests = getattr(self, "tests", 0) + 1
        return super().test_step(*state_and_batch)


def test_a_step_that_asks_the_one_it_overrides_trains_alike(rng):
    data = partly_labelled(rng)
    built_in, expected = trained(keras_dcat.DCATModel, data, loss=None)
    own, found = trained(Counts, data, loss=None)
    assert own.steps >= 1
    assert_same(own, built_in)
    assert found == {
        n: pytest.approx(v, rel=1e-5, nan_ok=True) for n, v in expected.items()
    }
    results = own.evaluate(*data, verbose=0, return_dict=True)
    assert own.tests >= 1
    expected = built_in.evaluate(*data, verbose=0, return_dict=True)
    assert results == pytest.approx(expected, rel=1e-5)


class Doubled(keras_dcat.DCATModel):
    """Twice the loss of the class that it is derived from."""

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return 2 * super().compute_loss(x, y, y_pred, sample_weight, training)


class Untold(keras_dcat.DCATModel):
    """The same, of a `compute_loss` that does not know `training`."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return 2 * super().compute_loss(x, y, y_pred, sample_weight)


@pytest.mark.parametrize("kind", [Doubled, Untold])
def test_a_loss_of_ones_own_is_what_is_descended(rng, kind):
    data = partly_labelled(rng)
    plain, expected = trained(keras_dcat.DCATModel, data, epochs=1)
    keras.utils.set_random_seed(4)
    own = kind(*pair_of_branches(dropout=0.2), transfer_weight=0.5, loss=losses())
    own.compile(keras.optimizers.SGD(0.025))  # half as far for twice the loss
    found = own.fit(*data, batch_size=16, shuffle=False, verbose=0).history
    assert_same(own, plain, atol=1e-5)
    assert found["loss"][0] == pytest.approx(2 * expected["loss"][0], rel=1e-4)
    for name in ("classification_loss", "info_nce_loss", "accuracy"):
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
    told = own.evaluate(*data, verbose=0, return_dict=True)
    assert told["loss"] == pytest.approx(
        2 * plain.evaluate(*data, verbose=0, return_dict=True)["loss"], rel=1e-3
    )


ON_TORCH = BACKEND == "torch"
WAYS = {
    "run_eagerly": {"run_eagerly": True},
    "steps_per_execution": {"steps_per_execution": 2},
    "jit_compile": {"jit_compile": True},
}


@pytest.mark.traced
@pytest.mark.parametrize("way", WAYS)
def test_all_losses_learn_alike_however_the_step_is_run(rng, way):
    if ON_TORCH and way != "run_eagerly":
        pytest.skip("Keras refuses it on torch, or a compiler is not there")
    data = partly_labelled(rng)
    # XLA draws other random numbers; and small steps keep rounding small.
    options = {"loss": None, "dropout": 0.0, "rate": 0.005}
    plain, expected = trained(
        keras_dcat.DCATModel, data, {"jit_compile": False}, **options
    )
    other, found = trained(keras_dcat.DCATModel, data, WAYS[way], **options)
    assert_same(other, plain, atol=1e-4)
    np.testing.assert_allclose(
        snapshot(other.objective.alignment)[0],
        snapshot(plain.objective.alignment)[0],
        atol=1e-3,
    )
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-2, err_msg=name)


def regularized():
    target = branch(3, kernel_regularizer=keras.regularizers.L2(0.1))
    target.layers[-1].activity_regularizer = keras.regularizers.L2(0.01)
    return branch(5, steps=12), target


def test_what_the_target_adds_to_its_loss_counts_once(rng):
    pair, labels = windows(rng)
    source, target = regularized()
    model = keras_dcat.DCATModel(source, target, transfer_weight=0.0)
    target.compile("sgd", model.loss)
    options = {"batch_size": len(labels), "verbose": 0, "return_dict": True}
    expected = target.evaluate(pair[1], labels, **options)["loss"]
    found = model.evaluate(pair, labels, **options)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert found["classification_loss"] == pytest.approx(expected, rel=1e-5)
    start = target.get_weights()
    moved = []
    for own, x in ((target, pair[1]), (model, pair)):
        target.set_weights(start)
        own.compile(keras.optimizers.SGD(0.1), model.loss)
        own.train_on_batch(x, labels)
        moved.append(target.get_weights())
    for one, two in zip(*moved, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_clipping_moves_no_variable_further_than_its_norm(rng, weight):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=weight)
    model.compile(keras.optimizers.SGD(1.0, clipnorm=1e-3))
    before = [
        np.array(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables
    ]
    model.train_on_batch(pair, labels)
    for old, variable in zip(before, model.trainable_variables, strict=True):
        moved = np.linalg.norm(keras.ops.convert_to_numpy(variable) - old)
        assert moved <= 1.01e-3


def test_averaged_weights_are_those_of_the_optimizer(rng):
    pair, labels = windows(rng)
    averages = []
    for momentum in (0.0, 0.5):  # an average of the last step alone, and of all
        keras.utils.set_random_seed(4)
        model = keras_dcat.DCATModel(*pair_of_branches())
        model.compile(
            keras.optimizers.SGD(
                0.1, use_ema=True, ema_momentum=momentum, ema_overwrite_frequency=None
            )
        )
        model.fit(pair, labels, batch_size=16, shuffle=False, verbose=0)
        averages.append(model.target.get_weights())
        assert all(np.isfinite(w).all() for w in averages[-1])
    assert not all(map(np.allclose, *averages))


def test_a_step_accumulates_gradients_as_the_mean_over_batches(rng):
    pair, labels = windows(rng)
    loss, moved = MaskedCrossAttentionLoss(), []
    for size, steps in ((32, None), (16, 2)):
        keras.utils.set_random_seed(4)
        source, target = pair_of_branches()
        for layer in target.layers:  # its statistics are of a batch
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
        model = keras_dcat.DCATModel(
            source, target, transfer_weight=1.0, gate="all", loss=loss
        )
        model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps))
        model.fit(pair, labels, batch_size=size, shuffle=False, verbose=0)
        moved.append(target.get_weights())
    for one, two in zip(*moved, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_a_scaled_loss_moves_the_weights_as_the_loss_itself(rng):
    data = windows(rng)
    states = []
    for scaled in (False, True):
        keras.utils.set_random_seed(4)
        model = keras_dcat.DCATModel(*pair_of_branches(), loss=losses())
        optimizer = keras.optimizers.SGD(0.05)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, 1024.0)
        model.compile(optimizer, auto_scale_loss=False)
        history = model.fit(*data, batch_size=16, shuffle=False, verbose=0).history
        states.append((model, history["loss"][0]))
    assert_same(states[0][0], states[1][0], atol=1e-5)
    assert states[0][1] == pytest.approx(states[1][1], rel=1e-4)


def test_state_may_change_where_it_is_carried():
    expected = BACKEND != "jax"
    assert gradient_step.may_change_state() is expected
    with gradient_step.carried_state():
        assert gradient_step.may_change_state()
    assert gradient_step.may_change_state() is expected
