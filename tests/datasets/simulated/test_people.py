import dataclasses

import numpy as np
import pytest

from keras_dcat.datasets.simulated import Body
from keras_dcat.datasets.simulated.movement import NUM_SCORES, movement_from_scores
from keras_dcat.datasets.simulated.people import draw_person, draw_session, perform


def people(variation, count=400):
    return [draw_person(np.random.default_rng(n), variation) for n in range(count)]


def test_without_variation_everybody_is_the_same_average_person():
    for person in people(variation=0.0, count=3):
        assert person.body == Body()
        assert (person.vigour, person.handedness) == (0.0, 0.0)
        np.testing.assert_array_equal(person.scores, np.zeros(NUM_SCORES))


@pytest.mark.parametrize("variation", [0.2, 0.4])
def test_people_differ_as_much_as_asked(variation):
    drawn = people(variation)
    scores = np.array([person.scores for person in drawn])
    assert scores.std() == pytest.approx(variation, rel=0.02)
    for trait, spread in [("vigour", 0.5), ("handedness", 0.4)]:
        values = [getattr(person, trait) for person in drawn]
        assert np.std(values) == pytest.approx(variation * spread, rel=0.15)


def test_limbs_grow_together_and_each_for_itself():
    logs = np.log([[p.body.thigh, p.body.forearm] for p in people(variation=0.4)])
    # 0.15 of height shared, 0.1 of each limb's own, times the variation of 0.4
    assert logs.std(axis=0) == pytest.approx(0.4 * np.hypot(0.15, 0.1), rel=0.1)
    expected = 0.15**2 / (0.15**2 + 0.1**2)
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(expected, abs=0.1)


def test_sessions_begin_anywhere_in_the_cycle_and_differ_as_asked():
    sessions = [draw_session(np.random.default_rng(n), 0.2) for n in range(400)]
    phases = [session.phase for session in sessions]
    assert np.histogram(phases, bins=4, range=(0, 1))[0].min() > 70
    scores = np.array([session.scores for session in sessions])
    assert scores.std() == pytest.approx(0.2, rel=0.02)
    assert np.std([s.strap for s in sessions]) == pytest.approx(0.3, rel=0.15)
    sizes = np.array([session.sway[:, 0] for session in sessions])
    assert 0.05 <= sizes.min() < sizes.max() <= 0.1


def test_a_performance_is_the_activity_in_the_style_of_person_and_session(rng):
    activity = rng.standard_normal(NUM_SCORES)
    person, session = draw_person(rng, 0.4), draw_session(rng, 0.2)
    movement = perform(activity, person, session)
    expected = movement_from_scores(
        activity + person.scores + session.scores,
        dataclasses.replace(person.body, strap=session.strap),
        vigour=person.vigour,
        handedness=person.handedness,
        phase=session.phase,
        sway=session.sway,
    )
    assert movement.body == expected.body
    times = np.linspace(0, 3, 10)
    np.testing.assert_allclose(movement.angles(times), expected.angles(times))
