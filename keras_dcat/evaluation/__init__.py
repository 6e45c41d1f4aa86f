"""Does it help people never seen, and how sure is that?"""

from keras_dcat.evaluation.intervals import Interval, mean_interval, transfer_table
from keras_dcat.evaluation.statistics import corrected_t_test, paired_bootstrap

__all__ = [
    "Interval",
    "corrected_t_test",
    "mean_interval",
    "paired_bootstrap",
    "transfer_table",
]
