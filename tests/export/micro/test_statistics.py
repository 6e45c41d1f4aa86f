import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_dcat.encoders import LevelAndSpread
from keras_dcat.export.micro.statistics import (
    Part,
    Statistics,
    concatenated,
    neighbours_joined,
)

pytestmark = pytest.mark.tensorflow


def window(rng, steps=24, features=3):
    return ops.convert_to_tensor(rng.normal(2, 3, (1, steps, features)), "float32")


def normalization(rng, count, **options):
    layer = layers.BatchNormalization(**options)
    layer.build((None, count))
    for weight in layer.weights:
        weight.assign(rng.uniform(0.5, 2, count))
    return layer


@pytest.mark.parametrize("steps", [24, 500])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_they_are_those_of_the_layers_that_they_stand_for(rng, steps, options):
    x = window(rng, steps)
    normalized = normalization(rng, 6, **options)
    found = Statistics.of(Part(x, 0, steps), 1e-2).normalized(normalized).tensor()
    expected = normalized(LevelAndSpread(1e-2)(x))
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (found, expected)), atol=1e-4)


def test_parts_side_by_side_have_the_order_of_their_layers(rng):
    x, other = window(rng), window(rng, 10, 2)
    items, expected = [], []
    places = [(x, 0, 8), (x, 8, 16), (x, 16, 24), (other, 0, 10), (x, 4, 24)]
    for place, (tensor, start, stop) in enumerate(places):
        layer = normalization(rng, 2 * tensor.shape[-1])
        epsilon = 10.0 ** -(place + 1)
        part = Part(tensor, start, stop)
        items.append(Statistics.of(part, epsilon).normalized(layer))
        expected.append(layer(LevelAndSpread(epsilon)(tensor[:, start:stop])))
    (joined,) = neighbours_joined(items)
    np.testing.assert_allclose(
        *(
            ops.convert_to_numpy(y)
            for y in (joined.tensor(), ops.concatenate(expected, -1))
        ),
        atol=1e-4,
    )
    # What was joined is as it was.
    alone = ops.convert_to_numpy(items[0].tensor())
    np.testing.assert_allclose(alone, ops.convert_to_numpy(expected[0]), atol=1e-4)


def test_what_stands_between_them_keeps_its_place(rng):
    some = Statistics.of(Part(window(rng), 0, 24), 1e-3)
    between = ops.ones((1, 4))
    joined = neighbours_joined([some, some, between, some])
    assert [type(each) is Statistics for each in joined] == [True, False, True]
    assert len(joined[0].parts) == 2


def test_only_a_neighbour_of_the_same_length_goes_on(rng):
    x = window(rng)
    first = Part(x, 0, 8)
    assert first.goes_on(Part(x, 8, 16))
    for other in (Part(x, 8, 20), Part(x, 10, 18), Part(window(rng), 8, 16)):
        assert not first.goes_on(other)


def test_more_than_ten_are_joined_step_by_step():
    items = [ops.full((1, 1), float(place)) for place in range(23)]
    found = ops.convert_to_numpy(concatenated(items, -1))
    assert found.tolist() == [[float(place) for place in range(23)]]


def test_the_whole_window_is_not_cut(rng):
    x = window(rng)
    assert Part(x, 0, 24).tensor() is x
    assert keras.ops.shape(Part(x, 2, 5).tensor()) == (1, 3, 3)
