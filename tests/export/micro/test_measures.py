import keras
import pytest
from keras import layers

from keras_dcat.export.formats import serving_model
from keras_dcat.export.micro import lowering, measures
from keras_dcat.transfer.head import Head
from tests.export.micro.models import operations, serving

pytestmark = pytest.mark.tensorflow


def measured(*inside, shape=(20, 6)):
    pytest.importorskip("ai_edge_litert.tools.flatbuffer_utils")
    model = keras.Sequential([keras.Input(shape), *inside, layers.Dense(3)])
    serving = serving_model(model, shape, Head("multiclass", 3))
    return measures.measured(lowering.float_model(serving))


def test_multiply_accumulates_are_those_of_a_closed_form():
    # 16 steps, 8 filters of 5 steps and 6 channels; then 8 features to 3 classes.
    found = measured(layers.Conv1D(8, 5), layers.GlobalAveragePooling1D())
    assert found.multiply_accumulates == 16 * 8 * 5 * 6 + 8 * 3
    found = measured(layers.DepthwiseConv1D(5), layers.GlobalAveragePooling1D())
    assert found.multiply_accumulates == 16 * 6 * 5 + 6 * 3


def test_operations_are_counted():
    found = lowering.float_model(serving("attached")[0])
    assert len(operations(found)) == measures.operation_count(found)


def test_products_of_matrices_count_too():
    class Gram(layers.Layer):
        def call(self, x):
            return keras.ops.matmul(x, keras.ops.transpose(x, (0, 2, 1)))

    found = measured(Gram(), layers.GlobalAveragePooling1D())
    assert found.multiply_accumulates == 20 * 20 * 6 + 20 * 3


def test_values_of_float32_have_no_scale():
    found = measured(layers.Flatten())
    assert found.input == found.output == ("float32", 1.0, 0)
    assert found.operations == ("FullyConnected", "Reshape", "Softmax")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ADD", "Add"),
        ("AVERAGE_POOL_2D", "AveragePool2D"),
        ("DEPTHWISE_CONV_2D", "DepthwiseConv2D"),
        ("GATHER_ND", "GatherNd"),
        ("L2_NORMALIZATION", "L2Normalization"),
        ("PADV2", "PadV2"),
        ("RELU6", "Relu6"),
        ("SELECT_V2", "SelectV2"),
        ("SPLIT_V", "SplitV"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "UnidirectionalSequenceLSTM"),
    ],
)
def test_names_are_those_of_the_resolver(kind, name):
    assert measures.resolver_name(kind) == name
