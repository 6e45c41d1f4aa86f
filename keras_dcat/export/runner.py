"""Runs an artefact as a stranger does: a program of its own, without keras_dcat.

    python runner.py <artefact> <windows.npy> <results.npz> [micro]

It needs NumPy and what reads the format: TensorFlow, LiteRT, ONNX Runtime or, if so
told, TensorFlow Lite Micro.
"""

import os
import pathlib
import re
import statistics
import sys
import tempfile
import time

import numpy as np

REPEATS = 50
# Bytes that a model for microcontrollers may take, and by how many less are tried.
ARENA, STEP = 2**26, 64


def saved_model(path):
    """A function from windows to probabilities and labels, names of variables."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    variables = [variable.name.removesuffix(":0") for variable in loaded.variables]

    def run(windows):
        found = loaded.serve(windows)
        probabilities = found["probabilities"].numpy()
        if "label" not in found:  # of several labels there is none
            return probabilities, None
        return probabilities, found["label"].numpy().astype(str)

    # `loaded` must live as long as what it serves.
    return run, variables, loaded


def litert(path):
    """The same of a `.tflite`, which tells neither labels nor variables."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter

    interpreter = Interpreter(path, num_threads=1)
    (given,), (made,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    interpreter.allocate_tensors()

    def run(windows):
        rows = []
        for window in windows:
            interpreter.set_tensor(given["index"], window[None])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(made["index"])[0].copy())
        return np.stack(rows), None

    return run, [], interpreter


def onnx(path):
    """The same of a `.onnx`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    (given,) = session.get_inputs()

    def run(windows):
        if given.shape[0] != 1:
            return session.run(None, {given.name: windows})[0], None
        rows = [session.run(None, {given.name: each[None]})[0] for each in windows]
        return np.concatenate(rows), None

    return run, [], session


class Micro:
    """A `.tflite` in the interpreter of microcontrollers."""

    def __init__(self, path):
        self.path = path
        with _said_by_c() as said:
            try:
                self.interpreter = self._made(ARENA)
            except RuntimeError as error:
                raise RuntimeError(_first_line(said.read()) or str(error)) from None

    def _made(self, arena):
        from tflite_micro import runtime

        return runtime.Interpreter.from_file(self.path, arena_size=arena)

    def run(self, windows):
        """The same as of the other formats."""
        rows = []
        for window in windows:
            self.interpreter.set_input(window[None], 0)
            self.interpreter.invoke()
            rows.append(np.array(self.interpreter.get_output(0)[0]))
        return np.stack(rows), None

    def arena(self):
        """The fewest bytes of memory, in steps of 64, with which it runs."""
        with _said_by_c() as said:
            self.interpreter.print_allocations()
            # What it took for good. While it prepares, it needs some more.
            taken = max(map(int, re.findall(r"allocation total (\d+)", said.read())))
            for arena in range(-(-taken // STEP) * STEP, ARENA, STEP):
                try:
                    self._made(arena).invoke()
                    return arena
                except RuntimeError:
                    continue
            return ARENA


class _said_by_c:
    """What code in C writes as errors, while this lasts."""

    def __enter__(self):
        self.kept, self.file = os.dup(2), tempfile.TemporaryFile("w+")
        os.dup2(self.file.fileno(), 2)
        return self

    def read(self):
        """All of it, so far."""
        self.file.seek(0)
        return self.file.read()

    def __exit__(self, *error):
        os.dup2(self.kept, 2)
        os.close(self.kept)
        self.file.close()


def _first_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0] if lines else ""


def micro(path):
    """The same of a `.tflite` on a microcontroller, whose values are float32."""
    model = Micro(path)
    return model.run, [], model


def load(artefact, kind=None):
    """What the function of its format gives: `run`, names of variables, its owner."""
    path = pathlib.Path(artefact)
    if kind == "micro":
        return micro(str(path))
    if path.is_dir():  # whose name may have a point in it
        return saved_model(str(path))
    return {".tflite": litert, ".onnx": onnx}[path.suffix](str(path))


def main(artefact, windows_path, results_path, kind=None):
    """Runs an artefact over windows, and one by one to see how long one takes."""
    run, variables, owner = load(artefact, kind)
    windows = np.load(windows_path)
    parts = [run(windows[at : at + 256]) for at in range(0, len(windows), 256)]
    seconds = []
    for number in range(REPEATS):
        window = windows[number % len(windows)][None]
        began = time.perf_counter()
        run(window)
        seconds.append(time.perf_counter() - began)
    labels = [own for _, own in parts if own is not None]
    np.savez(
        results_path,
        probabilities=np.concatenate([scores for scores, _ in parts]),
        labels=np.concatenate(labels) if labels else np.array([], str),
        variables=np.array(variables, str),
        modules=np.array(sorted({name.split(".")[0] for name in sys.modules}), str),
        latency=statistics.median(seconds),
        **({"arena": owner.arena()} if kind == "micro" else {}),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
