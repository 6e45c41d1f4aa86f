"""Figures."""

from keras_dcat.plots.diagnosis_page import plot_diagnosis
from keras_dcat.plots.search import plot_search
from keras_dcat.plots.timeline import plot_timeline
from keras_dcat.plots.transfer import plot_transfer

__all__ = ["plot_diagnosis", "plot_search", "plot_timeline", "plot_transfer"]
