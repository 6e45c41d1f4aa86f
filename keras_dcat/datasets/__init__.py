"""Public data sets, as recordings."""

from keras_dcat.datasets import (
    mhealth,
    pamap2,
    simulated,
    sisfall,
    sp_sw_har,
    spoken_digits,
    uci_har,
    uestc_mmea,
    utd_mhad,
    watch,
)
from keras_dcat.datasets.mhealth import load_mhealth
from keras_dcat.datasets.pamap2 import load_pamap2
from keras_dcat.datasets.simulated import Simulation, simulate
from keras_dcat.datasets.sisfall import label_falls, load_sisfall
from keras_dcat.datasets.sp_sw_har import load_sp_sw_har
from keras_dcat.datasets.spoken_digits import load_spoken_digits
from keras_dcat.datasets.uci_har import load_uci_hapt, load_uci_har
from keras_dcat.datasets.uestc_mmea import load_uestc_mmea
from keras_dcat.datasets.utd_mhad import load_utd_mhad
from keras_dcat.datasets.watch import load_watch

__all__ = [
    "Simulation",
    "label_falls",
    "load_mhealth",
    "load_pamap2",
    "load_sisfall",
    "load_sp_sw_har",
    "load_spoken_digits",
    "load_uci_hapt",
    "load_uci_har",
    "load_uestc_mmea",
    "load_utd_mhad",
    "load_watch",
    "mhealth",
    "pamap2",
    "simulate",
    "simulated",
    "sisfall",
    "sp_sw_har",
    "spoken_digits",
    "uci_har",
    "uestc_mmea",
    "utd_mhad",
    "watch",
]
