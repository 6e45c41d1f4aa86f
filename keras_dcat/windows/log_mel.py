"""Audio windows become log-mel spectrograms on the fly.

The arithmetic is that of tensorflow-io's `audio.spectrogram`, `melscale` and
`dbscale`, which are the same few calls of `tf.signal`; a test holds the two equal.
They are called directly because tensorflow-io cannot be installed on Python 3.13,
and because its `dbscale` cuts every window at the loudest of its batch, so that
a window would look different in other company.
"""

import tensorflow as tf


def log_mel_dataset(
    dataset: tf.data.Dataset,
    rate: float,
    side: str | None = None,
    *,
    mels: int = 64,
    frame: float = 0.025,
    hop: float = 0.010,
    lowest: float = 0.0,
    highest: float | None = None,
    dynamic_range: float = 80.0,
) -> tf.data.Dataset:
    """Turns the audio in batches of windows into log-mel spectrograms.

    Args:
        dataset: batches `(inputs, labels)` or `(inputs, labels, sample_weight)`
            whose audio is `(batch, steps, 1)`.
        rate: float. Samples per second of the audio, in Hz.
        side: `"source"` or `"target"`, which side of a pair is audio; `None` for
            batches of one modality.
        mels: int. Number of mel bands.
        frame: float. Seconds of audio in a frame.
        hop: float. Seconds from frame to frame, rounded to samples, as `frame` is.
        lowest: float. Lower edge of the bands, in Hz.
        highest: float. Upper edge, in Hz; half the rate unless given.
        dynamic_range: float. Decibels below the loudest band of a window that are
            kept; what is quieter is raised to there.

    Returns:
        `tf.data.Dataset` of the same structure, audio `(batch, frames, mels)` in
        decibels, float32. There are `⌈steps / round(hop · rate)⌉` frames.

    Raises:
        ValueError: if the audio has more than one channel, or if the band edges
            are not rising and within half the rate.

    Example:

    >>> audio = tf.random.normal((4, 8000, 1))  # 4 windows of 1 s at 8 kHz
    >>> dataset = tf.data.Dataset.from_tensors((audio, tf.zeros(4)))
    >>> log_mel_dataset(dataset, rate=8000, mels=40).element_spec[0].shape
    TensorShape([4, 100, 40])
    """
    highest = rate / 2 if highest is None else highest
    if not 0 <= lowest < highest <= rate / 2:
        raise ValueError(
            "Mel bands must lie between 0 Hz and half the rate. "
            f"Received: lowest={lowest}, highest={highest} at rate={rate}. "
            "Leave `highest` at its default, or lower it."
        )
    frame_length, frame_step = round(frame * rate), round(hop * rate)
    fft_length = 1 << (frame_length - 1).bit_length()
    bands = tf.signal.linear_to_mel_weight_matrix(
        mels, fft_length // 2 + 1, rate, lowest, highest
    )

    def spectrogram(audio):
        if audio.shape.rank != 3 or audio.shape[-1] != 1:
            raise ValueError(
                "Audio must have shape (batch, steps, 1). "
                f"Received: shape {tuple(audio.shape)}. "
                "Mix the channels down to one, or name the `side` that is audio."
            )
        transformed = tf.signal.stft(
            tf.cast(audio[..., 0], tf.float32),
            frame_length,
            frame_step,
            fft_length,
            pad_end=True,
        )
        power = tf.square(tf.tensordot(tf.abs(transformed), bands, 1))
        decibels = 10.0 * tf.math.log(tf.maximum(power, 1e-10)) / tf.math.log(10.0)
        loudest = tf.reduce_max(decibels, axis=(1, 2), keepdims=True)
        return tf.maximum(decibels, loudest - dynamic_range)

    def convert(inputs, *rest):
        if side is None:
            return (spectrogram(inputs), *rest)
        return ({**inputs, side: spectrogram(inputs[side])}, *rest)

    return dataset.map(convert, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
