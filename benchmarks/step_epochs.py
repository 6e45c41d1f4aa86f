"""What does an epoch of D-CAT take over an epoch of its parts, on this backend?"""

import argparse
import json
import statistics

import keras
import workload
from timing import EpochTimes, seconds

import keras_dcat
from keras_dcat import windows


def epoch(model, dataset, epochs=2):
    """A function that trains so many epochs and tells the seconds of the last."""
    times = EpochTimes()

    def run():
        model.fit(dataset, epochs=epochs, shuffle=False, verbose=0, callbacks=[times])
        return times.found[-1]

    return run


def in_turns(runs, rounds):
    """Seconds of each of several runs, taken in turns; the first round is left out."""
    for run in runs.values():
        run()
    return [{name: run() for name, run in runs.items()} for _ in range(rounds)]


def median_ratio(rounds, over, *under):
    """Median over the rounds of one run's seconds over the sum of others'."""
    return statistics.median(r[over] / sum(r[name] for name in under) for r in rounds)


def taught(index, source, **options):
    """Epochs of D-CAT from a skeleton to an IMU, its source live, and from a cache."""
    live, cached = (
        keras_dcat.DCATModel(source, workload.encoder(index, "imu"), **options)
        for _ in "12"
    )
    known = cached.cache_source(index.gather("skeleton"), verbose=0)
    sides = {"live": (live, "skeleton"), "cached": (cached, known)}
    return {
        name: epoch(model, windows.pair_dataset(index, side, "imu", **workload.ORDER))
        for name, (model, side) in sides.items()
    }


def transfer(index, rounds):
    """D-CAT from a skeleton to an IMU, live and cached, and the IMU alone."""
    source = workload.trained_source(index)
    alone = workload.compiled(workload.encoder(index, "imu"))
    of_target = windows.stream_dataset(index, "imu", **workload.ORDER)
    of_source = windows.stream_dataset(index, "skeleton")
    found = in_turns(
        {
            "alone": epoch(alone, of_target),
            **taught(index, source),
            "source": lambda: seconds(lambda: source.predict(of_source, verbose=0)),
        },
        rounds,
    )
    return {
        "cached_vs_unimodal": median_ratio(found, "cached", "alone"),
        "live_vs_parts": median_ratio(found, "live", "source", "alone"),
        "windows_per_second": {
            name: len(index) / statistics.median(r[name] for r in found)
            for name in found[0]
        },
    }


def distiller(index, rounds):
    """Keras's own Distiller and D-CAT, of two models that see the same windows.

    A loss of a layer that it names makes it pass the student a second time, so that one
    without such a loss shows what the saved teacher is worth.
    """
    teacher, order = workload.trained_source(index, "imu"), workload.ORDER
    features = keras.distillation.FeatureDistillation(
        loss="mse", teacher_layer_name="attention", student_layer_name="attention"
    )
    logits = keras.distillation.LogitsDistillation()
    alone = windows.stream_dataset(index, "imu", **order)
    runs = {}
    for name, losses in (("both", [features, logits]), ("logits", [logits])):
        student = workload.encoder(index, "imu")
        distilled = keras.distillation.Distiller(teacher, student, losses)
        runs[name] = epoch(workload.compiled(distilled), alone)
    model = keras_dcat.DCATModel(teacher, workload.encoder(index, "imu"))
    known = model.cache_source(index.gather("imu"), verbose=0)
    pairs = windows.pair_dataset(index, known, "imu", **order)
    found = in_turns({**runs, "cached": epoch(model, pairs)}, rounds)
    return {
        "distiller_vs_cached": median_ratio(found, "both", "cached"),
        "distiller_logits_vs_cached": median_ratio(found, "logits", "cached"),
    }


def main():
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    index = workload.window_index(args.windows)
    results = transfer(index, args.rounds) | distiller(index, args.rounds)
    print(json.dumps({"backend": keras.backend.backend(), **results}))


if __name__ == "__main__":
    main()
