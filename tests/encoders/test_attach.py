import keras
import numpy as np
import pytest
from keras import layers

from keras_dcat.encoders import attach_attention
from tests.encoders import contract


def body():
    return keras.Sequential(
        [
            keras.Input((40, 6)),
            layers.Conv1D(8, 5, name="first"),
            layers.Conv1D(12, 5, name="second"),
            layers.Flatten(),
            layers.Dense(3),
        ],
        name="body",
    )


@pytest.mark.parametrize("layer", [None, "first"])
def test_it_is_an_ordinary_model_that_ends_in_attention(rng, layer):
    contract.check(lambda: attach_attention(body(), 5, layer, key_dim=8), rng)


def test_by_default_the_last_layer_with_steps_is_read_and_weights_are_shared():
    model = body()
    attached = attach_attention(model, 5, key_dim=8)
    assert attached.name == "body_attention"
    assert attached.get_layer("attention").input.shape == (None, 32, 12)
    assert attached.get_layer("second") is model.get_layer("second")
    assert model.output_shape == (None, 3)


def test_places_of_a_picture_are_tokens():
    pictures = keras.Sequential([keras.Input((5, 8, 8, 1)), layers.Conv3D(4, 3)])
    attached = attach_attention(pictures, 5, key_dim=8)
    assert attached.get_layer("attention").input.shape == (None, 3 * 6 * 6, 4)
    assert np.isfinite(attached.predict(np.ones((2, 5, 8, 8, 1)), verbose=0)).all()


def test_layers_without_steps_are_refused():
    with pytest.raises(ValueError, match=r"layer='dense'.*\['first', 'second'\] of 'b"):
        attach_attention(body(), 5, layer="dense")
    flat = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"layer=None.*Choose from \[\]"):
        attach_attention(flat, 5)


def test_models_of_several_inputs_are_refused():
    both = [keras.Input((40, 6)), keras.Input((40, 3))]
    merged = keras.Model(both, layers.Concatenate()(both), name="both")
    with pytest.raises(ValueError, match=r"'both' with 2\. Attach"):
        attach_attention(merged, 5)
