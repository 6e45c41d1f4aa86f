"""Live inference with an exported target."""

from keras_dcat.streaming.classifier import Decision, StreamingClassifier
from keras_dcat.streaming.listening import listen
from keras_dcat.streaming.page import LivePage, Sensor
from keras_dcat.streaming.replay import Moment, replay
from keras_dcat.streaming.smoothing import MarkovSmoothing, MedianSmoothing
from keras_dcat.streaming.terminal import print_moments, print_replay

__all__ = [
    "Decision",
    "LivePage",
    "MarkovSmoothing",
    "MedianSmoothing",
    "Moment",
    "Sensor",
    "StreamingClassifier",
    "listen",
    "print_moments",
    "print_replay",
    "replay",
]
