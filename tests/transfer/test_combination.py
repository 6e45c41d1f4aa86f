import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer import combination

# Two sources, three windows, two classes.
PROBABILITIES = np.array(
    [[[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [[0.7, 0.3], [0.1, 0.9], [0.4, 0.6]]],
    "float32",
)
LABELS = np.array([0, 0, -1], "int32")


def combined(name, shares, probabilities=PROBABILITIES):
    function = combination.get(name).shares
    arguments = np.array(shares, "float32"), LABELS, probabilities
    return ops.convert_to_numpy(function(*map(ops.convert_to_tensor, arguments)))


def test_the_mean_is_over_the_sources_that_may_teach():
    shares = combined("mean", [[1, 0.5, 0], [1, 0, 0]])
    np.testing.assert_allclose(shares, [[0.5, 0.5, 0], [0.5, 0, 0]])


def test_the_best_is_surest_of_the_true_class_or_of_any_without_a_label():
    shares = combined("best", np.ones((2, 3)))
    np.testing.assert_allclose(shares, [[1, 1, 1], [0, 0, 0]])
    swapped = combined("best", np.ones((2, 3)), PROBABILITIES[::-1])
    np.testing.assert_allclose(swapped, [[0, 0, 0], [1, 1, 1]])


def test_the_best_may_be_of_more_classes_than_there_are_sources():
    beliefs = np.array([[[0.1, 0.2, 0.7]], [[0.1, 0.3, 0.6]]], "float32")
    for label, expected in ((1, [[0], [1]]), (2, [[1], [0]])):
        shares = combination.best_source(
            ops.ones((2, 1)), ops.array([label]), ops.convert_to_tensor(beliefs)
        )
        assert ops.convert_to_numpy(shares).tolist() == expected


def test_a_source_that_may_not_teach_is_never_the_best():
    shares = combined("best", [[0, 0, 1], [1, 0.5, 0]])
    np.testing.assert_allclose(shares, [[0, 0, 1], [1, 0.5, 0]])


def test_sources_that_disagree_teach_nothing():
    shares = combined("agree", np.ones((2, 3)))
    np.testing.assert_allclose(shares, [[0.5, 0, 0.5], [0.5, 0, 0.5]])
    # The only one that may teach agrees with itself.
    alone = combined("agree", [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_allclose(alone, [[1, 1, 1], [0, 0, 0]])


@pytest.mark.parametrize(
    ("other", "agreed"),
    [
        ([0.6, 0.1, 0.3, 0.0], True),
        ([0.3, 0.6, 0.1, 0.0], False),  # only on what is least likely
    ],
)
def test_of_many_classes_the_likeliest_must_be_the_same(other, agreed):
    beliefs = np.array([[[0.6, 0.2, 0.2, 0.0]], [other]], "float32")
    shares = combination.agreeing_sources(
        ops.ones((2, 1)), None, ops.convert_to_tensor(beliefs)
    )
    assert ops.convert_to_numpy(shares).tolist() == [[agreed / 2], [agreed / 2]]


def test_a_product_believes_what_speaks_for_a_class_together():
    beliefs = ops.log(ops.convert_to_tensor(PROBABILITIES))
    transfer_mask = np.array([[1, 1, 1], [0.5, 1, 0]], "float32")
    joint = combination.get("product").belief(
        beliefs, ops.convert_to_tensor(transfer_mask)
    )
    joint = np.exp(ops.convert_to_numpy(joint))
    product = PROBABILITIES[0] * PROBABILITIES[1]
    product /= product.sum(axis=-1, keepdims=True)
    for source in joint:
        np.testing.assert_allclose(source[:2], product[:2], rtol=1e-5)
        np.testing.assert_allclose(source[2], PROBABILITIES[0, 2], rtol=1e-5)


@pytest.mark.parametrize("name", ["mean", "best", "agree"])
def test_no_other_combination_changes_what_a_source_believes(name):
    assert combination.get(name).belief("beliefs", "shares") == "beliefs"


@pytest.mark.parametrize("name", combination.COMBINATIONS)
def test_the_same_source_twice_teaches_as_much_as_once(name):
    twice = np.stack([PROBABILITIES[0]] * 2)
    shares = combined(name, [[1, 0.5, 0]] * 2, twice)
    np.testing.assert_allclose(shares.sum(axis=0), [1, 0.5, 0])


def test_an_unknown_combination_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"'vote'.*'mean', 'best', 'agree', 'product'"):
        combination.get("vote")


def test_a_source_that_is_not_there_has_no_say_whatever_it_rules_out():
    beliefs = np.array([[[-np.inf, 0.0]], [np.log([0.9, 0.1])]], "float32")
    there = ops.array([[0.0], [1.0]])
    found = ops.exp(combination.product_of_experts(ops.array(beliefs), there))
    assert ops.convert_to_numpy(found)[0, 0] == pytest.approx([0.9, 0.1], rel=1e-5)
