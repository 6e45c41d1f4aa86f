"""Statistics of the training windows, as the first layer of a model."""

import keras

from keras_dcat.windows.index import WindowIndex


def normalization_layer(index: WindowIndex, stream: str) -> keras.layers.Normalization:
    """A layer that brings a stream to mean 0 and variance 1 per channel.

    Of video a channel is a colour: all pixels of it count together.

    Its statistics are those of this index alone, so give it the training split.
    As a layer of the model it is saved and exported with it, and what is
    deployed takes raw windows.

    Args:
        index: `WindowIndex` of the training windows.
        stream: str. Name of the stream.

    Returns:
        `keras.layers.Normalization`, for `(batch, steps, …, channels)`.

    Raises:
        ValueError: if there is no window, or if a value is not finite.

    Example:

    >>> import numpy as np
    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> stream = Stream(np.array([[1.0], [3.0]] * 50), rate=50)
    >>> index = index_windows([Recording({"imu": stream}, 0, "A")], 1, 1)
    >>> normalized = normalization_layer(index, "imu")(index.gather("imu"))
    >>> [float(x) for x in normalized[0, :2, 0]]
    [-1.0, 1.0]
    """
    mean, variance = index.moments(stream, pooled=True)
    return keras.layers.Normalization(mean=mean, variance=variance)
