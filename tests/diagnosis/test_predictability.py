import numpy as np
import pytest

from keras_dcat.diagnosis import predictability as module
from keras_dcat.diagnosis.predictability import (
    Ridge,
    predictability,
    principal_components,
)


def r2_by_the_normal_equations(features, outcomes, fold):
    """Of the best penalty; ridge with an intercept that is not shrunk."""
    scores = []
    for relative in module.PENALTIES:
        predicted = np.empty_like(outcomes)
        for number in np.unique(fold):
            seen, held = fold != number, fold == number
            x, y = features[seen], outcomes[seen]
            mean = x.mean(axis=0)
            square = (x - mean).T @ (x - mean)
            penalty = relative * np.trace(square) / len(square)
            shrunk = square + penalty * np.eye(len(square))
            slopes = np.linalg.solve(shrunk, (x - mean).T @ (y - y.mean(axis=0)))
            predicted[held] = (features[held] - mean) @ slopes + y.mean(axis=0)
        error = np.sum((outcomes - predicted) ** 2)
        scores.append(1 - error / np.sum((outcomes - outcomes.mean(axis=0)) ** 2))
    return max(scores)


def test_r2_is_that_of_the_normal_equations(rng):
    features = rng.normal(size=(60, 5)) * [1, 2, 3, 4, 5] + 7
    outcomes = features @ rng.normal(size=(5, 3)) + 4 * rng.normal(size=(60, 3))
    fold = np.arange(60) % 4
    expected = r2_by_the_normal_equations(features, outcomes, fold)
    assert 0.1 < expected < 0.9
    assert Ridge(features, fold).r2(outcomes) == pytest.approx(expected)


def test_r2_is_that_of_scikit_learn(rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    selection = pytest.importorskip("sklearn.model_selection")
    r2_score = pytest.importorskip("sklearn.metrics").r2_score
    features = rng.normal(size=(60, 4))
    outcomes = features @ rng.normal(size=(4, 3)) + rng.normal(size=(60, 3))
    groups = np.arange(60) // 12
    scores = []
    for penalty in np.geomspace(1e-3, 1e3, 25):
        predicted = selection.cross_val_predict(
            linear_model.Ridge(penalty),
            features,
            outcomes,
            groups=groups,
            cv=selection.LeaveOneGroupOut(),
        )
        scores.append(r2_score(outcomes, predicted, multioutput="variance_weighted"))
    # Its penalties are not relative to the features: the best are as good.
    found = Ridge(features, groups).r2(outcomes)
    assert found == pytest.approx(max(scores), abs=5e-3)


def test_what_depends_on_the_group_alone_cannot_be_told_of_another_group(rng):
    groups = np.arange(120) // 20
    outcomes = rng.normal(size=(6, 3))[groups] + 0.01 * rng.normal(size=(120, 3))
    features = np.eye(6)[groups] + 0.01 * rng.normal(size=(120, 6))
    assert Ridge(features, np.arange(120) % 5).r2(outcomes) > 0.9
    assert Ridge(features, groups).r2(outcomes) < 0


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_principal_components_are_those_of_the_singular_values(rng, shape):
    values = rng.normal(size=shape) + 5
    scores, share = principal_components(values, 3)
    left, singular, _ = np.linalg.svd(values - values.mean(axis=0))
    expected = left[:, :3] * singular[:3]
    np.testing.assert_allclose(np.abs(scores), np.abs(expected), atol=1e-8)
    assert share == pytest.approx((singular[:3] ** 2).sum() / (singular**2).sum())


def test_there_is_no_component_of_what_is_constant():
    scores, share = principal_components(np.full((10, 4), 3.3, "float32"), 3)
    assert scores.shape == (10, 0)
    assert share == 0
    told = predictability(np.ones((10, 4)), np.eye(10), np.arange(10) % 2)
    assert (told.r2, told.mispaired_p, told.components) == (0, 1, 0)


def linked(rng, strength, count=200):
    """A statistic and features that share something, and labels that do not matter."""
    hidden = rng.normal(size=(count, 3))
    noise = rng.normal(size=(2, count, 3))
    statistics = strength * hidden + noise[0]
    features = np.concatenate([hidden, noise[1]], axis=1) @ rng.normal(size=(6, 6))
    return statistics, features, np.arange(count) % 4


def test_r2_is_the_share_of_variance_that_the_two_share(rng):
    told = predictability(*linked(rng, strength=2.0, count=1000), permutations=20)
    assert told.r2 == pytest.approx(4 / 5, abs=0.03)
    assert told.mispaired_r2 == pytest.approx(0, abs=0.02)
    assert told.mispaired_p == told.same_class_p == 1 / 21
    assert (told.components, told.explained) == (3, pytest.approx(1))


@pytest.mark.parametrize("groups", [None, np.arange(200) // 20])
def test_one_in_twenty_of_unrelated_pairs_has_a_p_below_one_in_twenty(rng, groups):
    p = [
        predictability(*linked(rng, 0.0), groups, permutations=19).mispaired_p
        for _ in range(60)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.12
    assert np.mean(p) == pytest.approx(0.5, abs=0.12)


def test_groups_that_differ_do_not_make_unrelated_pairs_look_related(rng):
    p = []
    for _ in range(40):
        groups = np.arange(200) // 40
        statistics, features, labels = linked(rng, 0.0)
        statistics = statistics + 3 * rng.normal(size=(5, 3))[groups]
        features = features + 3 * rng.normal(size=(5, 6))[groups]
        told = predictability(statistics, features, labels, groups, permutations=19)
        p.append(told.mispaired_p)
    assert np.mean(np.array(p) <= 0.05) <= 0.15


def test_groups_that_differ_do_not_hide_that_pairs_are_related(rng):
    groups = np.arange(1000) // 250
    statistics, features, labels = linked(rng, 2.0, count=1000)
    statistics = statistics + 5 * rng.normal(size=(4, 3))[groups]
    features = features + 5 * rng.normal(size=(4, 6))[groups]
    told = predictability(statistics, features, labels, groups, permutations=19)
    assert told.r2 == pytest.approx(4 / 5, abs=0.03)
    assert told.mispaired_r2 == pytest.approx(0, abs=0.02)


def test_a_class_that_both_see_is_no_reason_to_pair_within_it(rng):
    labels, found = np.arange(200) % 4, []
    for _ in range(20):
        statistics, features = np.eye(4)[labels] + 0.3 * rng.normal(size=(2, 200, 4))
        told = predictability(statistics, features, labels, permutations=19)
        assert told.r2 > 0.4
        assert told.mispaired_p == 0.05
        assert told.same_class_r2 == pytest.approx(told.r2, abs=0.06)
        found.append(told.same_class_p)
    assert np.mean(found) == pytest.approx(0.5, abs=0.2)


def test_groups_of_one_class_each_are_swapped_with_one_another(rng):
    statistics, features, labels = linked(rng, 2.0)
    order = np.argsort(labels, kind="stable")
    sessions = np.arange(200) // 10
    told = predictability(
        statistics[order], features[order], labels[order], sessions, permutations=19
    )
    assert told.mispaired_r2 < 0.05
    assert told.mispaired_p == 0.05


def test_one_group_that_has_nearly_all_of_many_windows_is_told_from_itself(rng):
    features = rng.normal(size=(3000, 6))
    groups = (np.arange(3000) == 17).astype(int)  # not among those that are taken
    found = predictability(features @ rng.normal(size=(6, 4)), features, groups, groups)
    assert found.r2 > 0.99
    assert abs(found.mispaired_r2) < 0.1
