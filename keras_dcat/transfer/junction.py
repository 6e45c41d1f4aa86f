"""Where the transfer's gradient meets the classification's, and what is passed on."""

import itertools

import keras
from keras import ops


class Junction:
    """Hands a tensor out twice, and decides what becomes of the two gradients.

    The classification reads one copy, the transfer the other. Both are the tensor as
    it is; on the way back the junction sees the gradients of both, of the whole batch,
    and passes the classification's on with what its rule makes of the transfer's. A
    copy that nobody read has a gradient of zero.

    The rule computes in float32, at least. Under a `tf.distribute` strategy each
    replica decides by the gradients of its own windows.

    Args:
        rule: function `(classification, transfer, share) -> transfer`, as in `RULES`.
        transfer_weight: `TransferWeight`, λ.

    Call args:
        *tensors: float tensors that differ in no axis but the last. The rule takes
            them as one.

    Returns:
        `(classified, compared)`, each the tuple of the tensors.
    """

    def __init__(self, rule, transfer_weight):
        self.rule = rule
        self.transfer_weight = transfer_weight

    def __call__(self, *tensors):
        # Keras passes `training` on unless told: the loss alone counts steps.
        share = self.transfer_weight(training=False)

        @ops.custom_gradient
        def twice(tensor):
            def gradient(*args, upstream=None):
                upstream = args[0] if upstream is None else upstream  # torch names it
                # float32: the sum of squares overflows float16
                dtype = keras.backend.result_type(upstream.dtype, "float32")
                classification, transfer = ops.unstack(ops.cast(upstream, dtype), 2)
                passed = classification + self.rule(classification, transfer, share)
                return ops.cast(passed, upstream.dtype)

            # One tensor: on torch, Keras takes no custom gradient of two.
            return ops.stack([tensor, tensor]), gradient

        borders = itertools.accumulate((x.shape[-1] for x in tensors), initial=0)
        parts = list(itertools.pairwise(borders))
        copies = ops.unstack(twice(ops.concatenate(tensors, axis=-1)), 2)
        return tuple(tuple(x[..., start:end] for start, end in parts) for x in copies)


def balanced(classification, transfer, share):
    """The transfer's gradient, as long as a share of the classification's.

    Args:
        classification: float tensor.
        transfer: float tensor of the same shape.
        share: float scalar, λ.

    Returns:
        `λ · ‖classification‖ / ‖transfer‖ · transfer`; zero where either is.

    Example:

    >>> ops.convert_to_numpy(balanced([3.0, 4.0], [0.0, 20.0], 0.5)).tolist()
    [0.0, 2.5]
    """
    norms = [ops.sqrt(_product(x, x)) for x in (classification, transfer)]
    return ops.multiply(share * ops.divide_no_nan(*norms), transfer)


def projected(classification, transfer, share):
    """The transfer's gradient, without what opposes the classification's.

    Args:
        classification: float tensor.
        transfer: float tensor of the same shape.
        share: not used: λ is in `transfer`.

    Returns:
        `transfer`, and where its product with the classification's gradient is
        negative, only what of it is orthogonal to that.

    Example:

    >>> ops.convert_to_numpy(projected([2.0, 0.0], [-1.0, 1.0], None)).tolist()
    [0.0, 1.0]

    Reference:
        Yu et al., 2020, [Gradient surgery](https://arxiv.org/abs/2001.06782), of
        which this is one side: the classification's gradient is never changed.
    """
    opposing = ops.minimum(_product(classification, transfer), 0)
    length = ops.divide_no_nan(opposing, _product(classification, classification))
    return ops.subtract(transfer, ops.multiply(length, classification))


RULES = {"sum": None, "balanced": balanced, "projected": projected}


def get(gradients, transfer_weight):
    """The junction that the name of a rule stands for.

    Args:
        gradients: `"sum"`, `"balanced"` or `"projected"`.
        transfer_weight: `TransferWeight`, λ.

    Returns:
        `Junction`; `None` for `"sum"`, which is what automatic differentiation does.

    Raises:
        ValueError: if there is no such rule.
    """
    if gradients not in RULES:
        raise ValueError(
            "`gradients` must say how the transfer's joins the classification's. "
            f"Received: gradients={gradients!r}. "
            f"Choose from {tuple(RULES)}."
        )
    rule = RULES[gradients]
    return None if rule is None else Junction(rule, transfer_weight)


def _product(x, y):
    return ops.sum(ops.multiply(x, y))
