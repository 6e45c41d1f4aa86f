"""Training on several devices, each in a process of its own."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest

MIRRORED = """
    import keras
    import numpy as np
    import tensorflow as tf

    import keras_dcat
    from tests.models import branch, windows

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )

    def train(scope):
        keras.utils.set_random_seed(0)
        with scope:
            source, target = branch(5, steps=12), branch(3)
            for layer in target.layers:  # its statistics are of half a batch each
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.trainable = False
            # Of each window by itself: a contrast is of those of a replica.
            loss = keras_dcat.MaskedCrossAttentionLoss()
            options = {"transfer_weight": 1.0, "gate": "all", "loss": loss}
            model = keras_dcat.DCATModel(source, target, **options)
            model.compile(keras.optimizers.SGD(0.1), metrics=["accuracy"])
        data = tf.data.Dataset.from_tensor_slices(
            windows(np.random.default_rng(0))
        ).batch(16)
        history = model.fit(data, epochs=2, verbose=0).history
        scores = model.evaluate(data, verbose=0, return_dict=True)
        return history, scores, target.get_weights()

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    import contextlib

    plain = train(contextlib.nullcontext())
    mirrored = train(strategy.scope())
    for name, values in plain[0].items():
        np.testing.assert_allclose(mirrored[0][name], values, rtol=1e-4, err_msg=name)
    for name, value in plain[1].items():
        np.testing.assert_allclose(mirrored[1][name], value, rtol=1e-4, err_msg=name)
    for one, two in zip(plain[2], mirrored[2], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)
"""


@pytest.mark.tensorflow
def test_two_mirrored_devices_report_and_learn_what_one_does(pytestconfig):
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MIRRORED)],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]


SEVERAL_WORKERS = """
    import keras
    import numpy as np
    import pytest
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()

    import keras_dcat
    from tests.models import pair_of_branches, windows

    with strategy.scope():
        model = keras_dcat.DCATModel(*pair_of_branches())
    message = "Received: 2 workers of a tf.distribute.*KERAS_BACKEND=jax"
    with pytest.raises(ValueError, match=message):
        model.fit(*windows(np.random.default_rng(0)), verbose=0)
"""


@pytest.mark.slow
@pytest.mark.tensorflow
def test_several_workers_on_tensorflow_are_told_of_jax(pytestconfig):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in "12"]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for each in sockets:
        each.close()
    workers = []
    for number in range(2):
        task = {"type": "worker", "index": number}
        config = {"cluster": {"worker": addresses}, "task": task}
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(SEVERAL_WORKERS)],
                cwd=pytestconfig.rootpath,
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
            )
        )
    try:
        assert [worker.wait(300) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


ON_JAX = pytest.mark.skipif(keras.backend.backend() != "jax", reason="is for JAX")


def start(root, folder, processes, epochs):
    """`examples/distributed.py`, in a process group of its own."""
    options = {"processes": processes, "epochs": epochs, "learning-rate": 1e-4}
    line = [f"--{name}={value}" for name, value in options.items()]
    return subprocess.Popen(
        [sys.executable, "examples/distributed.py", *line, "--output", folder],
        cwd=root,
        start_new_session=True,
    )


def losses(folder):
    """What each epoch printed, by name."""
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    names = [name for name, value in rows[0].items() if value != "NA"]
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


@pytest.mark.slow
@ON_JAX
def test_two_processes_train_as_one_and_go_on_where_they_were_killed(
    pytestconfig, tmp_path
):
    root, one, two, killed = pytestconfig.rootpath, *map(tmp_path.joinpath, "123")
    assert start(root, one, 1, 3).wait(300) == 0
    for folder in (two, killed):
        folder.mkdir()
        (folder / "source.keras").write_bytes((one / "source.keras").read_bytes())
    assert start(root, two, 2, 8).wait(300) == 0
    expected, found = losses(one), losses(two)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name][:3] == pytest.approx(values, rel=1e-3), name

    running, deadline = start(root, killed, 2, 1000), time.monotonic() + 300
    try:
        while not (killed / "backup" / "epoch-001.weights.h5").exists():
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    done = len(list((killed / "backup").glob("epoch-*")))
    assert done < 8
    assert start(root, killed, 2, 8).wait(300) == 0
    resumed = losses(killed)
    for name, values in found.items():  # its last rows are of the run that went on
        assert resumed[name][done - 8 :] == pytest.approx(values[done:], rel=1e-4), name
    assert (killed / "target.keras").exists()
