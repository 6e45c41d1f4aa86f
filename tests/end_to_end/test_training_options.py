"""What Keras offers for training works on pairs as on any data."""

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import FeatureInfoNCE
from tests.models import pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def trained(pair, labels, callbacks=None, epochs=2, rate=0.005, **options):
    """The target's state and the history after training from one seed."""
    keras.utils.set_random_seed(3)
    model = keras_dcat.DCATModel(*pair_of_branches())
    # Not Adam, which makes steps of the noise where a gradient should be 0.
    model.compile(keras.optimizers.SGD(rate), **options)
    history = model.fit(
        pair,
        labels,
        epochs=epochs,
        batch_size=8,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )
    return model, history.history


def assert_same_training(first, second, tolerance):
    for old, new in zip(snapshot(first.target), snapshot(second.target), strict=True):
        np.testing.assert_allclose(old, new, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_with_the_loss_in_float32(rng, policy):
    pair, labels = windows(rng)
    _, expected = trained(pair, labels, rate=0.0)
    keras.config.set_dtype_policy(policy)
    model, history = trained(pair, labels, rate=0.0)
    assert model.target.layers[3].compute_dtype == policy.removeprefix("mixed_")
    is_scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert is_scaled is (policy == "mixed_float16")
    for name in ("loss", "classification_loss", "info_nce_loss"):
        np.testing.assert_allclose(history[name], expected[name], rtol=0.05)
    # The first steps in float16 are skipped, until the loss is scaled as it should be.
    _, history = trained(pair, labels, epochs=12)
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.usefixtures("eager")
def test_source_and_target_may_have_policies_of_their_own(rng):
    pair, labels = windows(rng)
    pair[0][0] *= 1e5  # finite in float32 only
    source, _ = pair_of_branches()
    keras.config.set_dtype_policy("mixed_float16")
    _, target = pair_of_branches()
    losses = [FeatureInfoNCE(), keras_dcat.MaskedCrossAttentionLoss()]
    model = keras_dcat.DCATModel(source, target, loss=losses)
    outputs = model(pair)
    dtypes = [
        keras.backend.standardize_dtype(side[0].dtype)
        for side in outputs.sources[0].projections[0]
    ]
    assert dtypes == ["float32", "float16"]
    history = model.fit(pair, labels, verbose=0, batch_size=8).history
    assert np.isfinite(history["info_nce_loss"]).all()


@pytest.mark.usefixtures("eager")
def test_gradient_accumulation_steps_once_for_several_batches(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    before = snapshot(model.target)
    kernel = [w.path for w in model.target.variables].index(
        model.target.trainable_variables[0].path
    )
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit((pair[0][:8], pair[1][:8]), labels[:8], **options)
    np.testing.assert_array_equal(before[kernel], snapshot(model.target)[kernel])
    model.fit((pair[0][8:16], pair[1][8:16]), labels[8:16], **options)
    assert not np.array_equal(before[kernel], snapshot(model.target)[kernel])


class Crash(keras.callbacks.Callback):
    """Dies at the start of the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise RuntimeError("power cut")


@pytest.mark.slow
def test_backup_and_restore_goes_on_to_the_same_weights(rng, tmp_path):
    pair, labels = windows(rng)
    expected, _ = trained(pair, labels, epochs=4)

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(RuntimeError, match="power cut"):
        trained(pair, labels, callbacks=[backup(), Crash()], epochs=4)
    resumed, history = trained(pair, labels, callbacks=[backup()], epochs=4)
    assert len(history["loss"]) == 2
    assert_same_training(expected, resumed, tolerance=1e-6)


@pytest.mark.usefixtures("eager")
def test_early_stopping_stops_and_brings_the_best_weights_back(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.0))  # nothing improves
    stop = keras.callbacks.EarlyStopping(
        "info_nce_loss",
        min_delta=1e-3,
        patience=1,
        restore_best_weights=True,
        mode="min",
    )
    history = model.fit(
        pair,
        labels,
        epochs=9,
        callbacks=stop,
        verbose=0,
    ).history
    assert len(history["loss"]) < 9
    assert stop.stopped_epoch > 0


@pytest.mark.tensorflow
def test_tensorboard_gets_every_part_of_the_loss(rng, tmp_path):
    from tensorflow.python.summary.summary_iterator import summary_iterator

    pair, labels = windows(rng)
    trained(pair, labels, callbacks=[keras.callbacks.TensorBoard(tmp_path)])
    (events,) = (tmp_path / "train").glob("events*")
    tags = {
        v.tag for event in summary_iterator(str(events)) for v in event.summary.value
    }
    assert {"epoch_info_nce_loss", "epoch_unmasked_share", "epoch_loss"} <= tags


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="runs eagerly on torch")
def test_a_step_is_traced_in_the_first_epoch_only(rng, monkeypatch):
    passes, call = [], keras_dcat.DCATModel.call

    def counted(self, inputs, training=False):
        passes.append(training)
        return call(self, inputs, training=training)

    monkeypatch.setattr(keras_dcat.DCATModel, "call", counted)
    model = keras_dcat.DCATModel(*pair_of_branches())
    pair, labels = windows(rng)
    known = model.cache_source(pair, verbose=0)
    options = {"batch_size": 12, "validation_data": (pair, labels), "verbose": 0}
    model.fit(known, labels, **options)  # 32 windows: a last batch of another size
    first = len(passes)
    assert first
    model.transfer_weight = 0.5
    model.fit(known, labels, epochs=3, **options)
    assert len(passes) == first
