import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.attention import find_attention
from tests import references


def as_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def keras_attention_with_the_weights_of(attention, features):
    """`keras.layers.MultiHeadAttention` whose output projection concatenates."""
    heads, value_dim = attention.num_heads, attention.value_dim
    peer = layers.MultiHeadAttention(
        heads, attention.key_dim, value_dim, output_shape=heads * value_dim
    )
    shape = (None, None, features)
    peer.build(shape, shape)
    identity = np.eye(heads * value_dim).reshape(heads, value_dim, heads * value_dim)
    peer.set_weights([*attention.get_weights(), identity, np.zeros(heads * value_dim)])
    return peer


@pytest.mark.parametrize("heads", [1, 3])
def test_softmax_attention_is_what_keras_computes_with_the_same_weights(rng, heads):
    inputs = rng.normal(size=(4, 10, 6)).astype("float32")
    mask = np.arange(10) < np.array([[10], [7], [1], [4]])
    attention = keras_dcat.AttentionKV(
        key_dim=5, num_heads=heads, bias_initializer="glorot_uniform"
    )
    outputs = attention(inputs)
    peer = keras_attention_with_the_weights_of(attention, features=6)
    np.testing.assert_allclose(
        as_numpy(outputs), as_numpy(peer(inputs, inputs)), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        as_numpy(attention(inputs, mask=mask)),
        as_numpy(peer(inputs, inputs, attention_mask=mask[:, None, :])),
        rtol=1e-4,
        atol=1e-5,
    )


def test_softmax_attention_is_the_textbook_formula_on_its_own_projections(rng):
    inputs = rng.normal(size=(2, 7, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(key_dim=5, value_dim=3, num_heads=2)
    outputs = as_numpy(attention(inputs)).reshape(2, 7, 2, 3)
    query, key, value = (as_numpy(x) for x in attention.project(inputs)[:3])
    for window in range(2):
        for head in range(2):
            expected = references.softmax_attention(
                *(x[window, :, head] for x in (query, key, value))
            )
            np.testing.assert_allclose(
                outputs[window, :, head], expected, rtol=1e-4, atol=1e-6
            )


def test_linear_attention_is_the_query_times_the_key_value_product(rng):
    inputs = rng.normal(size=(2, 7, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(key_dim=5, value_dim=3, attention="linear")
    outputs = as_numpy(attention(inputs))
    query, key, value = (as_numpy(x)[:, :, 0] for x in attention.project(inputs)[:3])
    expected = np.stack(
        [
            query[i] @ references.key_value_product(key[i], value[i])
            for i in range(len(inputs))
        ]
    )
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)


def test_scale_multiplies_the_scores(rng):
    inputs = rng.normal(size=(2, 7, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(3, attention="linear", scale=0.5)
    plain = keras_dcat.AttentionKV(3, attention="linear")
    plain.build(inputs.shape)
    attention.build(inputs.shape)
    plain.set_weights(attention.get_weights())
    np.testing.assert_allclose(
        as_numpy(attention(inputs)), 0.5 * as_numpy(plain(inputs)), rtol=1e-5
    )


@pytest.mark.parametrize("kind", ["softmax", "linear"])
def test_padding_changes_neither_the_real_steps_nor_the_projections_product(rng, kind):
    inputs = rng.normal(size=(2, 6, 4)).astype("float32")
    garbage = 100 * rng.normal(size=(2, 3, 4)).astype("float32")
    padded = np.concatenate([inputs, garbage], axis=1)
    mask = np.array([[True] * 6 + [False] * 3] * 2)
    attention = keras_dcat.AttentionKV(key_dim=5, attention=kind)
    np.testing.assert_allclose(
        as_numpy(attention(padded, mask=mask))[:, :6],
        as_numpy(attention(inputs)),
        rtol=1e-4,
        atol=1e-5,
    )
    products = []
    for projections in (attention.project(padded, mask), attention.project(inputs)):
        key, value = as_numpy(projections.key), as_numpy(projections.value)
        products.append(np.einsum("bthk,bthv->bhkv", key, value))
    np.testing.assert_allclose(*products, rtol=1e-4, atol=1e-5)


def test_a_window_of_padding_alone_gives_zeros_not_nan():
    attention = keras_dcat.AttentionKV(key_dim=5)
    mask = np.zeros((1, 6), bool)
    outputs = as_numpy(attention(np.ones((1, 6, 4), "float32"), mask=mask))
    np.testing.assert_array_equal(outputs, np.zeros((1, 6, 5)))


def test_the_mask_of_the_layer_before_is_used_and_handed_on(rng):
    inputs = rng.normal(size=(2, 6, 4)).astype("float32")
    inputs[:, 4:] = 0.0
    attention = keras_dcat.AttentionKV(key_dim=5)
    model = keras.Sequential([keras.Input((6, 4)), layers.Masking(), attention])
    with attention.capture() as captured:
        model(inputs)
    expected = [[True] * 4 + [False] * 2] * 2
    np.testing.assert_array_equal(as_numpy(captured[0].mask), expected)
    assert not as_numpy(captured[0].key)[:, 4:].any()
    pooled = keras.Sequential([model, layers.GlobalAveragePooling1D()])
    outputs = as_numpy(model(inputs))
    np.testing.assert_allclose(
        as_numpy(pooled(inputs)), outputs[:, :4].mean(axis=1), rtol=1e-5
    )


def test_dropout_acts_on_the_weights_in_training_only(rng):
    inputs = rng.normal(size=(2, 6, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(key_dim=5, dropout=0.5, seed=3)
    quiet = as_numpy(attention(inputs, training=False))
    np.testing.assert_array_equal(quiet, as_numpy(attention(inputs, training=False)))
    assert not np.allclose(quiet, as_numpy(attention(inputs, training=True)))


class Subclassed(keras.Model):
    """Hands the keys of its own attention out of its `call`."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        self.head = layers.Dense(2)

    def call(self, inputs):
        key = self.attention.project(inputs).key
        return self.head(self.attention(inputs)), key


def functional(attention):
    inputs = keras.Input((6, 4))
    return keras.Model(inputs, layers.Dense(2)(attention(inputs)))


def nested(attention):
    inputs = keras.Input((6, 4))
    return keras.Model(inputs, layers.Dense(2)(functional(attention)(inputs)))


@pytest.mark.parametrize(
    "build",
    [
        functional,
        nested,
        Subclassed,
        lambda attention: keras.Sequential([attention, layers.Dense(2)]),
    ],
    ids=["functional", "nested", "subclassed", "sequential"],
)
def test_projections_can_be_read_from_any_kind_of_model(rng, build):
    inputs = rng.normal(size=(3, 6, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(key_dim=5, value_dim=2)
    model = build(attention)
    model(inputs)
    with attention.capture() as captured:
        model(inputs)
    model(inputs)  # outside of the block: not captured
    expected = attention.project(inputs)
    assert len(captured) == 1
    for got, wanted in zip(captured[0][:3], expected[:3], strict=True):
        np.testing.assert_allclose(as_numpy(got), as_numpy(wanted), rtol=1e-5)


def test_a_subclassed_call_can_return_the_projections(rng):
    inputs = rng.normal(size=(3, 6, 4)).astype("float32")
    model = Subclassed(keras_dcat.AttentionKV(key_dim=5))
    _, key = model(inputs)
    np.testing.assert_allclose(
        as_numpy(key), as_numpy(model.attention.project(inputs).key), rtol=1e-5
    )


def test_captures_are_separate_per_layer_and_may_be_nested(rng):
    inputs = rng.normal(size=(3, 6, 4)).astype("float32")
    first, second = keras_dcat.AttentionKV(5), keras_dcat.AttentionKV(2)
    with first.capture() as outer, second.capture() as inner:
        second(first(inputs))
        with first.capture() as innermost:
            first(inputs)
    assert (len(outer), len(inner), len(innermost)) == (2, 1, 1)
    assert tuple(inner[0].key.shape) == (3, 6, 1, 2)


def _fixed():
    return keras.initializers.GlorotUniform(seed=3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", ["softmax", "linear"])
def test_mixed_precision_computes_in_half_and_stays_finite(rng, policy, kind):
    inputs = rng.normal(size=(2, 600, 4)).astype("float32")
    mask = np.arange(600) < np.array([[600], [3]])
    attention = keras_dcat.AttentionKV(
        key_dim=16,
        attention=kind,
        dtype=policy,
        scale=None if kind == "softmax" else 0.01,
    )
    outputs = attention(inputs, mask=mask)
    assert keras.backend.standardize_dtype(outputs.dtype) == policy.removeprefix(
        "mixed_"
    )
    assert all(w.dtype == "float32" for w in attention.weights)
    assert np.isfinite(as_numpy(ops.cast(outputs, "float32"))).all()


@pytest.mark.parametrize("loudness", [300, 3000])
def test_products_that_float16_does_not_hold_are_compared_all_the_same(rng, loudness):
    inputs = (rng.normal(size=(2, 50, 6)) * loudness).astype("float32")
    half, whole = (
        keras_dcat.AttentionKV(32, dtype=d, kernel_initializer=_fixed())
        for d in ("mixed_float16", "float32")
    )
    found, expected = (
        as_numpy(ops.cast(layer(inputs), "float32")) for layer in (half, whole)
    )
    key = as_numpy(whole.project(inputs).key)
    assert np.abs(np.einsum("btho,bsho->bts", key, key)).max() > 65504
    # All the weight is on one step, which rounding may change where two are alike.
    close = np.isclose(found, expected, rtol=0.01, atol=0.01 * loudness)
    assert close.all(axis=-1).mean() > 0.95


def test_linear_attention_over_a_long_window_stays_at_what_float16_has(rng):
    inputs = np.abs(rng.normal(size=(1, 8000, 4))).astype("float32")
    attention = keras_dcat.AttentionKV(
        16, attention="linear", dtype="mixed_float16", kernel_initializer="ones"
    )
    assert as_numpy(ops.cast(attention(inputs), "float32")).max() == 65504
    attention.scale = 1 / 8000
    assert as_numpy(ops.cast(attention(inputs), "float32")).max() < 65504


@pytest.mark.parametrize("kind", ["softmax", "linear"])
@pytest.mark.parametrize(
    "mask", [np.ones((2, 5)), np.ones((3, 6)), np.ones(6), np.ones((2, 6, 1))]
)
def test_a_mask_that_is_not_of_each_step_is_refused(rng, mask, kind):
    attention = keras_dcat.AttentionKV(4, attention=kind)
    shape = str(mask.shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"shape {shape} for.*one bool for each"):
        attention(np.ones((2, 6, 3)), mask=ops.convert_to_tensor(mask > 0))


@pytest.mark.parametrize("kind", ["softmax", "linear"])
def test_symbolic_shape_is_the_eager_one(kind):
    attention = keras_dcat.AttentionKV(4, value_dim=3, num_heads=2, attention=kind)
    symbolic = attention(keras.Input((None, 5)))
    assert symbolic.shape == (None, None, 6)
    assert tuple(attention(np.zeros((2, 7, 5), "float32")).shape) == (2, 7, 6)


@pytest.mark.tensorflow
def test_xla_gives_what_eager_gives(rng):
    import tensorflow as tf

    inputs = rng.normal(size=(3, 6, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(key_dim=5)
    eager = as_numpy(attention(inputs))
    compiled = tf.function(attention, jit_compile=True)(tf.constant(inputs))
    np.testing.assert_allclose(compiled.numpy(), eager, rtol=1e-4, atol=1e-6)


@pytest.mark.tensorflow
def test_captured_tensors_can_be_used_inside_a_traced_function(rng):
    import tensorflow as tf

    inputs = rng.normal(size=(3, 6, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(key_dim=5)
    model = functional(attention)

    @tf.function
    def key_of(x):
        with attention.capture() as captured:
            model(x)
        return captured[0].key

    np.testing.assert_allclose(
        key_of(tf.constant(inputs)).numpy(), as_numpy(attention.project(inputs).key)
    )


def test_a_saved_model_loads_with_every_option(rng, tmp_path):
    inputs = rng.normal(size=(3, 6, 4)).astype("float32")
    attention = keras_dcat.AttentionKV(
        5,
        3,
        2,
        "softmax",
        scale=0.1,
        dropout=0.2,
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(1e-3),
        seed=4,
    )
    model = functional(attention)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert find_attention(loaded).get_config() == attention.get_config()
    np.testing.assert_array_equal(as_numpy(loaded(inputs)), as_numpy(model(inputs)))


def test_query_key_and_value_start_from_different_weights():
    attention = keras_dcat.AttentionKV(key_dim=4)
    attention.build((None, None, 4))
    query, key, value = (
        as_numpy(layer.kernel)
        for layer in (attention.query, attention.key, attention.value)
    )
    assert not np.allclose(query, key)
    assert not np.allclose(key, value)


def test_rank_two_input_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"shape \(8, 6\).*Add a time axis"):
        keras_dcat.AttentionKV(key_dim=4)(np.zeros((8, 6)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_dim": 0}, r"key_dim=0.*at least 1"),
        ({"key_dim": 4, "value_dim": 2.5}, r"value_dim=2\.5.*at least 1"),
        ({"key_dim": 4, "num_heads": -1}, r"num_heads=-1.*at least 1"),
        ({"key_dim": 4, "attention": "cosine"}, r"attention='cosine'.*Use 'softmax'"),
        (
            {"key_dim": 4, "attention": "linear", "dropout": 0.1},
            r"dropout=0\.1.*Put a `keras.layers.Dropout`",
        ),
        ({"key_dim": 4, "scale": float("nan")}, r"finite.*scale=nan.*Leave it out"),
        ({"key_dim": 4, "scale": float("-inf")}, r"scale=-inf"),
        ({"key_dim": 4, "scale": "0.5"}, r"scale='0.5'"),
        ({"key_dim": 4, "scale": True}, r"scale=True"),
    ],
)
def test_wrong_options_are_refused_with_the_remedy(options, message):
    with pytest.raises(ValueError, match=message):
        keras_dcat.AttentionKV(**options)


def test_the_one_attention_is_found_however_deep_it_is():
    attention = keras_dcat.AttentionKV(5)
    assert find_attention(nested(attention)) is attention


def test_a_model_without_attention_is_refused_with_the_remedy():
    model = keras.Sequential([keras.Input((6, 4)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"has no `AttentionKV`.*Put an `AttentionKV`"):
        find_attention(model)


def test_of_several_attentions_one_must_be_named():
    model = keras.Sequential(
        [
            keras.Input((6, 4)),
            keras_dcat.AttentionKV(5, name="early"),
            keras_dcat.AttentionKV(5, name="late"),
        ]
    )
    assert find_attention(model, "late") is model.layers[-1]
    with pytest.raises(ValueError, match=r"\['early', 'late'\].*unique name"):
        find_attention(model)
    with pytest.raises(ValueError, match=r"'middle'.*\['early', 'late'\]"):
        find_attention(model, "middle")
