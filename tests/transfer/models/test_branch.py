import numpy as np
from keras import layers, ops

from keras_dcat.transfer.head import Head
from keras_dcat.transfer.models.branch import Branch
from tests.models import CLASSES, branch, snapshot

HEAD = Head("multiclass", CLASSES)


def test_a_pass_gives_prediction_and_projections_of_the_named_layers(rng):
    model = branch(5, steps=12)
    side = Branch(model, HEAD, [model.layers[3].name])
    side.read({"projections"})
    inputs = rng.normal(size=(3, 12, 5)).astype("float32")
    prediction, ((key, value),), features = side.passed(inputs, training=False)
    assert features == ()
    np.testing.assert_allclose(
        ops.convert_to_numpy(prediction), ops.convert_to_numpy(model(inputs)), rtol=1e-6
    )
    attention = side.attentions[0]
    convolved = model.layers[2](model.layers[1](inputs))
    expected = attention.project(convolved)
    for got, wanted in ((key, expected.key), (value, expected.value)):
        np.testing.assert_allclose(
            ops.convert_to_numpy(got), ops.convert_to_numpy(wanted), atol=1e-6
        )


def test_a_frozen_pass_leaves_no_trace_in_the_model(rng):
    model = branch(5, steps=12, dropout=0.5)
    moving = next(x for x in model.layers if isinstance(x, layers.BatchNormalization))
    moving.momentum = 0.0
    before = snapshot(model)
    Branch(model, HEAD, [None]).frozen(rng.normal(size=(3, 12, 5)).astype("float32"))
    for old, new in zip(before, snapshot(model), strict=True):
        np.testing.assert_array_equal(old, new)
