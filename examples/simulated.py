"""Who teaches whom when the truth is known? Three sensors, all six directions.

Simulated people are seen by a skeleton, an IMU and a small video. What a sensor shows
of the activity itself is chosen: the IMU sees half of what the others see.
"""

import argparse

import keras

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.evaluation import CONTROLS, METHODS, RIVALS, Experiment, ablation
from keras_dcat.windows.augmentation import TimeWarp

ACTIVITIES = 6
STREAMS = ("skeleton", "imu", "video")


def modality(stream, default_size):
    """An encoder of a stream."""

    def build(train, size=default_size, dropout=0.03 if stream == "video" else 0.2):
        options = {"key_dim": 32, "dropout": dropout}
        shape = train.shape(stream)
        if stream == "video":
            scale = keras.layers.Rescaling(1 / 255)
            return encoders.video(
                shape, ACTIVITIES, size, normalization=scale, **options
            )
        normalization = windows.normalization_layer(train, stream)
        encoder = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
        return encoder(shape, ACTIVITIES, size, normalization=normalization, **options)

    return evaluation.Modality(build)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
parser.add_argument("--output", default="outputs/simulated")
args = parser.parse_args()

simulation = datasets.simulated.simulate(
    num_subjects=4 if args.quick else 12,
    num_activities=ACTIVITIES,
    num_repetitions=1 if args.quick else 3,
    streams=STREAMS,
    informativeness={"imu": 0.5},
    seed=7,
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
study = evaluation.Study(
    {"unseen people": windows.split_by_subject(index, people[::2])},
    {s: modality(s, "tiny") for s in STREAMS},
    [f"activity {number}" for number in range(ACTIVITIES)],
    evaluation.Training(
        epochs=1 if args.quick else 20,
        min_steps=1 if args.quick else 1500,
        together=TimeWarp(0.2),
        run_eagerly=args.quick,
    ),
)
experiments = {"Who teaches whom": Experiment(study)}
if not args.quick:
    pair, everything = ("skeleton", "imu"), METHODS | CONTROLS | RIVALS
    experiments["Controls and rivals"] = Experiment(study, [pair], everything)
    for name in ("transfer_weight", "mask", "misalignment"):
        experiments[name] = Experiment(study, [pair], ablation(name))
evaluation.run_experiments(
    experiments,
    args.output,
    args.seeds[:2] if args.quick else args.seeds,
    title="Simulated people",
    about="The IMU sees half of what tells activities apart; the others see all.",
)
