"""People performing activities in front of several sensors, with the truth kept."""

import dataclasses
import itertools

import numpy as np

from keras_dcat.datasets.simulated.clock import Clock
from keras_dcat.datasets.simulated.movement import NUM_SCORES, Movement
from keras_dcat.datasets.simulated.people import draw_person, draw_session, perform
from keras_dcat.datasets.simulated.sensors import RATES, SENSORS
from keras_dcat.recordings import Recording, Stream
from keras_dcat.shown import counted, shown_as_printed

_DRAWS = ("activity", "person", "session", "clock", "replacement", "sensor")


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Simulation:
    """Simulated recordings with their true clocks and movements.

    Attributes:
        recordings: list of `Recording`, by subject, activity and repetition.
        clocks: list, one for each recording, of dicts from stream to `Clock`.
        movements: list, one for each recording, of dicts from stream to the
            `Movement` that it shows: joint angles, joint positions and the turns
            of the wrist at any true time.
    """

    recordings: list[Recording]
    clocks: list[dict[str, Clock]]
    movements: list[dict[str, Movement]]

    def __str__(self) -> str:
        subjects = {each.subject for each in self.recordings}
        classes = {each.label for each in self.recordings}
        return (
            f"<Simulation {counted(len(self.recordings), 'recording')} of "
            f"{counted(len(subjects), 'subject')}, "
            f"{counted(len(classes), 'class', 'classes')}, the first: "
            f"{next(iter(self.recordings), None)}>"
        )


def simulate(
    num_subjects: int = 8,
    num_activities: int = 6,
    num_repetitions: int = 2,
    *,
    duration: float = 6.0,
    streams: tuple[str, ...] = ("skeleton", "imu", "video", "audio"),
    informativeness: dict[str, float] | None = None,
    subject_variation: float = 0.4,
    session_variation: float = 0.2,
    noise: float = 1.0,
    clock_offset: float = 0.0,
    clock_drift: float = 0.0,
    seed: int = 0,
) -> Simulation:
    """People performing activities, seen by sensors whose truth is known.

    An activity is a set of postures, swings and a tempo, drawn at random. People
    differ in their limbs, tempo, vigour and handedness and in how they perform
    it; so does, less, every repetition. Every part is drawn by itself: subject 3
    is the same person however many others there are.

    The informativeness of a stream is the share of the variance between movements
    that is the activity's own; the rest is drawn anew for each recording. At 1
    all streams show the same movement; at 0 a stream shows one as lively that
    says nothing about the class; in between it says the more the larger the share
    is. Person and session are seen at any.

    Args:
        num_subjects: int. How many people.
        num_activities: int. How many activities, the labels.
        num_repetitions: int. How often everybody performs each.
        duration: float. Seconds of a recording, at least 0.1.
        streams: tuple of str. Which sensors there are, of
            `"skeleton"`, `"imu"`, `"video"` and `"audio"`.
        informativeness: dict from stream to a float from 0 to 1. 1 by default.
        subject_variation: float. How much people differ, as a share of how much
            activities do.
        session_variation: float. How much repetitions differ, likewise.
        noise: float. Share of the sensors' usual noise and bias; 0 for none.
        clock_offset: float. Standard deviation over recordings of what the clock
            of the `imu` shows at time 0, in seconds. Other clocks are true.
        clock_drift: float. Standard deviation of the seconds that it gains in a
            second.
        seed: int. Another one gives other activities, people and noise.

    Returns:
        `Simulation`. The streams of its recordings are

        - `skeleton` `(time, 45)`, float32, 20 Hz: 15 joints × (x, y, z) in
          metres from the pelvis, x to the person's right, y ahead, z up;
        - `imu` `(time, 6)`, float32, 50 Hz by its own clock: specific force in g
          and angular velocity in rad/s at the right wrist, in the sensor's axes;
        - `video` `(time, 24, 24, 1)`, uint8, 10 Hz;
        - `audio` `(time, 1)`, float32, 1000 Hz: tones where hands and feet turn
          round at their lowest points.

    Raises:
        ValueError: if a count, a duration, a spread or the seed is out of its
            range, or if a stream is unknown.

    Example:

    >>> simulation = simulate(2, 3, 1, informativeness={"imu": 0.5}, clock_offset=0.3)
    >>> len(simulation.recordings)
    6
    >>> {name: s.values.shape for name, s in simulation.recordings[0].streams.items()}
    {'skeleton': (120, 45), 'imu': (300, 6), 'video': (60, 24, 24, 1),
     'audio': (6000, 1)}
    >>> offset = simulation.clocks[0]["imu"].offset
    >>> offset == simulation.recordings[0].streams["imu"].start
    True
    """
    informativeness = {name: 1.0 for name in streams} | (informativeness or {})
    _check_ranges(
        num_subjects=(num_subjects, 1, np.inf),
        num_activities=(num_activities, 1, np.inf),
        num_repetitions=(num_repetitions, 1, np.inf),
        duration=(duration, 0.1, np.inf),
        subject_variation=(subject_variation, 0.0, np.inf),
        session_variation=(session_variation, 0.0, np.inf),
        noise=(noise, 0.0, np.inf),
        clock_offset=(clock_offset, 0.0, np.inf),
        clock_drift=(clock_drift, 0.0, 0.1),
        seed=(seed, 0, np.inf),
        **{f"informativeness[{n!r}]": (r, 0, 1) for n, r in informativeness.items()},
    )
    unknown = sorted({*informativeness} - {*SENSORS})
    if unknown or not streams:
        raise ValueError(
            f"`streams` and `informativeness` must name streams of {tuple(SENSORS)}. "
            f"Received: {unknown or 'no stream'}. Choose among those, at least one."
        )

    activities = [
        _rng(seed, "activity", number).standard_normal(NUM_SCORES)
        for number in range(num_activities)
    ]
    people = [
        draw_person(_rng(seed, "person", number), subject_variation)
        for number in range(num_subjects)
    ]
    simulation = Simulation([], [], [])
    counts = num_subjects, num_activities, num_repetitions
    for key in itertools.product(*map(range, counts)):
        subject, activity, repetition = key
        session = draw_session(_rng(seed, "session", *key), session_variation)
        offset, drift = _rng(seed, "clock", *key).standard_normal(2)
        watch = Clock(float(clock_offset * offset), float(clock_drift * drift))
        clocks, movements, sensed = {}, {}, {}
        for name in streams:
            number = tuple(SENSORS).index(name)
            scores = _blend(
                activities[activity],
                informativeness[name],
                _rng(seed, "replacement", *key, number),
            )
            clocks[name] = watch if name == "imu" else Clock()
            movements[name] = perform(scores, people[subject], session)
            rng = _rng(seed, "sensor", *key, number)
            sensed[name] = _sense(
                name, movements[name], clocks[name], duration, rng, noise
            )
        identity = f"simulated/s{subject:02d}_a{activity:02d}_r{repetition:02d}"
        simulation.recordings.append(Recording(sensed, activity, subject, identity))
        simulation.clocks.append(clocks)
        simulation.movements.append(movements)
    return simulation


def _check_ranges(**ranges):
    for name, (value, lowest, highest) in ranges.items():
        if not lowest <= value <= highest or value == np.inf:
            raise ValueError(
                f"`{name}` must be from {lowest} to {highest}. "
                f"Received: {value}. Choose a finite number within that range."
            )


def _rng(seed, draw, *key):
    """Random numbers that depend on nothing but what they are for."""
    key = (_DRAWS.index(draw), *key)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _blend(scores, share, rng):
    """Scores that owe `share` of their variance to the given ones."""
    replacement = rng.standard_normal(len(scores))
    return np.sqrt(share) * scores + np.sqrt(1.0 - share) * replacement


def _sense(name, movement, clock, duration, rng, noise):
    """A stream from the true time 0 on, evenly spaced on its own clock."""
    rate = RATES[name]
    steps = round(duration * (1 + clock.drift) * rate)
    times = clock.true(clock.offset + np.arange(steps) / rate)
    return Stream(SENSORS[name](movement, times, rng, noise), rate, clock.offset)
