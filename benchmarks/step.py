"""What does a training step of D-CAT cost, beside that of the target alone?"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def printed(script, *options, backend="tensorflow"):
    """The last line that a part of this benchmark prints, in a process of its own."""
    finished = subprocess.run(
        [sys.executable, HERE / script, *map(str, options)],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def memory(count, pairs):
    """Peak memory of D-CAT with a stored source over the target alone, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        options = "--windows", count, "--cache", pathlib.Path(folder) / "source.npk"
        printed("step_memory.py", "cached", *options)  # writes the file
        return statistics.median(
            printed("step_memory.py", "cached", *options)
            / printed("step_memory.py", "alone", *options)
            for _ in range(pairs)
        )


def measured(count, rounds):
    """All figures by their keys."""
    epochs, loops, losses = (
        {
            backend: printed(script, *options, backend=backend)
            for backend in ("tensorflow", "jax")
        }
        for script, options in (
            ("step_epochs.py", ("--windows", count, "--rounds", rounds)),
            ("step_torch.py", ("--windows", count, "--rounds", rounds)),
            ("step_loss.py", ("--rounds", rounds)),
        )
    )
    both = tuple(epochs)
    caches = {b: printed("step_cache.py", "--rounds", rounds, backend=b) for b in both}
    processes = printed("step_processes.py", "--windows", count, backend="jax")
    imports = printed("import_time.py", "--json", "--backends", *both)
    return {
        **{f"cached_vs_unimodal_{b}": epochs[b]["cached_vs_unimodal"] for b in both},
        "live_vs_parts": max(epochs[b]["live_vs_parts"] for b in both),
        "distiller_vs_cached": min(epochs[b]["distiller_vs_cached"] for b in both),
        "distiller_logits_vs_cached": min(
            epochs[b]["distiller_logits_vs_cached"] for b in both
        ),
        "torch_loop_vs_best": max(loops[b]["torch_loop_vs_cached"] for b in both),
        "torch_loop_vs_best_live": max(loops[b]["torch_loop_vs_live"] for b in both),
        "memory_vs_unimodal": memory(count, max(rounds, 5)),
        "cache_vs_predict": max(caches[b]["cache_vs_predict_disk"] for b in both),
        "two_process_speedup": processes["two_process_speedup"],
        "import_s": max(imports.values()),
        "loss_vs_naive_worst": max(losses[b]["loss_vs_naive_worst"] for b in both),
        "loss_vs_naive_best": max(losses[b]["loss_vs_naive_best"] for b in both),
        "parts": {
            "epochs": epochs,
            "torch": loops,
            "loss": losses,
            "cache": caches,
            "processes": processes,
        },
    }


def main():
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = measured(args.windows, args.rounds)
    if args.json:
        print(json.dumps(results))
        return
    print("| figure | value |\n|---|---|")
    for name, value in results.items():
        if name != "parts":
            print(f"| `{name}` | {value:.2f} |")


if __name__ == "__main__":
    main()
