import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer.distribution_alignment import DistributionAlignment
from tests.gradients import value_and_gradients
from tests.models import CLASSES, branch, pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def beliefs(rng, classes, preferred=0.0, count=600, sources=1):
    """Labels, and two beliefs of them that err independently and prefer class 0."""
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(sources + 1, count, classes))
    logits += 2.0 * np.eye(classes)[labels]
    logits[:, :, 0] += preferred
    logs = np.log(softmax(logits)).astype("float32")
    return labels, logs[:sources], logs[sources]


def seen(fuse, sources, target, labels, shares=None, times=60):
    """What it believes after it has seen the batch so many times."""
    shares = np.ones(sources.shape[:2], "float32") if shares is None else shares
    for _ in range(times):
        fuse(sources, target, labels, shares, training=True)
    return ops.convert_to_numpy(fuse(sources, target, labels, shares))


def half_known(labels):
    return np.where(np.arange(len(labels)) % 2, labels, -1)


def test_it_is_the_product_of_both_until_it_has_learned(rng):
    _, sources, target = beliefs(rng, 3, count=8, sources=2)
    fuse = DistributionAlignment(2, 3)
    found = fuse(sources, target, np.full(8, -1), np.ones((2, 8), "float32"))
    found = np.exp(ops.convert_to_numpy(found))
    for own, together in zip(np.exp(sources), found, strict=True):
        product = own * np.exp(target)
        product /= product.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(together, product, rtol=1e-4)


def test_classes_become_as_frequent_as_labels_and_more_windows_right(rng):
    labels, sources, target = beliefs(rng, 5, preferred=0.8)
    partly = half_known(labels)
    unknown = partly < 0
    fuse = DistributionAlignment(1, 5)
    before, after = (
        seen(fuse, sources, target, partly, times=n)[0][unknown] for n in (0, 200)
    )
    expected = np.bincount(labels[~unknown], minlength=5) / (~unknown).sum()
    np.testing.assert_allclose(np.exp(after).mean(axis=0), expected, atol=0.01)
    assert np.exp(before).mean(axis=0)[0] > expected[0] + 0.08
    right = [(x.argmax(axis=-1) == labels[unknown]).mean() for x in (before, after)]
    assert right[1] > right[0] + 0.01


def test_classes_that_have_no_even_share_keep_it(rng):
    labels, sources, target = beliefs(rng, 3)
    kept = (labels != 2) | (np.arange(len(labels)) % 4 == 0)
    labels, sources, target = labels[kept], sources[:, kept], target[kept]
    partly = half_known(labels)
    found = seen(DistributionAlignment(1, 3), sources, target, partly, times=200)[0]
    known = partly >= 0
    expected = np.bincount(labels[known], minlength=3) / known.sum()
    np.testing.assert_allclose(np.exp(found[~known]).mean(axis=0), expected, atol=0.01)


def test_only_training_moves_it(rng):
    labels, sources, target = beliefs(rng, 3)
    fuse = DistributionAlignment(1, 3)
    fuse(sources, target, half_known(labels), np.ones((1, 600), "float32"))
    assert not any(ops.convert_to_numpy(v.value).any() for v in fuse.variables)


@pytest.mark.parametrize("labels", ["none", "all"])
def test_without_windows_of_both_kinds_it_stays_the_product(rng, labels):
    true, sources, target = beliefs(rng, 3, preferred=1.0)
    y = np.full(600, -1) if labels == "none" else true
    fuse = DistributionAlignment(1, 3)
    seen(fuse, sources, target, y, times=3)
    assert not ops.convert_to_numpy(fuse.bias.value).any()


def test_what_may_not_teach_does_not_count_and_each_source_has_its_own(rng):
    labels, sources, target = beliefs(rng, 4, preferred=1.0, sources=2)
    silent = np.arange(600) >= 400
    other = sources.copy()
    other[1][silent] = other[1][silent][:, ::-1]

    def bias(sources, share):
        fuse, shares = DistributionAlignment(2, 4), np.ones((2, 600), "float32")
        shares[1, silent] = share
        found = seen(fuse, sources, target, half_known(labels), shares, times=5)
        assert found.shape == (2, 600, 4)
        return ops.convert_to_numpy(fuse.bias.value)

    # What a source says where it may not teach changes nothing; where it may, it does.
    np.testing.assert_allclose(bias(sources, 0), bias(other, 0), atol=1e-6)
    heard, otherwise = bias(sources, 1), bias(other, 1)
    assert np.abs(heard[1] - otherwise[1]).max() > 0.01
    np.testing.assert_allclose(heard[0], otherwise[0], atol=1e-6)
    assert np.abs(heard[0] - heard[1]).max() > 0.001


def test_no_gradient_reaches_the_target_by_it(rng):
    _, sources, target = beliefs(rng, 3, count=8)
    fuse, shares = DistributionAlignment(1, 3), np.ones((1, 8), "float32")

    def believed(target):
        found = fuse(sources, target, np.full(8, -1), shares)[0]
        return ops.sum(found * target)

    _, (found,) = value_and_gradients(believed, [target])
    expected = fuse(sources, target, np.full(8, -1), shares)[0]
    np.testing.assert_allclose(found, ops.convert_to_numpy(expected), rtol=1e-5)


def partly_labelled(rng):
    pair, labels = windows(rng)
    return pair, np.where(np.arange(len(labels)) % 4 < 2, labels, -1)


def test_training_moves_it_and_evaluation_does_not(rng):
    pair, labels = partly_labelled(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, verbose=0)
    before = snapshot(model.objective.alignment)
    bias, counts, *_ = before  # two that know nothing are sure of nothing
    assert np.abs(bias).max() > 0
    assert counts.max() > 0
    model.evaluate(pair, labels, verbose=0)
    for one, other in zip(snapshot(model.objective.alignment), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_is_saved_with_the_model_and_not_with_the_target(rng, tmp_path):
    pair, labels = partly_labelled(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(*map(snapshot, (loaded, model)), strict=True):
        np.testing.assert_array_equal(one, other)
    expected = model.evaluate(pair, labels, verbose=0, return_dict=True)
    found = loaded.evaluate(pair, labels, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)
    own = {id(v) for v in model.objective.alignment.variables}
    assert not own & {id(v) for v in model.target.variables}
    assert own <= {id(v) for v in model.variables}


def test_there_is_none_where_no_loss_reads_it():
    model = keras_dcat.DCATModel(
        *pair_of_branches(), loss=keras_dcat.MaskedCrossAttentionLoss()
    )
    assert model.objective.alignment is None


def test_several_sources_believe_each_for_itself(rng):
    pair, labels = partly_labelled(rng)
    other = rng.normal(size=(len(labels), 12, 5)).astype("float32")
    sources = [branch(5, steps=12), branch(5, steps=12)]
    model = keras_dcat.DCATModel(sources, branch(3, steps=20))
    model.fit(((pair[0], other), pair[1]), labels, verbose=0)
    bias = ops.convert_to_numpy(model.objective.alignment.bias.value)
    assert bias.shape == (2, CLASSES)
    assert np.abs(bias[0] - bias[1]).max() > 0


def test_a_label_is_counted_by_what_it_weighs(rng):
    labels, sources, target = beliefs(rng, 3, count=30)
    weights = rng.uniform(0, 2, 30).astype("float32")
    weights[20:] = 0
    fuse = DistributionAlignment(1, 3)
    shares = np.ones((1, 30), "float32")
    fuse(sources, target, labels, shares, weights=weights, training=True)
    expected = np.bincount(labels, weights, minlength=3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(fuse.counts.value), expected, rtol=1e-5
    )


def test_a_model_counts_no_label_that_weighs_nothing(rng):
    pair, labels = windows(rng)
    weights = (np.arange(32) < 20).astype("float32")
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, sample_weight=weights, epochs=1, batch_size=32, verbose=0)
    found = ops.convert_to_numpy(model.objective.alignment.counts.value)
    assert found.tolist() == [5, 5, 5, 5]


def believing(shares, surely, count=4000, threshold=0.9):
    """An alignment that has seen so many windows without a label, and 400 with one."""
    rng = np.random.default_rng(0)
    layer = DistributionAlignment(1, 3, threshold=threshold)
    classes = rng.choice(3, count, p=shares)
    sure = np.where(surely[classes][:, None], 0.98, 0.5)
    told = np.where(np.eye(3)[classes] > 0, sure, (1 - sure) / 2)
    labels = np.concatenate([np.arange(400) % 3, np.full(count, -1)])
    told = np.concatenate([np.full((400, 3), 1 / 3), told]).astype("float32")
    of_target = np.zeros_like(told)
    of_target[np.arange(400), labels[:400]] = 1.0  # it has learned the labels
    for rows in np.array_split(rng.permutation(len(told)), 20):
        layer(
            ops.array(np.log(told[rows]))[None],
            ops.array(of_target[rows]),
            ops.array(labels[rows]),
            ops.ones((1, len(rows))),
            training=True,
        )
    return layer


def test_a_class_that_is_believed_in_but_never_surely_is_neglected():
    found = believing([1 / 3] * 3, np.array([True, True, False]))
    ((label, number, due, share),) = found.neglected()
    assert (label, number) == (0, 2)
    assert due == pytest.approx(1 / 3, abs=0.02)
    assert share == 0


@pytest.mark.parametrize(
    ("shares", "surely", "count"),
    [
        ([1 / 3] * 3, [True] * 3, 4000),
        ([0.5, 0.4, 0.1], [True] * 3, 4000),  # rarer than labels, not forgotten
        ([1 / 3] * 3, [False] * 3, 4000),  # nothing is accepted: nothing is known
        ([1 / 3] * 3, [True, True, False], 60),  # too few to say so
    ],
)
def test_others_are_not(shares, surely, count):
    assert believing(shares, np.array(surely), count).neglected() == []


def test_what_has_been_accepted_is_counted_by_the_threshold():
    assert not ops.convert_to_numpy(
        believing([1 / 3] * 3, np.array([True] * 3), threshold=0.999).accepted
    ).any()


def asked_after(right):
    """What is believed of a window when such shares of labels of 3 classes were right.

    Of windows of which source and target are sure that they are of class 0, 1 and 2,
    and of one that the source takes for class 2 and both together for class 0.
    """
    layer = DistributionAlignment(1, 3)
    labels = np.repeat(np.arange(3), 100)
    told = np.roll(np.eye(3), 1, axis=0)[labels]  # wrong
    for label, share in enumerate(right):
        first = 100 * label
        told[first : first + int(100 * share)] = np.eye(3)[label]
    unsure, shares = np.zeros((1, 300, 3), "float32"), np.ones((1, 300), "float32")
    layer(unsure, told.astype("float32"), labels, shares, training=True)
    sources = np.log([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]])
    sources = np.concatenate([sources, np.log([[0.4, 0.1, 0.5]])])[None]
    target = np.concatenate([sources[0, :3], np.log([[0.98, 0.01, 0.01]])])
    found = layer(
        sources.astype("float32"),
        target.astype("float32"),
        np.full(4, -1),
        np.ones((1, 4), "float32"),
    )
    return np.exp(ops.convert_to_numpy(found)[0])


@pytest.mark.parametrize(
    ("right", "waiting"),
    [
        ((0.9, 0.9, 0.9), []),
        ((0.9, 0.3, 0.9), [1]),
        # The class that the source finds likeliest has not been learned.
        ((0.9, 0.9, 0.3), [2, 3]),
        ((0.3, 0.9, 0.9), [0, 3]),
        ((0.0, 0.0, 0.0), [0, 1, 2, 3]),
    ],
)
def test_a_class_waits_until_the_target_gets_half_of_its_labels_right(right, waiting):
    found = asked_after(right)
    for number, row in enumerate(found):
        if number in waiting:
            np.testing.assert_allclose(row, 1 / 3, rtol=1e-5)
        else:
            assert row.max() > 0.9
