"""What Keras's own tests ask of a layer, a loss, a callback and a trainer."""

import keras
import numpy as np
import pytest
from keras.src.backend import compute_output_spec
from keras.src.testing import TestCase

import keras_dcat
from keras_dcat.transfer import (
    AgreementPseudoLabels,
    AttentionInfoNCE,
    FeatureInfoNCE,
    FusedPseudoLabels,
    LogitsDistillation,
)
from tests.models import pair_of_branches, snapshot, windows
from tests.transfer.test_inputs import ALL_KINDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The source should be trained"),
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
    # Keras's own, of the generator that its tests train with.
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed"),
]

LAYERS = {
    "softmax": {"key_dim": 4, "value_dim": 3, "num_heads": 2, "dropout": 0.5},
    "linear": {"key_dim": 4, "attention": "linear", "use_bias": False},
    "scaled": {"key_dim": 2, "scale": 0.25, "kernel_initializer": "he_normal"},
}


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
def test_the_layer_does_what_keras_asks_of_every_layer(options):
    """Config, shapes, dtypes, masks, symbolic calls, training, saving."""
    heads = options.get("num_heads", 1)
    channels = heads * options.get("value_dim", options["key_dim"])
    TestCase("run_layer_test").run_layer_test(
        keras_dcat.AttentionKV,
        init_kwargs=options,
        input_shape=(2, 5, 3),
        expected_output_shape=(2, 5, channels),
        expected_num_trainable_weights=6 if options.get("use_bias", True) else 3,
        expected_num_seed_generators=1 if options.get("dropout") else 0,
        supports_masking=True,
        assert_built_after_instantiation=False,
    )


LOSSES = [
    AgreementPseudoLabels(),
    FeatureInfoNCE(),
    FusedPseudoLabels(),
    LogitsDistillation(),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("reduction", ["sum", "mean", "sum_over_batch_size", "none"])
def test_a_loss_is_reduced_weighed_and_cast_as_keras_does_it(rng, loss, reduction):
    sides = rng.normal(size=(2, 6, 4)).astype("float32")
    weights = rng.uniform(size=6).astype("float32")
    config = {**loss.get_config(), "reduction": reduction}
    found = type(loss).from_config(config)(*sides, sample_weight=weights)
    each = type(loss).from_config({**config, "reduction": "none"})(*sides)
    each = keras.ops.convert_to_numpy(each) * weights
    expected = {"none": each, "sum": each.sum()}.get(reduction, each.mean())
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == "float32"
    half = type(loss).from_config(config)(*keras.ops.cast(sides, "float16"))
    assert keras.backend.standardize_dtype(half.dtype) == "float32"


def test_projections_of_symbolic_shapes_are_losses_of_one(rng):
    def side(steps):
        return tuple(keras.KerasTensor((None, steps, 2, 4)) for _ in range(2))

    for loss in (AttentionInfoNCE(), keras_dcat.MaskedCrossAttentionLoss()):
        found = compute_output_spec(
            lambda *s, loss=loss: loss(s[:2], s[2:]), *side(7), *side(9)
        )
        assert tuple(found.shape) == ()


def callbacks(folder):
    """Eleven of Keras's, which look on, stop, store, and change the rate."""
    of_keras = keras.callbacks
    return [
        of_keras.EarlyStopping("loss", patience=9, restore_best_weights=True),
        of_keras.ReduceLROnPlateau("loss", patience=1, min_delta=1e9),
        of_keras.ModelCheckpoint(
            str(folder / "{epoch}.weights.h5"), save_weights_only=True
        ),
        of_keras.CSVLogger(str(folder / "log.csv")),
        of_keras.LearningRateScheduler(lambda epoch, rate: rate / 2),
        of_keras.LambdaCallback(on_epoch_end=lambda *_: None),
        of_keras.TerminateOnNaN(),
        of_keras.BackupAndRestore(str(folder / "backup")),
        of_keras.SwapEMAWeights(swap_on_epoch=True),
        of_keras.ProgbarLogger(),
        of_keras.History(),
    ]


KINDS = ["arrays", "tf.data", "PyDataset", "generator", "torch", "grain map"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_of_every_kind_of_data_goes_along_with_eleven_callbacks(
    rng, tmp_path, kind
):
    pair, labels = windows(rng, 16)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.01, use_ema=True))
    source = snapshot(model.sources[0])
    batches = {"batch_size": 8} if kind == "arrays" else {}
    epochs = 1 if kind == "generator" else 2  # which ends with its first epoch
    history = model.fit(
        *ALL_KINDS[kind](pair, labels),
        epochs=epochs,
        callbacks=callbacks(tmp_path),
        verbose=0,
        **batches,
    ).history
    assert np.isfinite(history["loss"]).all()
    assert len(history["learning_rate"]) == epochs
    assert len((tmp_path / "log.csv").read_text().splitlines()) == epochs + 1
    assert len(list(tmp_path.glob("*.weights.h5"))) == epochs
    for old, new in zip(source, snapshot(model.sources[0]), strict=True):
        np.testing.assert_array_equal(old, new)
    alone = model.predict(pair[1], verbose=0)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded.predict(pair[1], verbose=0), alone, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
def test_a_target_that_was_quantized_says_nearly_what_it_said(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, verbose=0)
    before = model.predict(pair[1], verbose=0)
    model.target.quantize("int8")
    after = model.predict(pair[1], verbose=0)
    assert np.abs(after - before).max() < 0.1 * np.abs(before).max()
