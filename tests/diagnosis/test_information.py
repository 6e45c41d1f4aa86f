import itertools

import numpy as np
import pytest

from keras_dcat.diagnosis.information import LogisticFusion, information


def noisy(rng, labels, wrong, classes):
    """Log-probabilities of a classifier that is wrong that often, and knows it."""
    other = (labels + rng.integers(1, classes, size=len(labels))) % classes
    predicted = np.where(rng.random(len(labels)) < wrong, other, labels)
    p = np.full((len(labels), classes), wrong / (classes - 1))
    p[np.arange(len(labels)), predicted] = 1 - wrong
    return np.log(p)


def entropy(p):
    return -np.sum(p * np.log(p))


def exact(wrongs, classes):
    """`I(Y; predictions)` of independent such classifiers, by summing over all."""
    total = 0.0
    for predicted in itertools.product(range(classes), repeat=len(wrongs)):
        joint = np.full(classes, 1 / classes)
        for one, wrong in zip(predicted, wrongs, strict=True):
            joint *= np.where(
                np.arange(classes) == one, 1 - wrong, wrong / (classes - 1)
            )
        total += joint.sum() * (np.log(classes) - entropy(joint / joint.sum()))
    return total


@pytest.mark.parametrize("classes", [2, 5])
def test_information_is_what_summing_over_all_predictions_gives(rng, classes):
    labels = rng.integers(0, classes, size=4000)
    source, target = (noisy(rng, labels, wrong, classes) for wrong in (0.1, 0.3))
    found = information(labels, source, target, groups=np.arange(4000) // 200)
    assert found.source == pytest.approx(exact([0.1], classes), abs=0.03)
    assert found.target == pytest.approx(exact([0.3], classes), abs=0.03)
    assert found.both == pytest.approx(exact([0.1, 0.3], classes), abs=0.03)
    assert found.added == pytest.approx(found.both - found.target)
    low, high = found.added_interval
    assert low < exact([0.1, 0.3], classes) - exact([0.3], classes) < high
    # What two know of each other is what they know of one label through two noises.
    through = 0.1 * 0.3 / (classes - 1) + 0.9 * 0.7
    assert found.shared == pytest.approx(exact([1 - through], classes), abs=0.03)


def test_overconfidence_does_not_hide_information(rng):
    labels = rng.integers(0, 3, size=1500)
    source, target = (noisy(rng, labels, wrong, 3) for wrong in (0.2, 0.3))
    calm, sure = (information(labels, k * source, target) for k in (1, 9))
    assert sure.source == pytest.approx(calm.source)
    assert sure.added == pytest.approx(calm.added)


@pytest.mark.parametrize("kind", ["noise", "copy", "constant"])
def test_a_source_that_knows_nothing_new_adds_nothing(rng, kind):
    labels = rng.integers(0, 4, size=600)
    target = noisy(rng, labels, 0.3, 4)
    source = {
        "noise": noisy(rng, rng.permutation(labels), 0.1, 4),
        "copy": target,
        "constant": np.log(np.full((600, 4), 0.25)),
    }[kind]
    found = information(labels, source, target)
    assert found.added == pytest.approx(0, abs=5e-3)
    assert found.added_interval[0] < 2e-3


def test_the_interval_is_wider_if_groups_differ(rng):
    labels, groups = rng.integers(0, 3, size=600), np.arange(600) // 60
    target = noisy(rng, labels, 0.4, 3)
    source = np.where(
        (groups < 5)[:, None],
        noisy(rng, labels, 0.05, 3),
        noisy(rng, rng.permutation(labels), 0.05, 3),
    )
    widths = [
        np.ptp(information(labels, source, target, which).added_interval)
        for which in (None, groups)
    ]
    assert widths[1] > 1.5 * widths[0]


def test_a_class_that_no_fold_has_but_one_stays_finite(rng):
    labels = np.r_[np.arange(40) % 2, 2]
    scores = noisy(rng, labels, 0.2, 3)
    found = information(labels, scores, scores[::-1])
    assert np.isfinite([found.source, found.target, found.both, found.shared]).all()


def test_the_fit_is_where_the_penalized_likelihood_is_highest(rng):
    optimize = pytest.importorskip("scipy.optimize")
    labels = rng.integers(0, 3, size=80)
    scores = [noisy(rng, labels, wrong, 3) for wrong in (0.2, 0.4)]
    scores = [x + 0.3 * rng.normal(size=x.shape) for x in scores]
    fitted = LogisticFusion(scores, labels)
    inputs = [x - x.mean(axis=1, keepdims=True) for x in scores]
    inputs = [x / x.std() for x in inputs]

    def cost(parameters):
        logits = parameters[:3] + sum(
            slope * x for slope, x in zip(parameters[3:], inputs, strict=True)
        )
        chosen = logits[np.arange(80), labels]
        likelihood = chosen - np.log(np.exp(logits).sum(axis=1))
        return 0.5 * parameters @ parameters - likelihood.sum()

    expected = optimize.minimize(cost, np.zeros(5), tol=1e-10).x
    np.testing.assert_allclose(fitted.parameters, expected, atol=1e-4)


def test_how_often_a_label_holds_tells_nothing_of_it(rng):
    """Two labels, held by 1 in 10 and 9 in 10, and models that know no more."""
    kinds = np.tile([0, 1], 1000)
    often = np.array([0.1, 0.9])[kinds]
    labels = (rng.random(2000) < often).astype(int)
    told = np.log(np.stack([1 - often, often], axis=-1))
    groups = np.arange(2000) // 100
    found = information(labels, told, told, groups, kinds=kinds)
    assert found.source == pytest.approx(0, abs=0.01)
    assert information(labels, told, told, groups).source > 0.3


def test_information_on_labels_is_the_mean_of_that_on_each(rng):
    labels = rng.integers(0, 2, 3000)
    kinds, wrong = np.tile([0, 1, 2], 1000), (0.05, 0.2, 0.5)
    source = np.empty((3000, 2))
    for kind, share in enumerate(wrong):
        own = kinds == kind
        source[own] = noisy(rng, labels[own], share, 2)
    groups = np.arange(3000) // 150
    found = information(labels, source, np.zeros((3000, 2)), groups, kinds=kinds)
    expected = np.mean([exact([share], 2) for share in wrong])
    assert found.source == pytest.approx(expected, abs=0.03)
    assert found.added == pytest.approx(found.source, abs=0.01)
