import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer import PairOutputs
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.supervision import (
    TargetMetrics,
    default_loss,
    default_metric,
)
from tests.models import pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("multiclass", keras_dcat.transfer.CrossEntropy),
        ("binary", keras.losses.BinaryCrossentropy),
        ("multilabel", keras.losses.BinaryCrossentropy),
    ],
)
def test_the_loss_fits_the_head(task, kind, from_logits):
    loss = default_loss(Head(task, 1 if task == "binary" else 3, None, from_logits))
    assert type(loss) is kind
    assert loss.from_logits is from_logits
    assert default_metric(Head(task, 3)) == "accuracy"


def test_a_regression_is_judged_by_its_errors():
    head = Head("regression", 2, None, False)
    assert type(default_loss(head)) is keras.losses.MeanSquaredError
    assert default_metric(head) == "mean_absolute_error"


def test_metrics_read_the_prediction_out_of_a_pair():
    inner = keras.metrics.SparseCategoricalAccuracy(name="right")
    metric = TargetMetrics(inner)
    prediction = ops.array([[0.9, 0.1], [0.9, 0.1]])
    labels = ops.array([0, 1])
    metric.update_state(labels, PairOutputs(prediction, ()))
    assert float(metric.result()) == 0.5
    metric.update_state(labels, prediction, sample_weight=ops.array([1.0, 0.0]))
    assert float(inner.result()) == pytest.approx(2 / 3)
    assert [id(v) for v in metric.variables] == [id(v) for v in inner.variables]
    metric.reset_state()
    assert float(inner.result()) == 0


def test_metrics_of_a_pair_have_the_variables_of_the_model_in_order(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, verbose=0)
    own = [v for metric in model.metrics for v in metric.variables]
    assert [id(v) for v in own] == [id(v) for v in model.metrics_variables]


def test_a_loss_of_ones_own_is_asked_with_the_prediction_and_labels(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.0)

    def error(y_true, y_pred):
        return ops.mean(
            ops.square(ops.one_hot(ops.cast(y_true, "int32"), 4) - y_pred), axis=-1
        )

    model.compile(loss=error, metrics=["accuracy"])
    found = model.evaluate(pair, labels, verbose=0, return_dict=True)
    predicted = model.predict(pair[1], verbose=0)
    expected = np.square(np.eye(4)[labels] - predicted).mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_loaded_model_is_compiled_as_it_was(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.25), metrics=["accuracy"])
    model.fit(pair, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate) == 0.25
    names = set(loaded.evaluate(pair, labels, verbose=0, return_dict=True))
    assert names == set(model.evaluate(pair, labels, verbose=0, return_dict=True))
