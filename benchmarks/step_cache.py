"""What does it cost to store a source's statistics, beside predicting with it?"""

import argparse
import json
import pathlib
import statistics
import tempfile

import keras
import workload
from step_epochs import in_turns, median_ratio
from timing import seconds

import keras_dcat


def main():
    """Prints one JSON object. Every run has a new model, which it compiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=16384)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    index = workload.window_index(args.windows)
    data = index.gather("skeleton")

    def predict():
        source = workload.encoder(index, "skeleton")
        return seconds(lambda: source.predict(data, batch_size=256, verbose=0))

    def cache(path):
        model = keras_dcat.DCATModel(
            workload.encoder(index, "skeleton"), workload.encoder(index, "imu")
        )
        return seconds(
            lambda: model.cache_source(data, path, batch_size=256, verbose=0)
        )

    def cache_on_disk():
        with tempfile.TemporaryDirectory() as folder:
            return cache(pathlib.Path(folder) / "source.cache")

    runs = {"predict": predict, "memory": lambda: cache(None), "disk": cache_on_disk}
    found = in_turns(runs, args.rounds)
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                **{
                    f"cache_vs_predict_{kept}": median_ratio(found, kept, "predict")
                    for kept in ("memory", "disk")
                },
                "windows_per_second": {
                    name: len(data) / statistics.median(r[name] for r in found)
                    for name in runs
                },
            }
        )
    )


if __name__ == "__main__":
    main()
