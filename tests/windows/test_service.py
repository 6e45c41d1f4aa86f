"""Batches that workers of a tf.data service make for one training, or for several."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_dcat import windows
from keras_dcat.recordings import Recording, Stream

service = tf.data.experimental.service


@pytest.fixture
def index(rng):
    recordings = [
        Recording(
            {
                "skeleton": Stream(rng.normal(size=(200, 6)).astype("float32"), 25.0),
                "imu": Stream(rng.normal(size=(400, 3)).astype("float32"), 50.0),
            },
            label=label,
            subject=label,
        )
        for label in range(3)
    ]
    return windows.index_windows(recordings, length=2.0, stride=1.0)


@pytest.fixture
def dispatcher():
    """A service with two workers."""
    dispatcher = service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    workers = [service.WorkerServer(service.WorkerConfig(address)) for _ in "12"]
    yield dispatcher
    del workers


def windows_of(batches):
    """What tells each window of a pass from the others, sorted."""
    found = [(x["target"][:, 0, 0], y) for x, y in batches]
    return sorted(zip(*map(np.concatenate, zip(*found, strict=True)), strict=True))


def test_two_workers_share_a_pass_and_every_pair_comes_once(index, dispatcher):
    pairs = windows.pair_dataset(index, "skeleton", "imu", batch_size=4)
    by_workers = service.distribute(service.ShardingPolicy.DYNAMIC, dispatcher.target)
    for _ in range(2):
        assert windows_of(pairs.apply(by_workers)) == windows_of(pairs)


def test_trainings_that_name_a_job_share_its_pairs(index, dispatcher):
    pairs = windows.pair_dataset(index, "skeleton", "imu", batch_size=4)
    by_workers = service.distribute(
        service.ShardingPolicy.DYNAMIC, dispatcher.target, job_name="epoch"
    )
    trainings = [iter(pairs.apply(by_workers)) for _ in "12"]
    assert windows_of(itertools.chain(*trainings)) == windows_of(pairs)
