import dataclasses
import functools

import keras
import numpy as np
import pytest

from keras_dcat.evaluation import Training
from keras_dcat.evaluation.study import described
from keras_dcat.windows import split_by_session, split_by_subject
from keras_dcat.windows.augmentation import TimeWarp
from tests.evaluation.studies import PAIR, RATES, modality, study, windows


def test_a_fingerprint_is_the_same_for_a_study_made_anew():
    prints = {study().fingerprint("official", PAIR, {"seed": 0}) for _ in range(2)}
    assert len(prints) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda s: dataclasses.replace(s, training=Training(epochs=3)),
        lambda s: dataclasses.replace(s, training=Training(together=TimeWarp(0.1))),
        lambda s: dataclasses.replace(
            s,
            modalities={
                **s.modalities,
                "imu": dataclasses.replace(modality("imu"), augmentation=None),
            },
        ),
        lambda s: dataclasses.replace(
            s,
            modalities={
                **s.modalities,
                "imu": dataclasses.replace(
                    modality("imu"), build=lambda t: modality("imu").build(t, filters=9)
                ),
            },
        ),
        lambda s: study(windows(repetitions=2)),
        lambda s: study(splits={"official": split_by_subject(windows(), ["p0"])}),
    ],
)
def test_a_fingerprint_changes_with_all_that_a_result_depends_on(change):
    before = study()
    prints = [s.fingerprint("official", PAIR, {}) for s in (before, change(before))]
    assert prints[0] != prints[1]


def judged_by(*people):
    """A study whose last person judges, or others; the first tests."""
    train, test = split_by_subject(windows(), ["p0"])
    train, judge = split_by_subject(train, ["p5"])
    if people:
        _, judge = split_by_subject(windows(), people)
    return study(splits={"official": (train, test)}, judges={"official": judge})


def test_who_judges_is_part_of_a_fingerprint():
    one = judged_by()
    other = dataclasses.replace(one, judges={})
    prints = [s.fingerprint("official", PAIR, {}) for s in (one, other)]
    assert prints[0] != prints[1]


@pytest.mark.parametrize("who", ["p0", "p1"])
def test_who_judges_neither_trains_nor_tests(who):
    with pytest.raises(ValueError, match="share"):
        judged_by(who, "p5")


def test_a_shorter_stream_beside_a_pair_changes_how_finely_time_is_warped():
    index = windows(rates={**RATES, "watch": 4.0})
    alone = study(index, modalities=PAIR)
    beside = study(index)
    assert (alone.fewest_steps(index), beside.fewest_steps(index)) == (8, 4)
    prints = [s.fingerprint("official", PAIR, {}) for s in (alone, beside)]
    assert prints[0] != prints[1]


def test_what_a_run_is_about_is_part_of_its_fingerprint():
    one = study()
    assert one.fingerprint("official", PAIR, {"seed": 0}) != one.fingerprint(
        "official", PAIR, {"seed": 1}
    )


def test_known_subjects_are_refused_unless_they_are_asked_for():
    index = windows()
    first = [s for s in np.unique(index.sessions).tolist() if s.endswith("0")]
    splits = {"first": split_by_session(index, first)}
    with pytest.raises(ValueError, match="share 6 subjects"):
        study(splits=splits)
    study(splits=splits, new_subjects=False)


def test_windows_on_both_sides_are_always_refused():
    index = windows()
    with pytest.raises(ValueError, match="share samples"):
        study(splits={"twice": (index, index)}, new_subjects=False)


def test_what_does_not_fit_the_windows_is_refused():
    one = study()
    with pytest.raises(ValueError, match=r"2 names.*from 0 to 2.*name each"):
        dataclasses.replace(one, class_names=("a", "b"))
    with pytest.raises(ValueError, match=r"\['radar'\].*\['camera', 'imu'\]"):
        dataclasses.replace(one, modalities={"radar": modality("imu")})


def scaled(windows, factor):
    return windows * factor


def scaled_by(factor):
    return lambda windows: windows * factor


@pytest.mark.parametrize(
    "make",
    [
        scaled_by,
        keras.layers.GaussianNoise,
        lambda factor: functools.partial(scaled, factor=factor),
        TimeWarp,
    ],
)
def test_what_varies_windows_is_told_from_what_does_so_otherwise(make):
    assert described(make(0.2)) == described(make(0.2))
    assert described(make(0.2)) != described(make(0.3))


def test_what_cannot_be_told_from_others_is_refused():
    class Jitter:
        def __call__(self, windows):
            return windows

    with pytest.raises(ValueError, match="Received: a Jitter.*dataclass"):
        described(Jitter())
