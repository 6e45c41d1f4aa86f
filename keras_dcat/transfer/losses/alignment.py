"""The distance between two key-value products `KᵀV`, as plain functions.

For projections `K (time, d_k)` and `V (time, d_v)` of one window and one head,
`G = KᵀV` is a `(d_k, d_v)` statistic that does not depend on the order of the
steps. Two modalities with different numbers of steps have comparable `G`.

Everything is computed from tensors `(batch, time, heads, dim)`, or from `G` where
it is known, in the dtype they come in: the caller casts to float32.
"""

import math

from keras import ops

from keras_dcat.transfer.losses.magnitude import factor_for, size_of
from keras_dcat.transfer.losses.statistics import key_value_product

NORMALIZATIONS = ("none", "length", "source", "unit")
# A smaller product stays in the fastest cache, and token Gram matrices gain nothing.
_SMALLEST_PRODUCT_TO_AVOID = 64 * 64


def alignment_distance(source, target, lengths, normalization, scale=None):
    """`‖b·K_BᵀV_B − a·K_AᵀV_A‖_F` per sample and head.

    The factors `a` and `b` depend on the normalization, with `T` the number of
    steps, `d_k × d_v` the size of `G`, A the source and B the target:

    - `"none"`: `a = b = 1`, the paper's formula to the letter;
    - `"length"`: `1 / (T √(d_k d_v))`, the root-mean-square difference between
      the entries of the two products averaged over time;
    - `"source"`: the products averaged over time, relative to the norm of the
      source's: 0 is equal, 1 is as far away as a target that is zero;
    - `"unit"`: `1 / ‖G‖`, so that only directions count: `√(2 − 2 cos)`.

    Args:
        source: key and value of the source, `(batch, time, heads, dim)` each; or
            their product `(batch, heads, d_k, d_v)`.
        target: those of the target, likewise. `time` may differ.
        lengths: number of unmasked steps `(source, target)`: ints, or float
            tensors `(batch,)`.
        normalization: one of `NORMALIZATIONS`.
        scale: array `(heads,)`, by which `"source"` divides the products averaged over
            time, instead of by the norm of each window's.

    Returns:
        float tensor `(batch, heads)`. Exactly zero, with a gradient of zero,
        where the two products agree to the rounding of float32. Right at every size
        of products that float32 holds, also where it does not hold their squares.
    """
    tokens = isinstance(source, tuple) and isinstance(target, tuple)
    if tokens and tokens_are_cheaper(
        source[0].shape, target[0].shape, source[1].shape[-1]
    ):
        (source, *source_size), (target, *target_size) = map(_sized, (source, target))
        source_square = _token_inner_product(source, source)
        target_square = _token_inner_product(target, target)
        cross = _token_inner_product(source, target)
        size = source[0].shape[-1] * source[1].shape[-1]
        squares, sizes = (source_square, target_square), (source_size, target_size)
        a, b, factor = _factors(normalization, size, lengths, squares, sizes, scale)
        source_square, target_square = a * a * source_square, b * b * target_square
        squared = source_square + target_square - 2.0 * (a * b * cross)
        # A difference of large numbers: below this it is rounding, not distance.
        floor = 2e-6 * ops.stop_gradient(source_square)
        squared = ops.where(squared <= floor, 0.0, squared)
    else:
        (source_product, *source_size), (target_product, *target_size) = (
            _sized(key_value_product(*side) if isinstance(side, tuple) else side)
            for side in (source, target)
        )
        source_square = ops.sum(ops.square(source_product), axis=(-2, -1))
        target_square = ops.sum(ops.square(target_product), axis=(-2, -1))
        size = math.prod(source_product.shape[-2:])
        squares, sizes = (source_square, target_square), (source_size, target_size)
        a, b, factor = _factors(normalization, size, lengths, squares, sizes, scale)
        scaled = a[..., None, None] * source_product
        gap = b[..., None, None] * target_product - scaled
        # Two ways to the same sum leave its rounding, which is no distance. One sum of
        # both terms is a single pass over the products; a second one took a fifth more.
        rounding = 2e-13 * ops.stop_gradient(ops.square(scaled))
        squared = ops.sum(ops.square(gap) - rounding, axis=(-2, -1))
    return safe_sqrt(squared) / factor


def tokens_are_cheaper(source_key_shape, target_key_shape, value_dim):
    """Whether the distance is computed sooner from token Gram matrices than from `KᵀV`.

    `⟨K_AᵀV_A, K_BᵀV_B⟩ = ⟨K_A K_Bᵀ, V_A V_Bᵀ⟩`, so the distance can be had from
    three `time × time` matrices. That wins for few steps and large heads: where it
    takes fewer multiplications, and the products are not small.

    Args:
        source_key_shape: shape `(batch, time, heads, d_k)`; `None` if unknown.
        target_key_shape: likewise.
        value_dim: int. d_v.

    Returns:
        bool. False where a number of steps is not known.
    """
    source_time, target_time = source_key_shape[1], target_key_shape[1]
    key_dim = source_key_shape[-1]
    if source_time is None or target_time is None:
        return False
    if key_dim * value_dim < _SMALLEST_PRODUCT_TO_AVOID:
        return False
    products = (source_time + target_time) * key_dim * value_dim
    pairs = source_time**2 + target_time**2 + source_time * target_time
    return pairs * (key_dim + value_dim) < products


def safe_sqrt(squared):
    """Square root whose gradient at zero is zero, not infinite.

    Args:
        squared: float tensor.

    Returns:
        float tensor of the same shape, 0 where there is no root; NaN stays.
    """
    nothing = squared <= 0.0
    # Both branches of `where` are differentiated: neither may see sqrt at zero.
    root = ops.sqrt(ops.where(nothing, 1.0, squared))
    return ops.where(nothing, 0.0, root)


def _token_inner_product(first, second):
    keys = ops.einsum("bthk,bshk->bhts", first[0], second[0])
    values = ops.einsum("bthv,bshv->bhts", first[1], second[1])
    return ops.sum(keys * values, axis=(-2, -1))


def _sized(side):
    """A product, or keys and values, times a factor by which its squares are held.

    Returns `(side, factor, size)`: the factor of the product, and how large a number of
    it can be, of shape `(batch, heads)`.
    """
    if not isinstance(side, tuple):
        size = size_of(side, (-2, -1))
        factor = factor_for(size)
        return side * factor, factor[..., 0, 0], (size * factor)[..., 0, 0]
    sizes = [size_of(x, (1, 3)) for x in side]
    factors = [factor_for(size, step=40) for size in sizes]
    side = tuple(x * factor for x, factor in zip(side, factors, strict=True))
    largest = math.prod(
        size * factor for size, factor in zip(sizes, factors, strict=True)
    )
    return side, math.prod(factors)[:, 0, :, 0], largest[:, 0, :, 0]


def _factors(normalization, size, lengths, squares, sizes, scale):
    """Factors of both products of `size` entries, and of the distance between them.

    Args:
        normalization: as in `alignment_distance`.
        size: int.
        lengths: as in `alignment_distance`.
        squares: of the norms of both products, which are multiplied already.
        sizes: of both, by what, and how large a number of it can be.
        scale: as in `alignment_distance`.

    Returns:
        `(a, b, factor)`, `(batch, heads)` each.
    """
    a, b = _unsized_factors(normalization, size, lengths, squares, sizes, scale)
    (_, of_source), (_, of_target) = sizes
    factor = factor_for(a * of_source + b * of_target)
    return a * factor, b * factor, factor


def _unsized_factors(normalization, size, lengths, squares, sizes, scale):
    source_square, target_square = squares
    if normalization == "unit":
        return _inverse_root(source_square), _inverse_root(target_square)
    (source_factor, _), (target_factor, _) = sizes
    if normalization == "none":
        return 1.0 / source_factor, 1.0 / target_factor
    source_length, target_length = (
        ops.maximum(ops.cast(length, source_square.dtype), 1.0)[..., None]
        * ops.ones_like(source_square)
        for length in lengths
    )
    if normalization == "length":
        root = math.sqrt(size)
        return (
            1.0 / (source_length * root) / source_factor,
            1.0 / (target_length * root) / target_factor,
        )
    if scale is not None:
        return tuple(
            1.0 / ops.multiply(x, scale) / factor
            for x, factor in (
                (source_length, source_factor),
                (target_length, target_factor),
            )
        )
    own = _inverse_root(source_square)
    shared = own * source_length / target_length
    return own, shared * (source_factor / target_factor)


def _inverse_root(squared):
    root = safe_sqrt(squared)
    positive = root > 0.0
    return ops.where(positive, 1.0 / ops.where(positive, root, 1.0), 0.0)
