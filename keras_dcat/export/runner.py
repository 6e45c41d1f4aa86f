"""Runs an artefact as a stranger does: a program of its own, without keras_dcat.

    python runner.py <artefact> <windows.npy> <results.npz>

It needs NumPy and what reads the format: TensorFlow, LiteRT or ONNX Runtime.
"""

import pathlib
import statistics
import sys
import time

import numpy as np

REPEATS = 50


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
    name = session.get_inputs()[0].name

    def run(windows):
        return session.run(None, {name: windows})[0], None

    return run, [], session


def load(artefact):
    """What the function of its format gives: `run`, names of variables, its owner."""
    path = pathlib.Path(artefact)
    if path.is_dir():  # whose name may have a point in it
        return saved_model(str(path))
    return {".tflite": litert, ".onnx": onnx}[path.suffix](str(path))


def main(artefact, windows_path, results_path):
    """Runs an artefact over windows, and one by one to see how long one takes."""
    run, variables, _ = load(artefact)
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
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
