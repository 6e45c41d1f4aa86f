"""Samples as they come, and what the exported target says of them."""

from keras_dcat.streaming.classifier import Decision, StreamingClassifier

__all__ = ["Decision", "StreamingClassifier"]
