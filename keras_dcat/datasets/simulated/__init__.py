"""People and sensors whose truth is known."""

from keras_dcat.datasets.simulated.body import ANGLES, JOINTS, Body
from keras_dcat.datasets.simulated.clock import Clock
from keras_dcat.datasets.simulated.movement import Movement
from keras_dcat.datasets.simulated.sensors import RATES
from keras_dcat.datasets.simulated.simulation import Simulation, simulate

__all__ = [
    "ANGLES",
    "JOINTS",
    "RATES",
    "Body",
    "Clock",
    "Movement",
    "Simulation",
    "simulate",
]
