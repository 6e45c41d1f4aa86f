"""Public data sets, as recordings."""

from keras_dcat.datasets import utd_mhad, watch
from keras_dcat.datasets.utd_mhad import load_utd_mhad
from keras_dcat.datasets.watch import load_watch

__all__ = ["load_utd_mhad", "load_watch", "utd_mhad", "watch"]
