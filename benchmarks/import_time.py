"""How much longer does `import keras` take with `import keras_dcat` behind it?"""

import argparse
import json
import os
import statistics
import subprocess
import sys

PROGRAM = (
    "import time, keras; start = time.perf_counter(); "
    "import keras_dcat; print(time.perf_counter() - start)"
)


def seconds(backend):
    """Seconds that `import keras_dcat` takes after `import keras`, in a new process."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(finished.stdout)


def main():
    """Prints a table, or JSON, of the median over several processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=["tensorflow"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    medians = {}
    for backend in args.backends:
        seconds(backend)  # the first run compiles bytecode
        medians[backend] = statistics.median(seconds(backend) for _ in range(args.runs))
    if args.json:
        print(json.dumps(medians))
        return
    print("| backend | seconds added to `import keras` |\n|---|---|")
    for backend, value in medians.items():
        print(f"| {backend} | {value:.3f} |")


if __name__ == "__main__":
    main()
