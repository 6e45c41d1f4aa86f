import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from keras_dcat.datasets.simulated import JOINTS, RATES, simulate

STREAMS = ("skeleton", "imu", "video", "audio")
SHORT = {"duration": 1.0}


def by_session(simulation):
    return {recording.session: recording for recording in simulation.recordings}


def assert_equal(first, second, names=STREAMS):
    for name in names:
        one, other = first.streams[name], second.streams[name]
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.rate, one.start) == (other.rate, other.start)


def test_there_is_one_recording_for_each_subject_activity_and_repetition():
    simulation = simulate(3, 4, 2, duration=2.0)
    recordings = simulation.recordings
    keys = [(r.subject, r.label) for r in recordings]
    assert keys == [(s, a) for s in range(3) for a in range(4) for _ in range(2)]
    assert len(by_session(simulation)) == 24
    assert len(simulation.clocks) == len(simulation.movements) == 24
    shapes = {"skeleton": (40, 45), "imu": (100, 6), "video": (20, 24, 24, 1)}
    shapes["audio"] = (2000, 1)
    dtypes = dict.fromkeys(STREAMS, "float32") | {"video": "uint8"}
    for recording in recordings:
        values = {name: s.values for name, s in recording.streams.items()}
        assert {name: v.shape for name, v in values.items()} == shapes
        assert {name: v.dtype for name, v in values.items()} == dtypes
        assert {n: s.rate for n, s in recording.streams.items()} == RATES
        assert all(np.isfinite(v).all() for v in values.values())


def test_a_seed_gives_the_same_again_and_another_seed_does_not():
    first, again, other = (simulate(1, 1, 1, seed=s, **SHORT) for s in (3, 3, 4))
    assert_equal(first.recordings[0], again.recordings[0])
    for name in STREAMS:
        values = [s.recordings[0].streams[name].values for s in (first, other)]
        assert np.mean(values[0] != values[1]) > 0.1


def test_a_recording_does_not_depend_on_the_others():
    few = by_session(simulate(2, 2, 1, clock_offset=1.0, **SHORT))
    many = by_session(simulate(3, 4, 2, clock_offset=1.0, **SHORT))
    assert few.keys() < many.keys()
    for session, recording in few.items():
        assert_equal(recording, many[session])


def test_a_stream_does_not_depend_on_the_others():
    everything = simulate(1, 2, 1, clock_offset=1.0, **SHORT)
    two = simulate(
        1,
        2,
        1,
        streams=("audio", "imu"),
        informativeness={"audio": 0.3},
        clock_offset=1.0,
        **SHORT,
    )
    for one, other in zip(everything.recordings, two.recordings, strict=True):
        assert other.streams.keys() == {"audio", "imu"}
        assert_equal(one, other, ["imu"])
        audio = [r.streams["audio"].values for r in (one, other)]
        assert np.abs(audio[0] - audio[1]).max() > 0.01


def test_all_clocks_are_true_unless_asked_otherwise():
    simulation = simulate(2, 2, 1, **SHORT)
    for recording, clocks in zip(simulation.recordings, simulation.clocks, strict=True):
        assert {s.span for s in recording.streams.values()} == {(0.0, 1.0)}
        assert {(c.offset, c.drift) for c in clocks.values()} == {(0.0, 0.0)}


def test_the_clock_of_the_imu_is_off_by_what_is_returned():
    options = {"duration": 20.0, "noise": 0.0, "streams": ("skeleton", "imu")}
    right = simulate(1, 2, 1, **options)
    wrong = simulate(1, 2, 1, clock_offset=0.5, clock_drift=0.01, **options)
    for true, off, clocks in zip(
        right.recordings, wrong.recordings, wrong.clocks, strict=True
    ):
        assert_equal(true, off, ["skeleton"])
        clock, stream = clocks["imu"], off.streams["imu"]
        assert stream.rate == 50.0
        assert stream.start == clock.offset != 0.0
        assert stream.duration == pytest.approx(20.0 * (1 + clock.drift), abs=0.011)
        # Read off the shown time, it is what the true one felt at the true time.
        times = (stream.times - clock.offset) / (1 + clock.drift)
        reference = true.streams["imu"]
        inside = times <= reference.times[-1]
        felt, expected, naive = stream.values[inside], [], []
        for channel in reference.values.T:
            expected.append(np.interp(times[inside], reference.times, channel))
            naive.append(np.interp(stream.times[inside], reference.times, channel))
        error = np.abs(felt - np.transpose(expected)).mean()
        assert error < 0.05 * np.abs(felt - np.transpose(naive)).mean()


def test_offsets_and_drifts_spread_as_asked():
    simulation = simulate(
        30, 5, 2, duration=0.1, streams=("imu",), clock_offset=0.4, clock_drift=1e-4
    )
    clocks = [each["imu"] for each in simulation.clocks]
    assert np.std([c.offset for c in clocks]) == pytest.approx(0.4, rel=0.15)
    assert np.std([c.drift for c in clocks]) == pytest.approx(1e-4, rel=0.15)


def test_the_movement_returned_is_the_one_that_was_seen():
    simulation = simulate(1, 2, 1, noise=0.0, informativeness={"imu": 0.5}, **SHORT)
    for recording, movements in zip(
        simulation.recordings, simulation.movements, strict=True
    ):
        seen = recording.streams["skeleton"]
        joints = movements["skeleton"].joints(seen.times)
        np.testing.assert_allclose(seen.values, joints.reshape(-1, 45), atol=1e-6)
        # Gravity apart, the sensor feels what its own movement's wrist does.
        felt = recording.streams["imu"]
        _, frames = movements["imu"].wrist(felt.times)
        step = 1e-3
        places = [movements["imu"].joints(felt.times + s) for s in (-step, 0, step)]
        before, here, after = (p[:, JOINTS.index("right wrist")] for p in places)
        force = (before - 2 * here + after) / step**2 + [0, 0, 9.81]
        expected = np.einsum("tij,ti->tj", frames, force) / 9.81
        np.testing.assert_allclose(felt.values[:, :3], expected, atol=1e-3)


def test_at_full_informativeness_all_streams_show_one_movement():
    (movements,) = simulate(1, 1, 1, **SHORT).movements
    angles = [movement.angles(np.linspace(0, 6, 9)) for movement in movements.values()]
    for other in angles[1:]:
        np.testing.assert_array_equal(other, angles[0])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_informativeness_is_the_share_of_variance_that_is_the_activitys_own(share):
    options = {"streams": ("skeleton",), "duration": 0.1}
    options |= {"subject_variation": 0.0, "session_variation": 0.0}
    own = simulate(1, 200, 1, **options)
    seen = simulate(1, 200, 1, informativeness={"skeleton": share}, **options)
    own, seen = (
        np.array([m["skeleton"].cosines[0] for m in simulation.movements])
        for simulation in (own, seen)
    )
    found = [np.corrcoef(*pair)[0, 1] for pair in zip(own.T, seen.T, strict=True)]
    assert np.mean(found) == pytest.approx(np.sqrt(share), abs=0.05)
    # As lively as ever: the spread of the swing does not depend on the share.
    spread = np.array([0.08, 0.3])  # lean, shoulder flexion
    assert seen[:, [0, 2]].std(axis=0) == pytest.approx(spread, rel=0.15)


def test_what_replaces_the_activity_is_drawn_for_each_recording_and_stream():
    nothing = dict.fromkeys(STREAMS, 0.0)
    simulation = simulate(2, 2, 2, informativeness=nothing, **SHORT)
    shown = [m.cosines[0] for each in simulation.movements for m in each.values()]
    likeness = np.abs(np.corrcoef(shown)[np.triu_indices(len(shown), 1)])
    # The style of the person is shared, the activity is not.
    assert likeness.max() < 0.9


def test_noise_is_drawn_for_each_recording_and_stream():
    noisy, clean = (
        simulate(2, 2, 2, noise=noise, streams=("skeleton", "imu"), **SHORT)
        for noise in (1.0, 0.0)
    )
    errors = [
        (one.streams[name].values - other.streams[name].values)[:20, :6].ravel()
        for one, other in zip(noisy.recordings, clean.recordings, strict=True)
        for name in ("skeleton", "imu")
    ]
    likeness = np.abs(np.corrcoef(errors)[np.triu_indices(len(errors), 1)])
    assert likeness.max() < 0.8


def statistics(values):
    """What a simple classifier looks at: level, spread and speed, or a spectrum."""
    values = values.reshape(len(values), -1).astype("float32")
    if values.shape[1] > 1:
        speed = np.abs(np.diff(values, axis=0))
        return np.concatenate([values.mean(0), values.std(0), speed.mean(0)])
    power = np.abs(np.fft.rfft(values[:, 0])) ** 2
    bands = [np.log(band.sum()) for band in np.array_split(power, 40)]
    loudness = np.abs(values[:, 0]).reshape(-1, 50).mean(axis=1)
    rhythm = np.abs(np.fft.rfft(loudness - loudness.mean()))[:30]
    return np.concatenate([bands, rhythm])


def accuracy_on_unseen_people(stream, share, seed=0):
    simulation = simulate(
        40, 4, 2, streams=(stream,), informativeness={stream: share}, seed=seed
    )
    recordings = simulation.recordings
    inputs = np.array([statistics(r.streams[stream].values) for r in recordings])
    labels = np.array([r.label for r in recordings])
    known = np.array([r.subject for r in recordings]) < 20
    model = ExtraTreesClassifier(50, max_features=0.2, random_state=0)
    model.fit(inputs[known], labels[known])
    return model.score(inputs[~known], labels[~known])


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_tells_the_class_the_better_the_more_informative_it_is(stream):
    nothing, half, everything = (
        accuracy_on_unseen_people(stream, share) for share in (0.0, 0.5, 1.0)
    )
    # Chance is 1/4; 0.1 is 3 standard errors of 160 recordings.
    assert abs(nothing - 0.25) < 0.1
    assert everything > 0.6
    assert nothing + 0.07 < half < everything - 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_subjects": 0}, r"`num_subjects` must be from 1.*Received: 0.*Choose"),
        ({"duration": 0.01}, r"`duration` must be from 0\.1.*Received: 0\.01.*Choose"),
        ({"noise": np.nan}, r"`noise` must be.*Received: nan.*finite"),
        ({"clock_drift": 0.5}, r"`clock_drift`.*to 0\.1.*Received: 0\.5.*Choose"),
        ({"seed": -1}, r"`seed` must be from 0.*Received: -1.*Choose"),
        (
            {"informativeness": {"imu": 1.5}},
            r"`informativeness\['imu'\]` must be from 0 to 1\. Received: 1\.5.*Choose",
        ),
        ({"streams": ("radar",)}, r"Received: \['radar'\].*Choose among those"),
        ({"informativeness": {"gyro": 1.0}}, r"\['gyro'\].*Choose among those"),
        ({"streams": ()}, r"Received: no stream.*at least one"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_remedy(options, message):
    with pytest.raises(ValueError, match=message):
        simulate(**options)
