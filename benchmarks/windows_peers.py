"""How many windows a CPU second do those give who can do the same work?"""

import argparse
import json
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grain
import numpy as np
import torch
from keras.src.trainers.data_adapters.tf_dataset_adapter import TFDatasetAdapter
from timing import cpu_seconds
from windows import BATCH, LENGTH, STRIDE, exhaust, recordings

from keras_dcat.windows import index_windows, pair_dataset


def peers_of(index):
    """One epoch of shuffled batches of both streams and labels, by who makes it."""
    rng = np.random.default_rng(0)
    data = {name: np.concatenate(s.parts) for name, s in index.samples.items()}

    def batch(windows):
        """A batch by a loop of NumPy, into memory that is its own."""
        found = {}
        for name, steps in index.steps.items():
            found[name] = np.empty((len(windows), *index.shape(name)), "float32")
            for row, start in enumerate(index.starts[name][windows]):
                found[name][row] = data[name][start : start + steps]
        return found, index.labels[windows]

    def orders():
        order = rng.permutation(len(index))
        return np.split(order, range(BATCH, len(order), BATCH))

    class Windows(torch.utils.data.Dataset):
        def __len__(self):
            return len(index)

        def __getitems__(self, windows):
            return batch(np.array(windows))

    loader = torch.utils.data.DataLoader(
        Windows(), BATCH, shuffle=True, collate_fn=lambda batch: batch
    )
    pairs = pair_dataset(index, "skeleton", "imu", BATCH, shuffle=True, seed=0)
    return {
        "numpy_loop": lambda: exhaust(map(batch, orders())),
        "grain_by_batch": lambda: exhaust(
            grain.MapDataset.source(orders()).map(batch).to_iter_dataset()
        ),
        "torch_getitems": lambda: exhaust(loader),
        "ours_tensors": lambda: exhaust(pairs),
        "ours_for_jax": lambda: exhaust(TFDatasetAdapter(pairs).get_jax_iterator()),
    }


def main():
    """Prints windows a CPU second and their ratio to ours, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--recordings", type=int, default=20, help="10 minutes each")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    index = index_windows(recordings(args.recordings, 10, rng), LENGTH, STRIDE)
    peers = peers_of(index)
    times = {name: [] for name in peers}
    for number in range(args.rounds + 1):
        for name, run in peers.items():
            took = cpu_seconds(run)
            if number:  # tracing and first reads are not what is measured
                times[name].append(took)
    ours = times["ours_tensors"]
    results = {
        name: {
            "windows_per_cpu_s": len(index) / statistics.median(found),
            "over_ours": statistics.median(np.divide(ours, found)),
        }
        for name, found in times.items()
    }
    if args.json:
        print(json.dumps(results))
        return
    print("| who | windows a CPU second | over ours as tensors |\n|---|---|---|")
    for name, value in results.items():
        rate, ratio = value.values()
        print(f"| `{name}` | {rate:,.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
