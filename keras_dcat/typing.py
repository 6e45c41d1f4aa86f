"""What values may be that no type of NumPy or Keras alone describes.

A tensor is `tf.Tensor`, `jax.Array` or `torch.Tensor`, as the backend has it, and
`keras.KerasTensor` while a model is put together. These have no type in common: to
a type checker, `Tensor` is `Any`.
"""

from typing import Any, TypeAlias

import numpy.typing as npt

Tensor: TypeAlias = Any
"""A tensor of the backend, or one that stands for it while a model is made."""

ArrayLike: TypeAlias = npt.ArrayLike | Tensor
"""What `np.asarray` and `keras.ops` take: an array, a tensor, lists of numbers."""

Shape: TypeAlias = tuple[Any, ...]
"""Sizes of a tensor, each an int, or `None` where it is not known yet."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` gives and `from_config` takes: values that JSON can hold."""
