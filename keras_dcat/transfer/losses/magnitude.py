"""How large numbers are: factors by which their squares fit into float32."""

from keras import ops

# Exponents of float32, less which nothing that is normal has.
_MOST = 126


def size_of(x, axis):
    """The size of the largest number along axes, which stay; it has no gradient.

    Args:
        x: float tensor.
        axis: int or tuple of int.

    Returns:
        float tensor with 1 for each of these axes.

    Example:

    >>> float(size_of(ops.array([1.0, -3.0]), axis=-1)[0])
    3.0
    """
    return ops.max(ops.abs(ops.stop_gradient(x)), axis=axis, keepdims=True)


def factor_for(size, step=80):
    """A power of two: sums of squares of numbers times it are finite, and not 0.

    It is 1 between 2⁻⁴⁰ and 2⁴⁰, so that there nothing is rounded that need not be.

    Args:
        size: float tensor, as of `size_of`. 0, where all numbers are.
        step: int. The factor is `2 ** (step · n)`, by which numbers are some
            `2 ** (step / 2)` at most. 40, if fourth powers are to be finite.

    Returns:
        float tensor of the same shape.

    Example:

    >>> [float(x) for x in factor_for(ops.array([0.0, 1.0, 1e-30, 1e30]))]
    [1.0, 1.0, 1.2089258196146292e+24, 8.271806125530277e-25]
    """
    factor = ops.ones_like(size)
    for exponent in range(step, _MOST, step):
        # Multiplied in two steps: float32 holds no number so small as some limits.
        limit, by = 2.0 ** (exponent - step // 2), 2.0**exponent
        is_small = ops.logical_and(size > 0, size * limit < 1)
        factor = ops.where(is_small, ops.full_like(size, by), factor)
        factor = ops.where(size > limit, ops.full_like(size, 1 / by), factor)
    return factor


def of_norm_1(x, least=0.0):
    """Vectors of norm 1 along the last axis, whatever their size.

    Args:
        x: float tensor.
        least: float tensor `(…, 1)`. What has no number above it is taken for zero.

    Returns:
        float tensor of the same shape; zero stays zero, with a gradient of zero.

    Example:

    >>> ops.convert_to_numpy(of_norm_1(ops.array([[3e-30, 4e-30]]))).tolist()
    [[0.60000..., 0.80000...]]
    """
    size = size_of(x, -1)
    x = x * factor_for(size)
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    there = ops.logical_and(size > least, square > 0)
    return x * ops.where(there, ops.rsqrt(ops.where(there, square, 1.0)), 0.0)
