import threading

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.transfer import FeatureInfoNCE
from keras_dcat.transfer.models.features import features_read, find_classifier
from tests.models import CLASSES, branch, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


class Subclassed(keras.Model):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.head = layers.Dense(4)

    def call(self, inputs, training=False):
        return self.head(self.inner(inputs, training=training))


def encoded(features, steps):
    """Everything before a classifier, as a model."""
    model = branch(features, steps)
    return keras.Model(model.inputs, model.layers[-2].output)


def nested(features, steps):
    inputs = keras.Input((steps, features))
    return keras.Model(inputs, layers.Dense(4)(encoded(features, steps)(inputs)))


def sequential(features, steps):
    inputs = keras.Input((steps, features))
    return keras.Sequential([inputs, encoded(features, steps), layers.Dense(4)])


def subclassed(features, steps):
    model = Subclassed(encoded(features, steps))
    model(np.zeros((1, steps, features), "float32"))
    return model


KINDS = [branch, nested, sequential, subclassed]


@pytest.mark.parametrize("build", KINDS)
def test_what_the_classifier_is_given_is_read_wherever_it_sits(rng, build):
    model = build(3, 20)
    inputs = rng.normal(size=(5, 20, 3)).astype("float32")
    classifier = find_classifier(model)
    with features_read(classifier) as read:
        prediction = ops.convert_to_numpy(model(inputs))
    kernel, bias = classifier.get_weights()
    assert len(read) == 1
    np.testing.assert_allclose(
        ops.convert_to_numpy(read[0]) @ kernel + bias, prediction, atol=1e-5
    )


def test_the_classifier_is_the_last_of_several_dense_layers():
    last = branch(3)
    model = keras.Sequential([keras.Input((20, 3)), layers.Dense(3), last])
    assert find_classifier(model) is last.layers[-1]


WIDTH = 5  # of features


def on_features(head):
    """A Functional model of features, and what its head is built of."""
    inputs = keras.Input((WIDTH,))
    return keras.Model(inputs, head(layers.Dense(WIDTH)(inputs)))


def after(follow):
    """A model whose classifier is followed by something, and the classifier."""
    classifier = layers.Dense(CLASSES)
    return on_features(lambda x: follow(classifier(x))), classifier


def in_sequence():
    """A head of three layers, the first of which is as wide as there are classes."""
    classifier = layers.Dense(CLASSES)
    hidden = layers.Dense(CLASSES, activation="relu")
    return keras.Sequential([hidden, layers.Dropout(0.1), classifier]), classifier


def head_in_sequence():
    head, classifier = in_sequence()
    return on_features(head), classifier


def two_levels_deep():
    head, classifier = in_sequence()
    inputs = keras.Input((WIDTH,))
    outer = keras.Model(inputs, layers.Softmax()(head(inputs)))
    return on_features(outer), classifier


def sequence_in_a_sequence():
    head, classifier = in_sequence()
    inner = keras.Sequential([head, layers.Softmax()])
    return keras.Sequential([keras.Input((WIDTH,)), inner]), classifier


def followed_by_a_nested_model():
    classifier = layers.Dense(CLASSES)
    scale = keras.Sequential([keras.Input((CLASSES,)), layers.Rescaling(0.5)])
    return on_features(lambda x: layers.Softmax()(scale(classifier(x)))), classifier


def nested_model_of_two_inputs():
    """What follows takes the logits as the second of its inputs."""
    classifier = layers.Dense(CLASSES)
    inputs = [keras.Input((WIDTH,), name="a"), keras.Input((CLASSES,), name="b")]
    second = keras.Model(inputs, layers.Softmax()(inputs[1]))
    return on_features(lambda x: second([x, classifier(x)])), classifier


def softmax_by_hand():
    def softmax(x):
        raised = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
        return raised / ops.sum(raised, axis=-1, keepdims=True)

    return after(softmax)


def with_a_dead_end():
    """The classifier is called on something else, too, that leads nowhere."""
    classifier = layers.Dense(CLASSES)

    def head(x):
        layers.Dense(CLASSES)(x)
        return classifier(x)

    return on_features(head), classifier


def as_einsum():
    classifier = einsum(CLASSES)
    return on_features(lambda x: layers.Softmax()(classifier(x))), classifier


def of_steps(classifier):
    inputs = keras.Input((6, WIDTH))
    return keras.Model(inputs, layers.Softmax()(classifier(inputs))), classifier


def einsum(units):
    return layers.EinsumDense("bf,fc->bc", units, bias_axes="c")


class InAnotherOrder(keras.Model):
    """Its classifier is neither assigned last, nor is what is assigned last called."""

    def __init__(self, assigned_last=None):
        super().__init__()
        self.classifier = layers.Dense(CLASSES)
        self.hidden = layers.Dense(CLASSES, activation="tanh")
        self.auxiliary = assigned_last or layers.Dense(CLASSES)

    def call(self, inputs):
        hidden = self.hidden(inputs)
        self.auxiliary(hidden)
        return self.classifier(hidden)


class AuxiliaryAfterwards(InAnotherOrder):
    def call(self, inputs):
        outputs = ops.softmax(self.classifier(self.hidden(inputs)))
        self.auxiliary(outputs)
        return outputs


class HoldsAFunctional(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = on_features(layers.Dense(CLASSES))
        self.hidden = layers.Dense(WIDTH)

    def call(self, inputs):
        return ops.softmax(self.head(self.hidden(inputs)))


class OwnCall(keras.Model):
    """A graph that is not what it calls."""

    def __init__(self):
        inputs = keras.Input((WIDTH,))
        super().__init__(inputs, layers.Dense(CLASSES, name="unused")(inputs))
        self.hidden, self.last = layers.Dense(WIDTH), layers.Dense(CLASSES)

    def call(self, inputs):
        return self.last(self.hidden(inputs))


def called_once(model):
    model(np.zeros((1, WIDTH), "float32"))
    return model


def in_another_order():
    model = called_once(InAnotherOrder())
    return model, model.classifier


def auxiliary_afterwards():
    model = called_once(AuxiliaryAfterwards())
    return model, model.classifier


def holds_a_functional():
    model = called_once(HoldsAFunctional())
    return model, model.head.layers[-1]


def own_call():
    model = called_once(OwnCall())
    return model, model.last


def opaque_in_a_graph():
    inner = called_once(InAnotherOrder())
    return on_features(lambda x: layers.Softmax()(inner(x))), inner.classifier


def normalized_weights():
    classifier = layers.Dense(CLASSES)
    return on_features(layers.SpectralNormalization(classifier)), classifier


HEADS = {
    "a head in sequence": head_in_sequence,
    "two levels deep": two_levels_deep,
    "a sequence in a sequence": sequence_in_a_sequence,
    "a nested model behind": followed_by_a_nested_model,
    "a nested model of two inputs": nested_model_of_two_inputs,
    "Softmax": lambda: after(layers.Softmax()),
    "Activation": lambda: after(layers.Activation("softmax")),
    "a temperature": lambda: after(layers.Rescaling(0.5)),
    "a division": lambda: after(lambda x: ops.softmax(x / 2.0)),
    "Lambda": lambda: after(layers.Lambda(lambda x: x / 2, output_shape=lambda s: s)),
    "Reshape": lambda: after(layers.Reshape((CLASSES,))),
    "normalization": lambda: after(layers.BatchNormalization()),
    "a softmax by hand": softmax_by_hand,
    "a dead end": with_a_dead_end,
    "EinsumDense": as_einsum,
    "Dense of steps": lambda: of_steps(layers.Dense(CLASSES)),
    "TimeDistributed": lambda: of_steps(layers.TimeDistributed(layers.Dense(CLASSES))),
    "a convolution": lambda: of_steps(layers.Conv1D(CLASSES, 1)),
    "another order": in_another_order,
    "auxiliary afterwards": auxiliary_afterwards,
    "a functional inside": holds_a_functional,
    "a call of its own": own_call,
    "opaque in a graph": opaque_in_a_graph,
    "SpectralNormalization": normalized_weights,
}


@pytest.mark.parametrize("name", HEADS)
def test_the_output_is_followed_back_to_its_classifier(rng, name):
    model, classifier = HEADS[name]()
    assert find_classifier(model) is classifier
    inputs = rng.normal(size=(2, *_shape_of_inputs(model))).astype("float32")
    with features_read(classifier) as read:
        model(inputs)
    assert [tuple(x.shape) for x in read] == [(*inputs.shape[:-1], _features(name))]
    assert vars(classifier).get("call") is None


def _shape_of_inputs(model):
    return tuple(getattr(model, "input_shape", (None, WIDTH)))[1:]


def _features(name):
    narrow = ("a head in sequence", "two levels deep", "a sequence in a sequence")
    opaque = ("another order", "auxiliary afterwards", "opaque in a graph")
    return CLASSES if name in narrow + opaque else WIDTH


class TwoAddedUp(InAnotherOrder):
    def call(self, inputs):
        hidden = self.hidden(inputs)
        return self.auxiliary(hidden) + self.classifier(hidden)


class WithoutDense(keras.Model):
    def call(self, inputs):
        return ops.softmax(inputs)


def two_added_up():
    first, second = layers.Dense(CLASSES), layers.Dense(CLASSES)
    return on_features(lambda x: first(x) + second(x))


def one_called_twice_and_added_up():
    classifier = layers.Dense(CLASSES)
    return on_features(lambda x: classifier(x) + classifier(ops.tanh(x)))


def scaled_by_another():
    classifier, temperature = layers.Dense(CLASSES), layers.Dense(1)
    return on_features(lambda x: classifier(x) * temperature(x))


def added_to_its_input():
    inputs = keras.Input((CLASSES,))
    return keras.Model(inputs, inputs + layers.Dense(CLASSES)(inputs))


def cut_into_steps():
    wide = layers.Dense(3 * CLASSES)
    return on_features(lambda x: layers.Reshape((3, CLASSES))(wide(x)))


def recurrent():
    inputs = keras.Input((6, WIDTH))
    return keras.Model(inputs, layers.GRU(CLASSES)(inputs))


NO_CLASSIFIER = {
    "two added up": two_added_up,
    "one called twice": one_called_twice_and_added_up,
    "scaled by another": scaled_by_another,
    "added to its input": added_to_its_input,
    "cut into steps": cut_into_steps,
    "recurrent": recurrent,
    "two in a subclass": lambda: called_once(TwoAddedUp()),
    "none in a subclass": lambda: called_once(WithoutDense()),
}


@pytest.mark.parametrize("name", NO_CLASSIFIER)
def test_an_output_of_several_classifiers_or_of_none_has_no_classifier(name):
    assert find_classifier(NO_CLASSIFIER[name]()) is None


MODES = ["int8", "int4", "float8", "gptq"]


@pytest.mark.each_value
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("build", [layers.Dense, einsum])
def test_a_quantized_classifier_is_read(rng, mode, build):
    classifier = build(CLASSES)
    model = on_features(lambda x: classifier(ops.tanh(x)))
    config = None
    if mode == "gptq":
        config = keras.quantizers.GPTQConfig(dataset=[], tokenizer=None, group_size=-1)
    inputs = rng.normal(size=(2, WIDTH)).astype("float32")
    expected = np.tanh(ops.convert_to_numpy(model.layers[1](inputs)))
    classifier.quantize(mode, config=config)
    with features_read(classifier) as read:
        model(inputs)
    assert len(read) == 1
    np.testing.assert_allclose(ops.convert_to_numpy(read[0]), expected, atol=1e-5)
    assert not {"call", "quantized_call"} & set(vars(classifier))


def test_a_classifier_of_low_rank_updates_is_read(rng):
    classifier = layers.Dense(CLASSES)
    model = on_features(classifier)
    classifier.enable_lora(2)
    inputs = rng.normal(size=(2, WIDTH)).astype("float32")
    with features_read(find_classifier(model)) as read:
        model(inputs)
    expected = model.layers[1](inputs)
    np.testing.assert_allclose(
        *map(ops.convert_to_numpy, (read[0], expected)), atol=1e-5
    )


@pytest.mark.parametrize("build", KINDS)
def test_every_kind_of_model_trains_live_and_cached(rng, build):
    pair, labels = windows(rng)
    source, target = build(5, 12), build(3, 20)
    model = keras_dcat.DCATModel(source, target)
    known = model.cache_source(pair, verbose=0)
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    cached = model.evaluate(known, labels, verbose=0, return_dict=True)
    assert cached == pytest.approx(live, rel=1e-4)
    before = [np.copy(w) for w in target.get_weights()]
    model.fit(known, labels, verbose=0)
    assert any(
        np.any(a != b) for a, b in zip(before, target.get_weights(), strict=True)
    )


def test_the_layer_is_afterwards_as_before(rng):
    model = branch(3)
    classifier = model.layers[-1]
    before = dict(vars(classifier))
    with pytest.raises(ZeroDivisionError), features_read(classifier):
        raise ZeroDivisionError
    assert vars(classifier) == before
    with features_read(None) as read:
        model(rng.normal(size=(2, 20, 3)))
    assert read == []


def test_readers_inside_each_other_both_read(rng):
    model, inputs = branch(3), rng.normal(size=(2, 20, 3)).astype("float32")
    with features_read(model.layers[-1]) as outer:
        with features_read(model.layers[-1]) as inner:
            model(inputs)
        model(inputs)
    assert (len(outer), len(inner)) == (2, 1)
    assert "call" not in vars(model.layers[-1])


def test_threads_read_what_is_theirs(rng):
    model = branch(3)
    inputs = [np.full((1, 20, 3), n, "float32") for n in range(4)]
    expected = []
    for own in inputs:
        with features_read(model.layers[-1]) as read:
            model(own)
        expected.append(ops.convert_to_numpy(read[0]))
    found = {}

    def listen(number):
        for _ in range(20):
            with features_read(model.layers[-1]) as read:
                model(inputs[number])
            assert len(read) == 1
            found[number] = ops.convert_to_numpy(read[0])

    threads = [threading.Thread(target=listen, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, own in enumerate(expected):
        np.testing.assert_allclose(found[number], own, atol=1e-5)
    assert "call" not in vars(model.layers[-1])


def without_dense(features, steps):
    inputs = keras.Input((steps, features))
    x = keras_dcat.AttentionKV(4)(inputs)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


def dense_on_steps(features, steps):
    inputs = keras.Input((steps, features))
    x = layers.Dense(4)(keras_dcat.AttentionKV(4)(inputs))
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (without_dense, "without one.*End it in one"),
        (dense_on_steps, r"\(.*12, 4\)\] in a pass of.*name other losses"),
    ],
)
def test_a_model_without_features_is_refused_with_the_way_out(build, message):
    with pytest.raises(ValueError, match=message):
        keras_dcat.DCATModel(build(5, 12), build(3, 20), loss=FeatureInfoNCE()).fit(
            *windows(np.random.default_rng(0)), verbose=0
        )
    loss = keras_dcat.MaskedCrossAttentionLoss()
    keras_dcat.DCATModel(build(5, 12), build(3, 20), loss=loss)


def test_the_map_is_saved_and_is_no_part_of_the_target(rng, tmp_path):
    pair, labels = windows(rng)
    source, target = branch(5, 12), branch(3)
    model = keras_dcat.DCATModel(source, target, loss=[FeatureInfoNCE()])
    assert len(model.trainable_variables) == len(target.trainable_variables) + 2
    model.fit(pair, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    expected = model.evaluate(pair, labels, verbose=0, return_dict=True)
    found = again.evaluate(pair, labels, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)
