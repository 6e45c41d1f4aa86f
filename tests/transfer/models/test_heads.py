import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_dcat.transfer.head import Head
from keras_dcat.transfer.models.heads import find_head, gives_logits
from tests.models import CLASSES, branch


class Subclassed(keras.Model):
    """Pooling read by a head with a given activation."""

    def __init__(self, activation=None, units=CLASSES):
        super().__init__()
        self.pool = layers.GlobalAveragePooling1D()
        self.head = layers.Dense(units, activation=activation)

    def call(self, inputs):
        return self.head(self.pool(inputs))


def built(model, shape=(20, 3)):
    model(np.zeros((2, *shape), "float32"))
    return model


def wrapped(*last):
    return keras.Sequential([keras.Input((20, 3)), branch(3), *last])


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: branch(3), True),
        (lambda: branch(3, softmax=True), False),
        (lambda: wrapped(), True),
        (lambda: wrapped(layers.Softmax()), False),
        (lambda: wrapped(layers.Activation("softmax", dtype="float32")), False),
        (lambda: wrapped(layers.Softmax(), layers.Identity()), False),
        (lambda: wrapped(layers.Identity()), True),
        (lambda: wrapped(layers.Activation("linear", dtype="float32")), True),
        (lambda: wrapped(layers.Softmax(), layers.Activation("linear")), False),
        (lambda: wrapped(layers.Activation(lambda x: ops.softmax(x))), False),
        (lambda: wrapped(layers.Activation("log_softmax")), True),
        (lambda: built(Subclassed("softmax")), False),
        (lambda: built(Subclassed()), True),
    ],
    ids=[
        "dense",
        "dense softmax",
        "nested dense",
        "softmax layer",
        "activation layer",
        "softmax behind identity",
        "logits behind identity",
        "logits behind linear",
        "softmax behind linear",
        "softmax of one's own",
        "log-softmax",
        "subclassed softmax",
        "subclassed dense",
    ],
)
def test_logits_and_probabilities_are_told_apart(build, expected):
    assert gives_logits(build()) is expected


def ending_in(units, activation=None, steps=None):
    """A model of one output for each window, or for each of so many steps."""
    inputs = keras.Input((steps or 20, 3))
    x = inputs if steps else layers.GlobalAveragePooling1D()(inputs)
    return keras.Model(inputs, layers.Dense(units, activation)(x))


@pytest.mark.parametrize(
    ("model", "task", "expected"),
    [
        ((4,), None, Head("multiclass", 4, None, True)),
        ((4, "softmax"), None, Head("multiclass", 4, None, False)),
        ((4, "softmax", 9), None, Head("multiclass", 4, 9, False)),
        ((1, "sigmoid"), None, Head("binary", 1, None, False)),
        ((1, "sigmoid", 9), None, Head("binary", 1, 9, False)),
        ((1,), "binary", Head("binary", 1, None, True)),
        ((3, "sigmoid"), None, Head("multilabel", 3, None, False)),
        ((3,), "multilabel", Head("multilabel", 3, None, True)),
        ((1,), "regression", Head("regression", 1, None, False)),
        ((2,), "regression", Head("regression", 2, None, False)),
        ((1, "sigmoid"), "regression", Head("regression", 1, None, False)),
        ((2, "relu", 9), "regression", Head("regression", 2, 9, False)),
    ],
)
def test_a_head_is_found_by_the_last_activation_and_the_task(model, task, expected):
    assert find_head(ending_in(*model), task) == expected


def test_a_sigmoid_is_found_however_it_is_written():
    inputs = keras.Input((20, 3))
    x = layers.Dense(3)(layers.GlobalAveragePooling1D()(inputs))
    endings = [
        layers.Activation("sigmoid")(x),
        ops.sigmoid(x),
        layers.Lambda(lambda x: ops.sigmoid(x))(x),
        layers.Activation("sigmoid", dtype="float32")(x),
    ]
    for ending in endings:
        assert find_head(keras.Model(inputs, ending)).task == "multilabel"
    assert find_head(built(Subclassed("sigmoid"))).task == "multilabel"
    assert find_head(built(Subclassed("sigmoid", 1))).task == "binary"
    stepwise = layers.TimeDistributed(layers.Dense(1, activation="sigmoid"))(inputs)
    assert find_head(keras.Model(inputs, stepwise)) == Head("binary", 1, 20, False)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ((4, "sigmoid"), "multiclass"),
        ((1, "sigmoid"), "multiclass"),
        ((4, "softmax"), "multilabel"),
        ((4, "softmax"), "regression"),
        ((2, "sigmoid"), "binary"),
    ],
)
def test_a_head_that_does_not_fit_its_task_is_refused(model, task):
    with pytest.raises(ValueError, match=rf"must fit its task.*task='{task}'.*Change"):
        find_head(ending_in(*model), task)


ENDINGS = {
    "relu": [
        layers.Activation("relu"),
        layers.ReLU(),
        ops.relu,
        layers.Lambda(lambda x: ops.relu(x)),
    ],
    "tanh": [
        layers.Activation("tanh"),
        ops.tanh,
        layers.Lambda(lambda x: ops.tanh(x)),
        lambda x: layers.Identity()(ops.tanh(x)),
    ],
    "elu": [layers.ELU(), ops.elu],
    "softsign": [ops.softsign],
}


@pytest.mark.parametrize(
    ("name", "ending"),
    [(name, ending) for name, endings in ENDINGS.items() for ending in endings],
)
def test_what_cannot_say_no_is_no_logit_of_a_class(name, ending):
    inputs = keras.Input((20, 3))
    x = layers.Dense(8)(layers.GlobalAveragePooling1D()(inputs))
    model = keras.Model(inputs, ending(x))
    for task in (None, "multiclass", "multilabel"):
        with pytest.raises(
            ValueError, match=rf"8 units that end in {name}, task.*None for l"
        ):
            find_head(model, task)
    assert find_head(model, "regression").task == "regression"
    one = keras.Model(inputs, ending(layers.Dense(1)(x)))
    with pytest.raises(ValueError, match=rf"one unit behind a {name} predicts.*Say it"):
        find_head(one)


def test_what_reaches_low_numbers_is_a_logit_whatever_it_is_called():
    inputs = keras.Input((20, 3))
    x = layers.Dense(8)(layers.GlobalAveragePooling1D()(inputs))
    for ending in (ops.leaky_relu(x), 5 * ops.tanh(x), ops.log_softmax(x), x / 2):
        assert find_head(keras.Model(inputs, ending)).from_logits


def test_of_one_unit_without_an_activation_only_the_task_can_tell():
    with pytest.raises(ValueError, match=r"one unit without.*Say it: DCATModel.*task="):
        find_head(ending_in(1))


def test_a_task_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match=r"`task` must be.*'classes'.*Leave it out"):
        find_head(ending_in(3), "classes")


@pytest.mark.parametrize(
    "shape", [(None, 3), (5, 5, 3)], ids=["steps of unknown number", "images"]
)
def test_an_output_of_another_shape_is_refused(shape):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layers.Dense(4)(inputs))
    with pytest.raises(ValueError, match=r"must end in one output.*Pool over time"):
        find_head(model)


def test_a_model_that_is_looked_at_is_not_changed():
    model = keras.Sequential(
        [
            keras.Input((20, 3)),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3),
            layers.Lambda(lambda x: ops.softmax(x)),
        ]
    )
    before = [w.copy() for w in model.get_weights()]
    assert find_head(model) == Head("multiclass", 3, None, False)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
