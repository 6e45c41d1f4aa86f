import pathlib
import warnings

import numpy as np
import pytest

from keras_dcat.datasets import load_sp_sw_har, simulate
from keras_dcat.recordings import Stream, estimate_offset, join, mend

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "sp_sw_har"


def estimates(pairs, **options):
    """Estimates of pairs whose clocks are the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "An offset is to be believed")
        return [estimate_offset(*pair, max_offset=2.0, **options) for pair in pairs]


def share_within(found, offset=0.0):
    """Share of offsets that are within twice their uncertainty of the truth."""
    return np.mean(
        [abs(each.offset - offset) <= 2 * each.uncertainty for each in found]
    )


@pytest.mark.parametrize(
    "pair", [("skeleton", "imu"), ("audio", "imu"), ("video", "imu")]
)
def test_most_offsets_of_unlike_sensors_are_within_twice_their_uncertainty(pair):
    simulation = simulate(4, 4, 1, duration=40.0, streams=pair, seed=11)
    found = estimates(
        [each.streams[name] for name in pair] for each in simulation.recordings
    )
    assert share_within(found) >= 0.8
    assert np.median([each.uncertainty for each in found]) < 0.3  # it says something


def test_what_is_alike_is_certain_to_milliseconds():
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(9000, 3)).cumsum(axis=0)
    noisy = motion + rng.normal(0, 0.3, motion.shape)
    (found,) = estimates([(Stream(motion, 50.0), Stream(noisy, 50.0, start=0.3))])
    assert abs(found.offset - 0.3) < 2 * found.uncertainty
    assert found.uncertainty < 0.015


def test_a_longer_recording_is_more_certain_of_the_drift():
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(30_000, 3)).cumsum(axis=0)
    noisy = motion + rng.normal(0, 3.0, motion.shape)
    short, long = estimates(
        (Stream(motion[:steps], 50.0), Stream(noisy[:steps], 50.0))
        for steps in (6000, 30_000)
    )
    assert long.drift_uncertainty < short.drift_uncertainty / 3
    (shortest,) = estimates([(Stream(motion[:2000], 50.0), Stream(noisy[:2000], 50.0))])
    assert shortest.drift_uncertainty == 1e-3  # it cannot be told: as large as may be


def test_streams_of_one_channel_are_as_uncertain_as_their_movement_is_wide():
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(6000, 1)).cumsum(axis=0)
    other = motion + 0.5 * rng.normal(size=(6000, 1)).cumsum(axis=0)
    whole, alone = estimates(
        [
            (
                Stream(np.repeat(motion, 3, 1), 50.0),
                Stream(np.repeat(other, 3, 1), 50.0),
            ),
            (Stream(motion, 50.0), Stream(other, 50.0)),
        ]
    )
    assert alone.offset == pytest.approx(whole.offset, abs=1e-3)
    assert alone.uncertainty > whole.uncertainty


@pytest.mark.skipif(not SHARED.exists(), reason="SP-SW-HAR is not on this machine")
@pytest.mark.parametrize("device", ["phone", "watch"])
def test_most_offsets_within_one_real_device_are_within_twice_their_uncertainty(device):
    recordings = load_sp_sw_har(SHARED / "sp-sw-har-original.zip")
    pairs = []
    for subject in range(1, 24):
        whole = join([each for each in recordings if each.subject == subject])
        stream, _ = mend(whole.streams[device], packets="centre")
        pairs.append(
            [
                Stream(stream.values[:, part], timestamps=stream.times)
                for part in (slice(3), slice(3, 6))
            ]
        )
    found = estimates(pairs)
    assert share_within(found) >= 0.8
    believed = [each for each in found if each.is_believed]
    moved = [
        pair[1] is not each.corrected(pair[1])
        for each, pair in zip(found, pairs, strict=True)
        if each in believed
    ]
    assert np.mean(moved) <= 0.25
