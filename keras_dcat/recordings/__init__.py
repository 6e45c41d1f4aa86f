"""What was sensed, when, and by whom."""

from keras_dcat.recordings.recording import Intervals, Recording, Stream

__all__ = ["Intervals", "Recording", "Stream"]
