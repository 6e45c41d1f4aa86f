"""What a user passes to `compile` sees windows with a label, and no others."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.metrics import MacroF1, macro_f1
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.labelled_metrics import OfLabelled
from tests.models import CLASSES, pair_of_branches, windows

pytestmark = [
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]

FORMS = ["integers", "column", "one-hot"]
KNOWN = np.arange(32) % 4 != 0
WHOLE_BATCH = r"a value for each window, \(batch,\).*'mean_right'.*Take no mean in it"


@pytest.fixture
def model():
    return keras_dcat.DCATModel(*pair_of_branches(softmax=True))


def partly(labels, form):
    """Labels of which a quarter are not there."""
    if form == "one-hot":
        return np.eye(CLASSES, dtype="float32")[labels] * KNOWN[:, None]
    labels = np.where(KNOWN, labels, -1)
    return labels if form == "integers" else labels[:, None]


@keras.saving.register_keras_serializable(package="test")
def is_right(y_true, y_pred):
    y_true = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    return ops.cast(ops.equal(y_true, ops.argmax(y_pred, -1)), "float32")


def mean_right(y_true, y_pred):
    return ops.mean(is_right(y_true, y_pred))


def right_of(model, pair, labels):
    return model.predict(pair[1], verbose=0).argmax(axis=-1) == labels


MODES = [(form, {"run_eagerly": True}) for form in FORMS]
MODES += [
    pytest.param("integers", {}, marks=pytest.mark.traced),
    pytest.param(
        "integers", {"jit_compile": True}, marks=[pytest.mark.slow, pytest.mark.traced]
    ),
]


@pytest.mark.parametrize(("form", "options"), MODES)
def test_accuracy_is_that_of_the_labelled_windows(rng, model, form, options):
    if "jit_compile" in options and keras.backend.backend() == "torch":
        pytest.skip("Compiling takes a C++ compiler on torch.")
    pair, labels = windows(rng)
    model.compile(keras.optimizers.SGD(0.0), metrics=["accuracy"], **options)
    scores = ops.convert_to_numpy(model.target(pair[1], training=True))
    y = partly(labels, form)
    history = model.fit(pair, y, validation_data=(pair[1], y), verbose=0).history
    expected = (scores.argmax(-1) == labels)[KNOWN].mean()
    assert history["accuracy"] == [pytest.approx(expected)]
    expected = right_of(model, pair, labels)[KNOWN].mean()
    assert history["val_accuracy"] == [pytest.approx(expected)]


def test_a_model_that_is_always_right_has_an_accuracy_of_one(rng, model):
    pair, _ = windows(rng)
    predicted = model.predict(pair[1], verbose=0).argmax(axis=-1)
    model.compile(metrics=["accuracy"], run_eagerly=True)
    y = np.where(KNOWN, predicted, -1)
    assert model.evaluate(pair, y, verbose=0, return_dict=True)["accuracy"] == 1.0


def test_sample_weights_weigh_weighted_metrics_only(rng, model):
    pair, labels = windows(rng)
    weights = rng.uniform(0, 2, 32)
    right, y = right_of(model, pair, labels), partly(labels, "integers")
    model.compile(
        run_eagerly=True, metrics=["accuracy"], weighted_metrics=["accuracy", is_right]
    )
    options = {"sample_weight": weights, "return_dict": True, "verbose": 0}
    found = model.evaluate(pair, y, batch_size=7, **options)
    assert found["accuracy"] == pytest.approx(right[KNOWN].mean())
    weighed = np.average(right[KNOWN], weights=weights[KNOWN])
    assert found["weighted_accuracy"] == pytest.approx(weighed, rel=1e-5)
    assert found["is_right"] == pytest.approx(weighed, rel=1e-5)


METRICS = {
    "acc": ("integers", lambda: "acc"),
    "function": ("integers", lambda: is_right),
    "wrapped function": ("integers", lambda: keras.metrics.MeanMetricWrapper(is_right)),
    "string": ("one-hot", lambda: "mse"),
    "class": ("one-hot", lambda: keras.metrics.CategoricalAccuracy),
    "likelihood": ("integers", keras.metrics.SparseCategoricalCrossentropy),
    "top": ("integers", lambda: keras.metrics.SparseTopKCategoricalAccuracy(2)),
    "ranks": ("one-hot", lambda: keras.metrics.AUC(multi_label=True, num_labels=4)),
    "f1": ("one-hot", lambda: keras.metrics.F1Score("macro")),
    "of rows": ("one-hot", keras.metrics.PearsonCorrelation),
    "whole numbers": (
        "integers",
        lambda: keras.metrics.MeanIoU(4, sparse_y_pred=False),
    ),
    "recall": ("one-hot", lambda: keras.metrics.Recall(0.3)),
    "own": ("integers", lambda: MacroF1(CLASSES)),
}


@pytest.mark.parametrize("kind", METRICS)
def test_a_metric_is_as_if_windows_without_a_label_were_not_there(rng, kind):
    form, make = METRICS[kind]
    labels = rng.integers(0, CLASSES, 32)
    scores = rng.dirichlet(np.ones(CLASSES), 32).astype("float32")
    metric, alone = (OfLabelled(make(), Head("multiclass", CLASSES)) for _ in range(2))
    y = partly(labels, form)
    for batch in (slice(0, 1), slice(1, 13), slice(13, 32)):  # the first has no label
        metric.update_state(y[batch], scores[batch])
    alone.update_state(y[KNOWN], scores[KNOWN])
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(each.result()) for each in (metric, alone)), rtol=1e-5
    )
    if isinstance(alone.metric, keras.metrics.MeanMetricWrapper) and kind != "acc":
        own = keras.metrics.get(make())
        if not isinstance(own, keras.metrics.Metric):
            own = keras.metrics.MeanMetricWrapper(own)
        own.update_state(y[KNOWN], scores[KNOWN])
        assert float(own.result()) == float(alone.result())


@pytest.mark.parametrize("name", ["metrics", "weighted_metrics"])
def test_where_no_window_has_a_label_a_metric_is_nan(rng, model, name):
    pair, labels = windows(rng)
    model.compile(**{name: ["accuracy", MacroF1(CLASSES)]}, run_eagerly=True)
    nothing = np.full(32, -1)
    found = model.evaluate(pair, nothing, verbose=0, return_dict=True)
    assert np.isnan([found["accuracy"], found["macro_f1"]]).all()
    found = model.evaluate(pair, labels, verbose=0, return_dict=True)
    expected = macro_f1(labels, model.predict(pair[1], verbose=0), CLASSES)
    assert found["macro_f1"] == pytest.approx(expected, rel=1e-5)


def test_sparse_and_one_hot_labels_may_follow_each_other(rng, model):
    pair, labels = windows(rng)
    # TensorFlow traces a rank that is not known, of which nothing can be told.
    model.compile(run_eagerly=True)
    found = [
        model.evaluate(pair, partly(labels, form), verbose=0, return_dict=True)
        for form in FORMS
    ]
    assert found[0]["accuracy"] == found[1]["accuracy"] == found[2]["accuracy"]


def test_a_file_says_what_the_user_said_and_brings_it_back(rng, model, tmp_path):
    pair, labels = windows(rng)
    model.compile("sgd", metrics=["accuracy", is_right], weighted_metrics=["mse"])
    config = model.get_compile_config()
    assert config["metrics"][0] == "accuracy"
    assert config["metrics"][1]["config"] == "test>is_right"
    assert config["weighted_metrics"] == ["mse"]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    y = partly(labels, "one-hot")
    loaded.compile_from_config({**config, "weighted_metrics": None, "metrics": ["acc"]})
    found = loaded.evaluate(pair, y, verbose=0, return_dict=True)
    assert found["acc"] == pytest.approx(right_of(model, pair, labels)[KNOWN].mean())


def test_an_object_of_the_users_has_the_result(rng, model):
    pair, labels = windows(rng)
    metric = MacroF1(CLASSES)
    model.compile(metrics={"target": [metric]}, run_eagerly=True)
    y = partly(labels, "integers")
    found = model.evaluate(pair, y, verbose=0, return_dict=True)
    assert float(metric.result()) == found["macro_f1"] > 0


class Ignoring(keras.metrics.Mean):
    """Counts every window, whatever it weighs."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(is_right(y_true, y_pred))


class Without(keras.metrics.Mean):
    """Takes no weights at all."""

    def update_state(self, y_true, y_pred):
        super().update_state(is_right(y_true, y_pred))


class Passing(keras.metrics.Mean):
    """Hands weights on with whatever else it is given."""

    def update_state(self, y_true, y_pred, **options):
        super().update_state(is_right(y_true, y_pred), **options)


class Cured(keras.metrics.Metric):
    """What the refusal of a metric says to do."""

    def __init__(self):
        super().__init__(name="cured")
        self.right, self.all = (self.add_variable((), "zeros") for _ in range(2))

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = is_right(y_true, y_pred)
        self.right.assign_add(ops.sum(right * sample_weight))
        self.all.assign_add(ops.sum(ops.ones_like(right) * sample_weight))

    def result(self):
        return self.right / self.all


@pytest.mark.parametrize("metric", [Ignoring, Without])
def test_a_metric_that_uses_no_weights_is_refused_with_what_works(rng, model, metric):
    message = rf"must use `sample_weight`.*{metric.__name__}.*Define update_state"
    with pytest.raises(ValueError, match=message):
        model.compile(metrics=[metric()])
    pair, labels = windows(rng)
    model.compile(metrics=[Cured(), Passing(name="passing")], run_eagerly=True)
    found = model.evaluate(
        pair, partly(labels, "integers"), return_dict=True, verbose=0
    )
    expected = right_of(model, pair, labels)[KNOWN].mean()
    assert found["cured"] == pytest.approx(expected)
    assert found["passing"] == pytest.approx(expected)


@pytest.mark.parametrize("wrap", [lambda x: x, keras.metrics.MeanMetricWrapper])
def test_a_function_of_a_whole_batch_is_refused_with_what_works(rng, model, wrap):
    pair, labels = windows(rng)
    metric = wrap(mean_right)
    if isinstance(metric, keras.metrics.Metric):
        metric.name = "mean_right"
    model.compile(metrics=[metric], run_eagerly=True)
    with pytest.raises(ValueError, match=WHOLE_BATCH):
        model.evaluate(pair, labels, verbose=0)


@pytest.mark.parametrize("metrics", ["accuracy", ["no such metric"]])
def test_what_keras_refuses_it_refuses_still(model, metrics):
    with pytest.raises(ValueError, match="metric"):
        model.compile(metrics=metrics)


def test_names_are_those_that_keras_gives(rng, model):
    def myRight(y_true, y_pred):
        return is_right(y_true, y_pred)

    pair, labels = windows(rng)
    one_hot, found = np.eye(CLASSES)[labels], []
    for each in (model, model.target):
        metrics = ["accuracy", "Accuracy", "mse", keras.metrics.AUC(name="mine")]
        each.compile("sgd", "categorical_crossentropy", metrics=metrics)
        found.append(each.evaluate(pair[1], one_hot, verbose=0, return_dict=True))
    assert found[0] == pytest.approx(found[1])
    assert OfLabelled(myRight, Head("multiclass", CLASSES)).name == "my_right"
