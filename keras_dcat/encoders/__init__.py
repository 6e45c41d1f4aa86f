"""Encoders: one Keras model for each modality, ending in attention."""

from keras_dcat.encoders.attach import attach_attention
from keras_dcat.encoders.audio import audio
from keras_dcat.encoders.blocks import LevelAndSpread, MeanMaxPooling, StochasticDepth
from keras_dcat.encoders.fixed_kernels import (
    FixedConvolution,
    RunningNormalization,
    ShareAbove,
)
from keras_dcat.encoders.imu import imu
from keras_dcat.encoders.skeleton import skeleton
from keras_dcat.encoders.video import video, video_of_frames

__all__ = [
    "FixedConvolution",
    "LevelAndSpread",
    "MeanMaxPooling",
    "RunningNormalization",
    "ShareAbove",
    "StochasticDepth",
    "attach_attention",
    "audio",
    "imu",
    "skeleton",
    "video",
    "video_of_frames",
]
