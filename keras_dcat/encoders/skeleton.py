"""An encoder of skeletons."""

import keras
import numpy as np
from keras import layers, ops

from keras_dcat.encoders.blocks import (
    batch_normalization,
    check_shape,
    encoder,
    padding_mask,
    residual_stages,
    size_of,
)


def skeleton(
    shape: tuple[int, int],
    num_classes: int,
    size: str = "small",
    *,
    parents: tuple[int, ...] | None = None,
    normalization: layers.Layer | None = None,
    padded: bool = False,
    key_dim: int | None = None,
    attention: str = "softmax",
    dropout: float = 0.2,
    depth_dropout: float = 0.0,
    name: str = "skeleton",
) -> keras.Model:
    """Joints, bones and their motion, convolved along time, then attention.

    | size | parameters | FLOPs of a window of 48 frames, 20 joints |
    |---|---|---|
    | tiny | 76 k | 1.6 million |
    | small | 283 k | 5.62 million |
    | base | 1094 k | 21 million |

    Args:
        shape: `(steps, 3 · joints)` of a window, x, y and z of one joint after the
            other.
        num_classes: int.
        size: `"tiny"`, `"small"` or `"base"`.
        parents: for each joint the one that it hangs on, itself for the root, such
            as `datasets.utd_mhad.PARENTS`. Without it there are no bones.
        normalization: layer for the windows, as `windows.normalization_layer` makes
            it. Bones and motion are of the joints as they come.
        padded: bool. Whether steps whose channels are all 0 are padding.
        key_dim: int. Size of keys and values; 16, 32 or 64 by default. Source and
            target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped after each convolution; twice that
            share before the classifier.
        depth_dropout: float. Rate of `StochasticDepth` in the last stage.
        name: str. Name of the model.

    Returns:
        `keras.Model` from `(batch, steps, 3 · joints)` to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if `size` is unknown, if `shape` has other axes, or if `parents` do
            not fit the joints.

    Example:

    >>> model = skeleton((48, 9), 27, size="tiny", parents=(0, 0, 1))
    >>> model.output_shape
    (None, 27)

    Reference:
        Bones and motion as in Shi et al., 2019,
        [Two-stream networks](https://arxiv.org/abs/1805.07694).
    """
    filters, key_dim = size_of(size, key_dim)
    check_shape(shape, "(steps, 3 · joints)")
    joints, rest = divmod(shape[-1], 3)
    if rest or (
        parents is not None
        and (len(parents) != joints or not set(parents) <= set(range(joints)))
    ):
        raise ValueError(
            "Windows must have three channels for each joint, and `parents` one joint "
            f"for each. Received: {shape[-1]} channels, parents={parents}. "
            "Give x, y and z of every joint, and parents counted from 0."
        )
    inputs = keras.Input(shape, name="windows")
    mask = padding_mask(inputs) if padded else None
    views = [inputs if normalization is None else normalization(inputs)]
    if parents is not None:
        channels = 3 * np.repeat(parents, 3) + np.tile(np.arange(3), joints)
        views.append(ops.subtract(inputs, ops.take(inputs, channels.tolist(), axis=-1)))
    for view in list(views):
        later, earlier = view[:, 1:], view[:, :-1]
        views.append(ops.pad(ops.subtract(later, earlier), ((0, 0), (1, 0), (0, 0))))
    x = batch_normalization()(layers.Concatenate()(views))
    x = layers.SpatialDropout1D(dropout)(layers.Dense(filters[0])(x))
    tokens, mask, _ = residual_stages(
        x, filters, mask=mask, dropout=dropout, depth_dropout=depth_dropout
    )
    return encoder(
        inputs,
        tokens,
        mask,
        num_classes,
        key_dim,
        attention=attention,
        dropout=dropout,
        name=name,
    )
