import keras
import numpy as np
import pytest
import scipy.sparse

from keras_dcat.transfer.input_shapes import (
    all_fit,
    check_dense,
    check_numbers,
    describe,
    dtype_name,
    nested_alike,
    static_shape,
    teaching_shares,
)

SPEC = keras.KerasTensor((None, 20, 3))


def test_lists_are_nested_like_tuples_and_dicts_are_not():
    two = [np.ones(3), np.ones(3)]
    assert nested_alike(two, (SPEC, SPEC))
    assert not nested_alike({"a": two[0], "b": two[1]}, (SPEC, SPEC))
    assert nested_alike(two[0], SPEC)
    assert not nested_alike(two, SPEC)


def test_sizes_fit_where_they_agree_or_one_is_unknown():
    assert all_fit(np.ones((8, 20, 3)), SPEC)
    assert all_fit(np.ones((8, 20, 3)), keras.KerasTensor((None, None, 3)))
    assert not all_fit(np.ones((8, 21, 3)), SPEC)
    assert not all_fit(np.ones((20, 3)), SPEC)


@pytest.mark.parametrize("nothing", [None, "windows", 1.0, object()])
def test_what_has_no_shape_does_not_fit(nothing):
    assert static_shape(nothing) is None
    assert not all_fit(nothing, SPEC)


def test_a_batch_is_described_in_one_line():
    assert describe({"a": np.ones((2, 3))}) == "{'a': of shape (2, 3)}"
    assert describe([None, 3, [1] * 9]) == "(None, a int, a list)"


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "uint8", "bool"])
def test_numbers_of_all_widths_are_numbers(dtype):
    check_numbers("It", np.zeros(2, dtype))


def test_tensors_of_half_precision_are_numbers():
    check_numbers("It", keras.ops.zeros(2, "bfloat16"))
    assert dtype_name(keras.ops.zeros(2, "bfloat16")) == "bfloat16"


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (np.array(["a"]), "str"),
        (np.array([None]), "object"),
        (np.array([1j]), "complex128"),
        (np.array(["2020-01-01"], "datetime64[s]"), "datetime64"),
    ],
)
def test_what_is_no_number_is_refused_by_its_dtype(array, name):
    with pytest.raises(ValueError, match=rf"It must be numbers.*dtype {name}.*Convert"):
        check_numbers("It", array)


def test_text_is_taken_by_a_model_that_reads_text():
    check_numbers("It", np.array(["a"]), "string")


def test_tables_of_pandas_are_numbers_if_all_columns_are():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"x": [1.0], "y": [2]})
    check_numbers("It", table)
    with pytest.raises(ValueError, match="dtype object"):
        check_numbers("It", table.assign(z="text").astype(object))


def test_sparse_arrays_are_refused_with_cures_that_make_them_dense():
    sparse = scipy.sparse.csr_matrix(np.eye(3))
    with pytest.raises(ValueError, match=r"It must be dense.*csr_matrix.*x.toarray\("):
        check_dense("It", sparse)
    check_dense("It", sparse.toarray())


def test_tensors_of_tensorflow_are_refused_with_cures_that_make_them_dense():
    tf = pytest.importorskip("tensorflow")
    ragged, sparse = tf.ragged.constant([[1.0], [2.0, 3.0]]), tf.sparse.eye(3)
    with pytest.raises(ValueError, match=r"a RaggedTensor. Make.*x.to_tensor\(\)"):
        check_dense("It", ragged)
    with pytest.raises(ValueError, match=r"a SparseTensor. Make.*tf.sparse.to_dense"):
        check_dense("It", sparse)
    check_dense("It", ragged.to_tensor())
    check_dense("It", tf.sparse.to_dense(sparse))


def test_sparse_arrays_of_jax_are_refused():
    sparse = pytest.importorskip("jax.experimental.sparse")
    array = sparse.BCOO.fromdense(np.eye(3))
    with pytest.raises(ValueError, match=r"a BCOO. Make it dense.*x.todense\(\)"):
        check_dense("It", array)
    check_dense("It", array.todense())


def test_shares_are_numbers_for_each_source_or_nothing():
    yes = np.array([True, False])
    pair = {"source": None, "target": None, "transfer_mask": yes}
    found = keras.ops.convert_to_numpy(teaching_shares(pair, 1))
    assert found.dtype == "float32"
    assert found.tolist() == [[1], [0]]
    pair["transfer_mask"] = np.stack([yes, ~yes], axis=-1)
    found = keras.ops.convert_to_numpy(teaching_shares(pair, 2))
    assert found.tolist() == [[1, 0], [0, 1]]
    assert teaching_shares({"source": None, "target": None}, 2) is None
    assert teaching_shares((None, None), 1) is None
