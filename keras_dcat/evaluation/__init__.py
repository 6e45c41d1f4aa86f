"""Does a transfer help unseen people, and how certain is that?"""

from keras_dcat.evaluation.ablations import ABLATIONS, ablation
from keras_dcat.evaluation.baselines import BASELINES, MiniRocket, Trees
from keras_dcat.evaluation.comparison import compare, environment
from keras_dcat.evaluation.confidence_intervals import (
    Interval,
    mean_interval,
    transfer_table,
)
from keras_dcat.evaluation.controls import (
    CONTROLS,
    Misaligned,
    Mispaired,
    OutOfFoldMask,
    RandomSource,
    ShuffledMask,
)
from keras_dcat.evaluation.experiments import Experiment, run_experiments
from keras_dcat.evaluation.foresight import Foresight, foresight
from keras_dcat.evaluation.methods import DCAT, METHODS, Alone, Method, Outcome
from keras_dcat.evaluation.published_runs import export_runs, import_runs
from keras_dcat.evaluation.report import write_report
from keras_dcat.evaluation.results import Results
from keras_dcat.evaluation.rivals import RIVALS, Features, LateFusion, SelfTraining
from keras_dcat.evaluation.run import Run
from keras_dcat.evaluation.significance import (
    corrected_t_test,
    f1_per_class_intervals,
    macro_f1_interval,
    paired_bootstrap,
)
from keras_dcat.evaluation.stream_pairs import ordered_pairs
from keras_dcat.evaluation.study import Modality, Study
from keras_dcat.evaluation.training import Training

__all__ = [
    "ABLATIONS",
    "BASELINES",
    "CONTROLS",
    "DCAT",
    "Experiment",
    "METHODS",
    "RIVALS",
    "Alone",
    "Features",
    "Foresight",
    "Interval",
    "LateFusion",
    "Method",
    "MiniRocket",
    "Misaligned",
    "Mispaired",
    "Modality",
    "OutOfFoldMask",
    "Outcome",
    "RandomSource",
    "Results",
    "Run",
    "SelfTraining",
    "ShuffledMask",
    "Study",
    "Training",
    "Trees",
    "ablation",
    "compare",
    "corrected_t_test",
    "environment",
    "f1_per_class_intervals",
    "foresight",
    "macro_f1_interval",
    "mean_interval",
    "ordered_pairs",
    "export_runs",
    "paired_bootstrap",
    "run_experiments",
    "transfer_table",
    "import_runs",
    "write_report",
]
