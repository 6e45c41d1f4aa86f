import keras
import numpy as np
import pytest
from keras import layers

import keras_dcat
from keras_dcat.transfer.models import inspection
from tests.models import CLASSES, beliefs, branch, pair_of_branches, windows


class Subclassed(keras.Model):
    """Attention read by a head with a given activation."""

    def __init__(self, activation=None, calls=1):
        super().__init__()
        self.attention = keras_dcat.AttentionKV(6)
        self.pool = layers.GlobalAveragePooling1D()
        self.head = layers.Dense(CLASSES, activation=activation)
        self.calls = calls

    def call(self, inputs):
        for _ in range(self.calls):
            x = self.attention(inputs)
        return self.head(self.pool(x))


def built(model, shape=(20, 3)):
    model(np.zeros((2, *shape), "float32"))
    return model


class HeadFirst(Subclassed):
    """As above, with a hidden layer that Keras comes to know after the head."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(CLASSES + 3, name="hidden")

    def call(self, inputs):
        return self.head(self.hidden(self.pool(self.attention(inputs))))


def test_features_are_never_those_of_a_hidden_layer():
    options = {"name": "hidden", "units": CLASSES + 3}
    target = built(HeadFirst())
    assert {k: getattr(target.layers[-1], k) for k in options} == options
    model = keras_dcat.DCATModel(branch(5), target)
    assert model._pair.target.classifier is target.head
    model = keras_dcat.DCATModel(branch(5), target, **beliefs())
    assert model._pair.target.classifier is None  # which reads no features


def test_a_model_that_is_not_built_is_refused():
    unbuilt = keras.Sequential([keras_dcat.AttentionKV(6), layers.Dense(CLASSES)])
    with pytest.raises(ValueError, match=r"`target` must be built.*keras\.Input"):
        keras_dcat.DCATModel(branch(5), unbuilt)


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match=r"`source`.*Received: Dense\. Wrap layers"):
        keras_dcat.DCATModel(layers.Dense(3), branch(3))


def test_models_that_share_weights_are_refused():
    model = branch(3)
    with pytest.raises(ValueError, match=r"must not share weights.*of its own"):
        keras_dcat.DCATModel(model, model)


@pytest.mark.parametrize("size", ["key_dim", "value_dim", "num_heads"])
def test_attentions_of_different_sizes_are_refused(size):
    options = {"key_dim": 6, "value_dim": 6, "num_heads": 1}
    source = branch(5, steps=12, **options)
    target = branch(3, **{**options, size: 4})
    with pytest.raises(ValueError, match=rf"'{size}': 4.*Build one of them anew"):
        keras_dcat.DCATModel(source, target, **beliefs())
    keras_dcat.DCATModel(source, target)  # features have no such sizes


def test_attention_that_is_missing_or_ambiguous_is_refused():
    plain = keras.Sequential(
        [keras.Input((20, 3)), layers.GlobalAveragePooling1D(), layers.Dense(CLASSES)]
    )
    loss = keras_dcat.MaskedCrossAttentionLoss()
    with pytest.raises(
        ValueError, match=r"has no `AttentionKV`\. Put an `AttentionKV`"
    ):
        keras_dcat.DCATModel(branch(5), plain, loss=loss)
    with pytest.raises(
        ValueError, match=r"has no `AttentionKV`\. Put an `AttentionKV`"
    ):
        keras_dcat.DCATModel(branch(5), plain, "paper")
    inputs = keras.Input((20, 3))
    x = keras_dcat.AttentionKV(6, name="first")(inputs)
    x = keras_dcat.AttentionKV(6, name="second")(x)
    x = layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(x))
    two = keras.Model(inputs, x)
    with pytest.raises(ValueError, match=r"\['first', 'second'\].*target_attention"):
        keras_dcat.DCATModel(branch(5), two, loss=loss)
    model = keras_dcat.DCATModel(branch(5), two, target_attention="second")
    assert model._pair.target.attentions[0].name == "second"


def ending_in(units, activation=None, steps=None, features=3):
    """A model of one output for each window, or for each of so many steps."""
    inputs = keras.Input((20 if steps is None else steps, features))
    x = keras_dcat.AttentionKV(6)(inputs)
    x = x if steps else layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(units, activation)(x))


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ((4,), (5,), "a source of 4 classes, and a target of 5 classes"),
        ((4, "sigmoid"), (4,), r"4 labels \(each yes or no\), and a target of 4 cla"),
        (
            (4, None, 10),
            (4,),
            "4 classes at each of 10 steps, and a target of 4 classes",
        ),
        ((1, "sigmoid"), (2,), r"one label \(yes or no\), and a target of 2 classes"),
    ],
)
def test_models_that_predict_something_else_are_refused(source, target, message):
    with pytest.raises(ValueError, match=rf"predict the same.*{message}.*Train all"):
        keras_dcat.DCATModel(ending_in(*source), ending_in(*target))


def test_steps_at_another_rate_are_the_same_task():
    model = keras_dcat.DCATModel(ending_in(4, None, 10), ending_in(4, None, 20))
    assert model.head.steps == 20


@pytest.mark.parametrize(
    ("value", "sources"), [("logits", 1), (["features"], 2), (["features", "?"], 2)]
)
def test_what_a_source_gives_is_one_of_two_things(value, sources):
    with pytest.raises(ValueError, match=r"`source_output` must be.*Leave it out"):
        inspection.gives_features(value, sources)
    assert inspection.gives_features("features", 2) == (True, True)
    assert inspection.gives_features(["predictions", "features"], 2) == (False, True)


def test_an_attention_that_is_called_twice_is_refused_before_the_first_step(rng):
    source, loss = branch(5, steps=12), keras_dcat.MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(source, built(Subclassed(calls=2)), loss=loss)
    before = model.target.get_weights()
    with pytest.raises(ValueError, match=r"2 calls in a pass.*name the one to align"):
        model.fit(*windows(rng), verbose=0)
    for old, new in zip(before, model.target.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_input_of_a_subclassed_model_is_what_it_was_built_with():
    spec = inspection.input_spec(built(Subclassed()))
    assert spec.shape == (None, 20, 3)


def test_the_models_that_are_joined_are_not_changed():
    source, target = pair_of_branches()
    before = [
        [keras.ops.convert_to_numpy(v.value).copy() for v in m.variables]
        for m in (source, target)
    ]
    keras_dcat.DCATModel(source, target)
    after = [m.variables for m in (source, target)]
    for old, new in zip(sum(before, []), sum(after, []), strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(new.value))


@pytest.mark.parametrize("wrap", [list, lambda inputs: inputs[0]], ids=["list", "bare"])
def test_a_list_of_one_input_comes_as_that_input(wrap):
    inputs = keras.Input((20, 3))
    model = keras.Model(wrap([inputs]), keras.layers.Dense(2)(inputs))
    assert inspection.input_spec(model).shape == (None, 20, 3)


def test_inputs_by_name_stay_so():
    inputs = keras.Input((20, 3), name="imu")
    model = keras.Model({"imu": inputs}, keras.layers.Dense(2)(inputs))
    assert set(inspection.input_spec(model)) == {"imu"}
