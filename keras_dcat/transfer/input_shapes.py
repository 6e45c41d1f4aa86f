"""How inputs are nested, what shapes they have, and whether they are dense numbers."""

import sys

import keras
import numpy as np
import scipy.sparse

EMPTY_MESSAGE = (
    "A dataset must hold at least one batch. Received: a dataset without any. "
    "Check its filters, and `drop_remainder`."
)


def nested_alike(structure, spec) -> bool:
    """Whether inputs are nested as a model takes them; lists count as tuples.

    Args:
        structure: nested arrays, tensors or their specs.
        spec: nested `KerasTensor`s.

    Returns:
        bool.
    """
    if not keras.tree.is_nested(spec):
        return not keras.tree.is_nested(structure)
    try:
        keras.tree.assert_same_structure(
            keras.tree.lists_to_tuples(structure), keras.tree.lists_to_tuples(spec)
        )
    except (ValueError, TypeError):
        return False
    return True


def static_shape(leaf):
    """Shape as a tuple, or `None` where even the rank is unknown.

    Args:
        leaf: array, tensor or spec, or anything else.

    Returns:
        tuple of int and `None`, or `None`.
    """
    shape = getattr(leaf, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(shape)


def all_fit(inputs, spec) -> bool:
    """Whether inputs have the nesting and the shapes that a model takes.

    Args:
        inputs: nested arrays, tensors or their specs.
        spec: nested `KerasTensor`s.

    Returns:
        bool.
    """
    return nested_alike(inputs, spec) and all(
        map(_fits, keras.tree.flatten(inputs), keras.tree.flatten(spec))
    )


def teaching_shares(inputs, num_sources: int):
    """How much each window of a pair may teach; `None` if that is not said.

    Args:
        inputs: a pair.
        num_sources: int.

    Returns:
        float tensor `(batch, sources)`, or `None`.
    """
    shares = inputs.get("transfer_mask") if isinstance(inputs, dict) else None
    if shares is None:
        return None
    shares = keras.ops.cast(shares, "float32")
    return shares if num_sources > 1 else keras.ops.reshape(shares, (-1, 1))


def describe(structure) -> str:
    """Nesting and shapes of a batch, in words that fit into one line.

    Args:
        structure: anything.

    Returns:
        str.

    Example:

    >>> describe((np.ones((8, 50, 6)), [np.ones(8), None]))
    '(of shape (8, 50, 6), (of shape (8,), None))'
    """
    if isinstance(structure, dict):
        parts = (f"{k!r}: {describe(v)}" for k, v in structure.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(structure, (list, tuple)) and len(structure) <= 4:
        return "(" + ", ".join(map(describe, structure)) + ")"
    if hasattr(structure, "shape"):
        return f"of shape {static_shape(structure)}"
    return "None" if structure is None else f"a {type(structure).__name__}"


def check_dense(name, leaf):
    """Refuses ragged and sparse tensors, and datasets that give them.

    Args:
        name: str, what the array is, as a sentence begins.
        leaf: array, tensor or spec.

    Raises:
        ValueError: with a cure that makes it dense.
    """
    cures = [cure for kind, cure in _cures_of_sparse() if isinstance(leaf, kind)]
    if scipy.sparse.issparse(leaf):
        cures = ["x.toarray()"]
    if cures:
        raise ValueError(
            f"{name} must be dense. Received: a {type(leaf).__name__}. "
            f"Make it dense before it comes here: {cures[0]}."
        )


def check_numbers(name, leaf, dtype="float32"):
    """Refuses text, objects, times and complex numbers.

    Args:
        name: str, what the array is, as a sentence begins.
        leaf: array, tensor or spec.
        dtype: str, what the model takes; `"string"`, if it reads text itself.

    Raises:
        ValueError: with the dtype that came.
    """
    found = dtype_name(leaf)
    if found.startswith(("float", "bfloat", "int", "uint", "bool")):
        return
    if dtype == "string":
        return
    raise ValueError(
        f"{name} must be numbers. Received: dtype {found}. "
        'Convert it: np.asarray(x, "float32").'
    )


def dtype_name(leaf) -> str:
    """The name of a dtype as NumPy writes it, whatever the framework.

    Args:
        leaf: array, tensor or spec of any framework, or a table of pandas.

    Returns:
        str.

    Example:

    >>> dtype_name(np.zeros(2)), dtype_name(np.array(["walk"]))
    ('float64', 'str128')
    """
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:  # a table, whose columns have one each
        dtype = np.asarray(leaf).dtype
    # "torch.float32"
    return getattr(dtype, "name", None) or str(dtype).rsplit(".", 1)[-1]


def _fits(leaf, spec):
    shape = static_shape(leaf)
    if shape is None:
        return hasattr(leaf, "shape")
    return len(shape) == len(spec.shape) and all(
        None in (size, expected) or size == expected
        for size, expected in zip(shape[1:], spec.shape[1:], strict=True)
    )


def _cures_of_sparse():
    """Types that are ragged or sparse, each with how it is made dense."""
    kinds = []
    tf = sys.modules.get("tensorflow")
    if tf is not None:
        ragged, sparse = "x.to_tensor()", "tf.sparse.to_dense(x)"
        kinds += [(tf.RaggedTensor, ragged), (tf.RaggedTensorSpec, ragged)]
        kinds += [(tf.SparseTensor, sparse), (tf.SparseTensorSpec, sparse)]
    jax_sparse = sys.modules.get("jax.experimental.sparse")
    if jax_sparse is not None:
        kinds.append((jax_sparse.JAXSparse, "x.todense()"))
    return kinds
