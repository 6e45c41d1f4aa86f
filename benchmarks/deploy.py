"""How small and quick is an exported target, and what do whole numbers cost it?

The IMU of UTD-MHAD, windows of 2 s, people 2, 4, 6 and 8 never seen. Microcontrollers
get an encoder of size tiny, without fixed kernels and with them, of the same and, with
`--sisfall`, of falls of people never seen. Needs TensorFlow, and the extra `micro`.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from timing import seconds

from keras_dcat import datasets, encoders, windows
from keras_dcat.export import export_target
from keras_dcat.streaming import StreamingClassifier

CLASSES, RATE, STRIDE = datasets.utd_mhad.CLASS_NAMES, 50.0, 0.5
CHUNK = 25  # samples: half a second


def trained_target(
    train, epochs, size="small", names=CLASSES, class_weight=None, **options
):
    """An encoder of the IMU."""
    keras.utils.set_random_seed(0)
    model = encoders.imu(
        train.shape("imu"),
        len(names),
        size,
        normalization=windows.normalization_layer(train, "imu"),
        **options,
    )
    dataset = windows.stream_dataset(train, "imu", shuffle=True, seed=0)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(dataset))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(
        dataset, epochs=epochs, shuffle=False, verbose=2, class_weight=class_weight
    )
    return model


def falls(path):
    """SisFall, 2 trials of each activity by those who fall: half of them train."""
    found = datasets.label_falls(datasets.load_sisfall(path))
    falling = {each.subject for each in found if not isinstance(each.label, int)}
    found = [
        dataclasses.replace(each, streams={"imu": each.streams["imu"]})
        for each in found
        if each.subject in falling and each.session.endswith(("_R01", "_R02"))
    ]
    index = windows.index_windows(found, 2.0, 1.0, rates={"imu": RATE})
    return windows.split_by_subject(index, sorted(falling)[::2])


def exported(model, folder, train, test, names, stride, **options):
    """The artefacts of a target of the IMU, checked on people never seen."""
    return export_target(
        model,
        pathlib.Path(folder) / "target",
        test,
        "imu",
        names,
        stride=stride,
        calibration=train,
        verbose=0,
        **options,
    )


def on_microcontroller(train, test, names, stride, epochs, class_weight, **options):
    """What a tiny encoder becomes: the check, and what the device must have."""
    model = trained_target(train, epochs, "tiny", names, class_weight, **options)
    with tempfile.TemporaryDirectory() as folder:
        done = exported(model, folder, train, test, names, stride, formats=["micro"])
    (check,) = done.checks
    less = f"less than the model's by {check.f1_drop_interval.signed}"
    print(f"{done.micro}; macro F1 {check.macro_f1:.3f}, {less}", flush=True)
    return check, done.micro


def micro_figures(prefix, parts):
    """The most that any data lose or need."""
    checks, needs = zip(*parts, strict=True)
    return {
        f"{prefix}_f1_drop": max(check.macro_f1_drop for check in checks),
        f"{prefix}_arena_kb": max(each.arena_kilobytes for each in needs),
        f"{prefix}_flash_kb": max(each.flash_kilobytes for each in needs),
    }


def latency_ratio(model, milliseconds, window):
    """A call of `model.predict` for one window, over one of LiteRT."""
    model.predict(window, verbose=0)
    times = [seconds(lambda: model.predict(window, verbose=0)) for _ in range(50)]
    return 1000 * statistics.median(times) / milliseconds


def streamed(artefact, channels, total):
    """Times real time, and MB by which memory grows behind the first tenth."""
    classifier = StreamingClassifier(artefact)
    rng = np.random.default_rng(0)
    chunk = rng.normal(size=(CHUNK, channels)).astype("float32")

    def feed(count):
        for _ in range(count // CHUNK):
            classifier.feed(chunk)

    feed(total // 10)
    before = resident_mb()
    taken = seconds(lambda: feed(total - total // 10))
    speed = (total - total // 10) / RATE / taken
    return speed, resident_mb() - before


def resident_mb():
    """Memory of this process that is in use."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main():
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="UTD-MHAD: the publisher's zip, or a folder of it")
    parser.add_argument("--sisfall", help="SisFall: the zip, or a NumPy archive")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=10_000_000, help="to stream")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    clips = [
        dataclasses.replace(clip, streams={"imu": clip.streams["imu"]})
        for clip in datasets.load_utd_mhad(args.data)
    ]
    index = windows.index_windows(clips, 2.0, STRIDE)
    train, test = windows.split_by_subject(index, datasets.utd_mhad.TEST_SUBJECTS)
    data = [(train, test, CLASSES, STRIDE, args.epochs, None)]
    if args.sisfall:
        names, weight = datasets.sisfall.FALL_CLASS_NAMES, {0: 1.0, 1: 4.5}
        data.append((*falls(args.sisfall), names, 1.0, args.epochs, weight))
    micro: dict = {}
    for prefix, options in (
        ("micro", {"dilations": ()}),
        ("micro_with_fixed_kernels", {}),
    ):
        micro |= micro_figures(
            prefix, [on_microcontroller(*each, **options) for each in data]
        )
    model = trained_target(train, args.epochs)
    with tempfile.TemporaryDirectory() as folder:
        done = exported(model, folder, train, test, CLASSES, STRIDE)
        checks = {check.format: check for check in done.checks}
        exact, small = checks["litert"], checks["litert_int8"]
        window = test.gather("imu", np.arange(1))
        speed, growth = streamed(done.file("litert"), window.shape[-1], args.samples)
        figures = {
            "predict_vs_litert": latency_ratio(model, exact.milliseconds, window),
            "int8_size_vs_float": small.kilobytes / exact.kilobytes,
            "int8_f1_drop": small.macro_f1_drop,
            "stream_x_realtime": speed,
            "stream_memory_growth_mb": growth,
        }
    figures |= micro
    if args.json:
        print(json.dumps(figures))
        return
    print(done)
    for name, value in figures.items():
        print(f"{name:34} {value:.4g}")


if __name__ == "__main__":
    main()
