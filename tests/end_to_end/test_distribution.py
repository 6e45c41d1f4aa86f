"""Training on several devices, each in a process of its own."""

import subprocess
import sys
import textwrap

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
            model = keras_dcat.DCATModel(source, target, transfer_weight=1.0)
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
