"""Which λ? A search on the people of the training, and what it is worth on others.

A watch's whole IMU teaches its accelerometer. Two of seven people are held out to
judge by; three more, whom the search never sees, test what it found.
"""

import argparse

import keras
import keras_tuner

from keras_dcat import datasets, encoders, plots, tuning, windows
from keras_dcat.evaluation import transfer_table
from keras_dcat.metrics import macro_f1

CLASSES = datasets.watch.CLASS_NAMES
TEST, HELD_OUT = (2, 5, 9), (3, 7)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--trials", type=int, default=8)
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--seeds", type=int, default=2, help="runs of each λ")
parser.add_argument("--test-seeds", type=int, default=3, help="runs for the test")
parser.add_argument("--output", default="outputs/search")
args = parser.parse_args()
if args.test_seeds < 2:
    parser.error("--test-seeds must be 2 or more: an interval is printed")

index = windows.index_windows(datasets.load_watch(), length=4.0, stride=2.0)
everybody, test = windows.split_by_subject(index, TEST)
train, held_out = windows.split_by_subject(everybody, HELD_OUT)


def build(stream):
    """Logits of the exercise, from a stream of the watch."""
    return encoders.imu(
        train.shape(stream),
        len(CLASSES),
        "tiny",
        normalization=windows.normalization_layer(train, stream),
        key_dim=16,
    )


num_trainings = 1 + args.trials * args.seeds + 3 * args.test_seeds
progress = keras.utils.Progbar(num_trainings, unit_name="training")
counted = keras.callbacks.LambdaCallback(on_train_end=lambda logs: progress.add(1))
training = {
    "epochs": args.epochs,
    "shuffle": False,  # the datasets are shuffled
    "callbacks": [counted],
    "verbose": 0,
}

keras.utils.set_random_seed(0)
source = build("imu")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
source.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=False)
source.fit(windows.stream_dataset(train, "imu", shuffle=True, seed=0), **training)

hypermodel = tuning.DCATHyperModel(
    source,
    lambda hp: build("accelerometer"),
    ["transfer_weight"],
    jit_compile=False,  # trials are short
    seed=None,
)
tuner = keras_tuner.GridSearch(
    hypermodel,
    tuning.MACRO_F1,
    max_trials=args.trials,
    executions_per_trial=args.seeds,
    directory=args.output,
    project_name=f"{args.epochs}_epochs",
)
known = hypermodel.cache_source(train.gather("imu"), verbose=0)  # for all trials
pairs = windows.pair_dataset(train, known, "accelerometer", shuffle=True, seed=0)
judged_by = held_out.gather("accelerometer"), held_out.labels
tuner.search(pairs, validation_data=judged_by, **training)

best = tuner.get_best_hyperparameters()[0]
plots.plot_search(tuner, "transfer_weight", path=f"{args.output}/search.png")
found = best.get("transfer_weight")
print(f"\nFor two people held out, λ = {found:.3g} is best.")
print(f"{args.output}/search.png shows their macro F1 over λ.")

settings = {name: keras_tuner.HyperParameters() for name in ("alone", "default")}
settings["alone"].Fixed("transfer_weight", 0.0)
f1 = {name: [] for name in (*settings, "found")}
for seed in range(args.test_seeds):
    for name, chosen in {**settings, "found": best}.items():
        keras.utils.set_random_seed(seed)
        model = hypermodel.build(chosen)
        model.fit(pairs, **training)
        predicted = model.predict(test.gather("accelerometer"), verbose=0)
        f1[name].append(macro_f1(test.labels, predicted, len(CLASSES)))
print("\n\nMacro F1 of three people whom the search has not seen:")
print(transfer_table(f1))
