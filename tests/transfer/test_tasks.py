"""What a model may end in: every loss, mask and metric of it, by NumPy in float64."""

import keras
import numpy as np
import pytest
from sklearn.metrics import r2_score

import keras_dcat
from keras_dcat.transfer import (
    AgreementPseudoLabels,
    FeatureInfoNCE,
    FusedPseudoLabels,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
    NegativeTransferGuard,
)
from keras_dcat.transfer.gating.gates import ErrorBelow
from tests import heads, references
from tests.models import snapshot

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def evaluated(model, x, y, **options):
    model.compile(run_eagerly=keras.backend.backend() == "tensorflow")
    options = {"batch_size": len(y), "verbose": 0, "return_dict": True, **options}
    return model.evaluate(x, y, **options)


def predicted(model, name, pair):
    """What source and target say: probabilities of decisions, at the target's steps."""
    source, target = (
        m.predict(x, verbose=0)
        for m, x in zip((model.sources[0], model.target), pair, strict=True)
    )
    source = heads.decisions(name, heads.at_target_steps(name, source))
    return source, heads.decisions(name, target)


def distances(model, pair, normalization="source"):
    """How far apart `KᵀV` of source and target are, `(batch,)`."""
    outputs = model({"source": pair[0], "target": pair[1]}, training=False)
    ((source, target),) = keras.tree.map_structure(
        keras.ops.convert_to_numpy, outputs.sources[0].projections
    )
    return references.loss(source, target, normalization)


def by_window(rows, count):
    return np.reshape(rows, (count, -1)).mean(axis=-1)


def cross_entropy(probabilities, classes):
    return -np.log(probabilities[np.arange(len(classes)), np.maximum(classes, 0)])


LOSSES = [
    MaskedCrossAttentionLoss(),
    LogitsDistillation(1.0),
    AgreementPseudoLabels(),
    FusedPseudoLabels(0.0),
]


def label_count(model):
    return model.head.num_labels


def balanced(classes, right):
    """The mean over labels of the mean share of no and of yes that is found."""
    shares = [
        np.mean([r[c == answer].mean() for answer in (0, 1)])
        for c, r in zip(classes.T, right.T, strict=True)
    ]
    return np.mean(shares)


@pytest.mark.parametrize("name", heads.BELIEVING)
def test_losses_masks_and_metrics_are_those_of_numpy(rng, name):
    pair, labels = heads.windows(rng), heads.labels(name, rng)
    model = heads.joined(name, transfer_weight=0.5, loss=LOSSES)
    found = evaluated(model, pair, labels)
    source, target = predicted(model, name, pair)
    classes = heads.classes(name, labels)
    known = classes >= 0
    right = known & (source.argmax(-1) == classes)
    agreed = source.argmax(-1) == target.argmax(-1)
    fused = (source * target).argmax(-1)
    divergence = (source * np.log(source / target)).sum(-1)
    apart = distances(model, pair)
    expected = {
        "classification_loss": cross_entropy(target, classes)[known].mean(),
        "accuracy": (target.argmax(-1) == classes)[known].mean(),
        "source_accuracy": right[known].mean(),
        "labelled_share": known.mean(),
        "unmasked_share": right.mean(),  # the least of all gates
        "cross_attention_loss": (apart * by_window(right, len(apart))).mean(),
        "distillation_loss": divergence.mean(),
        "agreement_loss": (agreed * -np.log(target.max(-1))).mean(),
        "fused_loss": (~known * cross_entropy(target, fused)).mean(),
    }
    transfer = sum(
        expected[f"{loss}_loss"]
        for loss in ("cross_attention", "distillation", "agreement", "fused")
    )
    expected["loss"] = expected["classification_loss"] + 0.5 * transfer
    if name.startswith(("sigmoid", "binary")):
        by_label = (x.reshape(-1, label_count(model)) for x in (classes, right))
        expected["source_balanced_accuracy"] = balanced(*by_label)
    assert 0 < expected["source_accuracy"] < 1
    for what, value in expected.items():
        assert found[what] == pytest.approx(value, rel=2e-4, abs=1e-6), what


@pytest.mark.each_value
@pytest.mark.parametrize("name", ["value", "values"])
@pytest.mark.parametrize("threshold", [0.6, None])
def test_a_regression_is_masked_where_the_source_errs(rng, name, threshold):
    pair, labels = heads.windows(rng), heads.labels(name, rng)
    gate = ErrorBelow(threshold)
    model = heads.joined(
        name, gate=gate, transfer_weight=0.5, loss=MaskedCrossAttentionLoss()
    )
    found = evaluated(model, pair, labels)
    y = labels.reshape(len(labels), -1).astype("float64")
    source, target = (
        m.predict(x, verbose=0)
        for m, x in zip((model.sources[0], model.target), pair, strict=True)
    )
    known = ~np.isnan(y)
    is_labelled = known.any(axis=-1)
    errors = np.array(
        [
            np.abs(a - b)[k].mean() if k.any() else np.inf
            for a, b, k in zip(source, y, known, strict=True)
        ]
    )
    limit = threshold
    if threshold is None:
        limit = np.sort(errors[is_labelled])[(is_labelled.sum() - 1) // 2]
    mask = is_labelled & (errors <= limit)
    apart = distances(model, pair)
    expected = {
        "classification_loss": np.square(target - y)[known].mean(),
        "mean_absolute_error": np.abs(target - y)[known].mean(),
        "source_error": errors[is_labelled].mean(),
        "source_r2": np.mean(
            [
                r2_score(a[k], b[k])
                for a, b, k in zip(y.T, source.T, known.T, strict=True)
            ]
        ),
        "labelled_share": is_labelled.mean(),
        "unmasked_share": mask.mean(),
        "cross_attention_loss": (apart * mask).mean(),
    }
    expected["loss"] = (
        expected["classification_loss"] + 0.5 * expected["cross_attention_loss"]
    )
    assert 0 < mask.mean() < 1
    for what, value in expected.items():
        assert found[what] == pytest.approx(value, rel=2e-4), what


def compiled(model):
    # Not Adam, which makes steps of the noise where a gradient should be 0.
    model.compile(keras.optimizers.SGD(0.05, momentum=0.5))
    return model


def fit(model, pair, labels, epochs=1):
    guard = NegativeTransferGuard(only_warn=True)
    options = {"batch_size": 24, "shuffle": False, "verbose": 0, "callbacks": [guard]}
    return model.fit(pair, labels, epochs=epochs, **options).history


# Of classes, of yes or no, of values: one of each is traced, or is not left out.
TRACED = ("logits", "binary steps", "value")
ONE_OF_EACH = [
    pytest.param(name, marks=[] if name in TRACED else pytest.mark.slow)
    for name in heads.HEADS
]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[pytest.mark.traced if name in TRACED else pytest.mark.slow]
        )
        for name in heads.HEADS
    ],
)
def test_the_default_trains_and_goes_on_from_a_file(rng, tmp_path, name):
    pair, labels = heads.windows(rng), heads.labels(name, rng)
    model = compiled(heads.joined(name))
    history = fit(model, pair, labels, epochs=2)
    assert all(np.isfinite(values).all() for values in history.values())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.head == model.head
    assert list(loaded.terms) == list(model.terms)
    for one, other in zip(*map(snapshot, (model, loaded)), strict=True):
        np.testing.assert_array_equal(one, other)
    for each in (model, loaded):
        fit(each, pair, labels)
    for one, other in zip(*map(snapshot, (model, loaded)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert model.predict(pair[1], verbose=0).shape == (24, *model.head.output_shape)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_what_is_cached_of_a_source_teaches_as_the_source(rng, name):
    pair, labels = heads.windows(rng), heads.labels(name, rng)
    model = heads.joined(name)
    expected = evaluated(model, pair, labels)
    cached = model.cache_source(pair, verbose=0)
    found = evaluated(model, cached, labels)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.each_value
@pytest.mark.parametrize("name", ["sigmoid", "sigmoids"])
@pytest.mark.parametrize("combination", ["mean", "best", "agree", "product"])
def test_several_sources_of_yes_or_no_are_combined_decision_by_decision(
    rng, name, combination
):
    pair, labels = heads.windows(rng, sources=2), heads.labels(name, rng)
    model = heads.joined(
        name, 2, combination=combination, gate="soft", loss=LogitsDistillation(1.0)
    )
    found = evaluated(model, pair, labels)
    believed = np.stack(
        [
            heads.decisions(name, s.predict(x, verbose=0))
            for s, x in zip(model.sources, pair[0], strict=True)
        ]
    )
    target = model.target.predict(pair[1], verbose=0)
    target, classes = heads.decisions(name, target), heads.classes(name, labels)
    own = believed
    if combination == "product":
        together = believed.prod(axis=0)
        together /= together.sum(axis=-1, keepdims=True)
        believed = np.stack([together] * 2)
    asked = np.where(classes < 0, believed.argmax(-1), classes)
    sure = np.take_along_axis(believed, asked[..., None], axis=-1)[..., 0]
    shares = sure / 2
    if combination == "best":
        shares = sure * (np.arange(2)[:, None] == sure.argmax(axis=0))
    if combination == "agree":
        shares = shares * (believed.argmax(-1)[0] == believed.argmax(-1)[1])
    divergence = (believed * np.log(believed / target)).sum(-1)
    expected = (divergence * shares).mean(axis=-1).sum()
    assert found["distillation_loss"] == pytest.approx(expected, rel=2e-4)
    assert found["unmasked_share"] == pytest.approx(shares.sum(axis=0).mean(), rel=1e-4)
    known = classes >= 0
    for at in range(2):
        right = (own[at].argmax(-1) == classes)[known].mean()
        assert found[f"source_accuracy_{at}"] == pytest.approx(right, rel=1e-5)


@pytest.mark.each_value
@pytest.mark.parametrize("name", ["sigmoids", "class steps", "binary steps", "values"])
@pytest.mark.parametrize("by", ["window", "step"])
def test_sample_weights_weigh_windows_or_steps(rng, name, by):
    pair, labels = heads.windows(rng), heads.labels(name, rng)
    by_step = "steps" in name
    if by == "step" and not by_step:
        pytest.skip("has no steps")
    is_regression = name == "values"
    losses = [MaskedCrossAttentionLoss()]
    losses += [] if is_regression else [LogitsDistillation(1.0)]
    model = heads.joined(name, gate="all", loss=losses)
    shape = (24, 20) if by == "step" else (24,)
    weights = rng.uniform(0, 2, shape).astype("float32")
    found = evaluated(model, pair, labels, sample_weight=weights)
    windows = weights.mean(axis=-1) if by == "step" else weights
    expected = (distances(model, pair) * windows).mean()
    assert found["cross_attention_loss"] == pytest.approx(expected, rel=2e-4)
    if is_regression:
        target = model.target.predict(pair[1], verbose=0)
        errors = np.square(target - labels) * windows[:, None]
        expected = np.nanmean(errors)
    else:
        source, target = predicted(model, name, pair)
        classes = heads.classes(name, labels)
        each = np.repeat(weights.reshape(-1), len(classes) // weights.size)
        divergence = (source * np.log(source / target)).sum(-1)
        expected = (divergence * each).mean()
        assert found["distillation_loss"] == pytest.approx(expected, rel=2e-4)
        known = classes >= 0
        expected = (cross_entropy(target, classes) * each)[known].mean()
    assert found["classification_loss"] == pytest.approx(expected, rel=2e-4)


def test_a_gate_of_classes_cannot_judge_a_regression_nor_the_other_way_round():
    with pytest.raises(ValueError, match=r"gate='soft', for models of a regression"):
        heads.joined("value", gate="soft", loss=FeatureInfoNCE())
    with pytest.raises(ValueError, match=r"for models of classes. Use 'correct'"):
        heads.joined("sigmoid", gate=ErrorBelow())
    model = heads.joined("value", gate="correct", loss=FeatureInfoNCE())
    assert isinstance(model.terms["info_nce_loss"].gate, ErrorBelow)


def test_a_loss_of_beliefs_is_refused_for_a_regression_with_a_cure_that_works():
    with pytest.raises(ValueError, match=r"values, not classes.*FeatureInfoNCE\(\)"):
        heads.joined("value", loss=[LogitsDistillation(), FeatureInfoNCE()])
    heads.joined("value", loss=[FeatureInfoNCE()])


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_target_is_exactly_alone_without_a_weight(rng, name):
    pair, labels = heads.windows(rng), heads.labels(name, rng)
    states = []
    for weight in (0.0, 0.0, 1.0):
        keras.utils.set_random_seed(2)
        model = compiled(heads.joined(name, transfer_weight=weight))
        seen = -3 * pair[0] if len(states) == 1 else pair[0]
        fit(model, (seen, pair[1]), labels)
        states.append(model.target.get_weights())
    for one, other in zip(*states[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not all(map(np.array_equal, states[0], states[2]))


def test_a_model_of_the_package_takes_the_heads_name():
    model = heads.joined("sigmoids")
    assert isinstance(model, keras_dcat.DCATModel)
    assert model.num_classes == 2
    assert heads.joined("values").num_classes is None


SHOWN = ("share", "source_")


@pytest.mark.parametrize("name", list(heads.HEADS))
def test_a_window_that_weighs_nothing_counts_in_nothing_that_is_shown(rng, name):
    (source, target), labels = heads.windows(rng), heads.labels(name, rng)
    weights = rng.uniform(0.1, 0.5, len(labels)).astype("float32")
    weights[10:] = 0
    gate = {} if name in heads.BELIEVING else {"gate": ErrorBelow()}
    model = heads.joined(name, loss=MaskedCrossAttentionLoss(), **gate)
    found = evaluated(model, (source, target), labels, sample_weight=weights)
    kept = evaluated(
        model, (source[:10], target[:10]), labels[:10], sample_weight=weights[:10]
    )
    shown = [n for n in found if any(part in n for part in SHOWN)]
    assert len(shown) > 2
    for each in shown:
        assert found[each] == pytest.approx(kept[each], rel=1e-5, nan_ok=True), each


def test_a_source_is_judged_by_how_much_windows_weigh(rng):
    pair, labels = heads.windows(rng), heads.labels("logits", rng)
    weights = rng.uniform(0.1, 3.0, len(labels)).astype("float32")
    model = heads.joined("logits")
    found = evaluated(model, pair, labels, sample_weight=weights, batch_size=5)
    right = model.sources[0].predict(pair[0], verbose=0).argmax(-1) == labels
    known = labels >= 0
    expected = (right * weights)[known].sum() / weights[known].sum()
    assert found["source_accuracy"] == pytest.approx(expected, rel=1e-5)
    expected = weights[known].sum() / weights.sum()
    assert found["labelled_share"] == pytest.approx(expected, rel=1e-5)


def test_mislabelled_windows_that_weigh_nothing_do_not_end_a_transfer(rng):
    pair, labels = heads.windows(rng), heads.labels("logits", rng)
    model = heads.joined("logits", transfer_weight=0.5)
    right = model.sources[0].predict(pair[0], verbose=0).argmax(-1)
    labels = np.where(np.arange(len(labels)) < 6, right, (right + 1) % 4)
    weights = (np.arange(len(labels)) < 6).astype("float32")
    model.compile(run_eagerly=keras.backend.backend() == "tensorflow")
    model.fit(pair, labels, sample_weight=weights, verbose=0)
    assert model.transfer_weight == 0.5
