import dataclasses

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat import metrics
from keras_dcat.diagnosis.diagnosis import diagnose
from tests.models import branch, pair_of_branches, snapshot, windows

CLASSES = 4
NAMES = ("sit", "walk", "run", "fall")


def matched_filter(steps, *, key_dim=6, sharpness=8.0):
    """A classifier that is right by construction: the loudest of four channels.

    Its attention passes on all channels, those that are no class as well.
    """
    inputs = keras.Input((steps, CLASSES + 2))
    attention = keras_dcat.AttentionKV(key_dim, value_dim=CLASSES + 2, use_bias=False)
    x = layers.GlobalAveragePooling1D()(attention(inputs))
    x = layers.Concatenate()([x, layers.GlobalAveragePooling1D()(inputs)])
    head = layers.Dense(CLASSES, use_bias=False)
    model = keras.Model(inputs, head(x))
    attention.value.kernel.assign(np.eye(CLASSES + 2)[:, None])
    kernel = np.zeros((2 * (CLASSES + 2), CLASSES))
    kernel[CLASSES + 2 : 2 * CLASSES + 2] = sharpness * np.eye(CLASSES)
    head.kernel.assign(kernel)
    return model


def seen_by(rng, labels, moments, steps, noise):
    """Windows of one sensor: the class, what else happens at the moment, and noise."""
    signal = np.concatenate([np.eye(CLASSES)[labels], moments], axis=1)
    signal = signal + noise * rng.normal(size=signal.shape)
    steps = np.repeat(signal[:, None], steps, axis=1)
    return (steps + 0.1 * rng.normal(size=steps.shape)).astype("float32")


def recorded(rng, count=240, source_noise=0.15, target_noise=0.7, moments=1.0):
    """Pairs of windows of four classes, of people who differ from one another."""
    labels, subjects = np.arange(count) % CLASSES, np.arange(count) // 30
    else_ = rng.normal(size=(count, 2)) + rng.normal(size=(8, 2))[subjects]
    source = seen_by(rng, labels, moments * else_, 8, source_noise)
    target = seen_by(rng, labels, moments * else_, 12, target_noise)
    return ((source, target), labels), subjects


def some_hidden(data):
    """The pairs with a label for four of five windows."""
    pair, labels = data
    return pair, np.where(np.arange(len(labels)) % 5 == 4, -1, labels)


def diagnosed(rng, source=None, target=None, spoilt=lambda data: data, **options):
    kind = {
        name: options.pop(name)
        for name in ("source_noise", "target_noise", "moments")
        if name in options
    }
    training, _ = recorded(rng, **kind)
    held_out, subjects = recorded(rng, **kind)
    options = {"groups": subjects, "class_names": NAMES, **options}
    return diagnose(
        matched_filter(8) if source is None else source,
        matched_filter(12) if target is None else target,
        some_hidden(spoilt(training)),
        spoilt(held_out),
        **{"permutations": 50, "verbose": 0, **options},
    )


def probabilities(model, inputs):
    logits = ops.convert_to_numpy(model(inputs)).astype("float64")
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def test_a_better_source_on_real_pairs_is_expected_to_help(rng):
    found = diagnosed(rng)
    assert found.verdict == "help"
    assert found.advantage_interval[0] > 0.1
    assert found.predictability.r2 > found.predictability.mispaired_r2 + 0.2
    assert found.predictability.mispaired_p == pytest.approx(1 / 51)
    assert found.information.added_interval[0] > 0.1
    assert "clearly better" in found.reasons[0]
    assert f"{found.source_f1[1]:.2f} against {found.target_f1[1]:.2f}" in str(found)


def test_a_source_that_does_not_see_the_class_is_expected_to_harm(rng):
    source = matched_filter(8)
    kernel = np.zeros((12, CLASSES))
    kernel[-2:] = rng.normal(size=(2, CLASSES))
    source.layers[-1].kernel.assign(kernel)
    found = diagnosed(rng, source=source, target_noise=1.5)
    assert found.verdict == "harm"
    assert "The source is at chance" in found.reasons[0]
    assert found.recommended["transfer_weight"] == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_source_that_nobody_trained_is_never_expected_to_help(rng, seed):
    keras.utils.set_random_seed(seed)
    source = branch(CLASSES + 2, steps=8)
    assert diagnosed(rng, source=source, permutations=5).verdict != "help"


def labels_of_the_source(data):
    """The target's windows in another order than the rest."""
    (source, target), labels = data
    return (source, np.random.default_rng(3).permutation(target)), labels


def labels_of_the_target(data):
    (source, target), labels = data
    return (np.random.default_rng(3).permutation(source), target), labels


@pytest.mark.parametrize(
    ("shuffled", "reason"),
    [
        (labels_of_the_source, "The pairs look wrong"),
        (labels_of_the_target, "The source is at chance"),
    ],
)
def test_pairs_in_disorder_are_expected_to_harm(rng, shuffled, reason):
    found = diagnosed(rng, spoilt=shuffled)
    assert found.verdict == "harm"
    assert any(text.startswith(reason) for text in found.reasons)
    assert found.predictability.mispaired_p > 0.05


def swapped_within_classes(data):
    (source, target), labels = data
    rng = np.random.default_rng(3)
    order = np.lexsort((rng.random(len(labels)), labels))
    swapped = np.empty_like(target)
    swapped[np.argsort(labels, kind="stable")] = target[order]
    return (source, swapped), labels


def test_pairs_that_share_their_class_only_are_told_from_real_ones(rng):
    options = {"moments": 0.2, "target_noise": 0.4}
    real = diagnosed(rng, **options)
    other = diagnosed(rng, spoilt=swapped_within_classes, **options)
    assert real.predictability.same_class_p < 0.05
    assert other.predictability.same_class_p > 0.05
    assert other.predictability.mispaired_p < 0.05
    assert any("compare the sensors' clocks" in text for text in other.reasons)
    assert not any("clocks" in text for text in real.reasons)


def test_where_nothing_of_the_sources_statistic_can_be_known_it_will_not_help(rng):
    found = diagnosed(rng, spoilt=swapped_within_classes, moments=3.0)
    assert found.information.shared > 0.1  # both see the class
    assert found.predictability.mispaired_p > 0.05  # which KᵀV hardly shows
    assert found.verdict == "neutral"
    assert any("there is little to align" in text for text in found.reasons)


def test_a_source_as_good_as_its_target_helps_with_what_only_it_tells(rng):
    found = diagnosed(rng, source_noise=0.4, target_noise=0.4)
    assert found.verdict == "help"
    assert found.information.added_interval[0] > 0
    assert "about as good as" in found.reasons[0]


def test_where_all_windows_have_a_label_there_is_nothing_to_help_with(rng):
    (pair, labels), subjects = recorded(rng)
    models = matched_filter(8), matched_filter(12)
    data = [(pair, labels)] * 2
    found = diagnose(*models, *data, groups=subjects, permutations=50, verbose=0)
    assert found.verdict == "neutral"
    assert any("0 training windows have no label" in text for text in found.reasons)


def test_a_source_that_sees_what_its_target_sees_adds_nothing(rng):
    model = matched_filter(8)
    ((windows, _), labels), subjects = recorded(rng, source_noise=0.6)
    data = (windows, windows), labels
    found = diagnose(model, matched_filter(8), data, data, groups=subjects, verbose=0)
    assert found.verdict == "neutral"
    assert found.advantage == 0
    assert found.advantage_interval == (0, 0)
    assert found.information.added == pytest.approx(0, abs=0.02)
    assert found.agreement["source only"] == found.agreement["target only"] == 0


def test_a_weaker_source_that_adds_nothing_is_expected_to_harm(rng):
    found = diagnosed(rng, source_noise=0.8, target_noise=0.15)
    assert found.verdict == "harm"
    assert "negative transfer is likely" in found.reasons[0]
    assert "clearly weaker" in found.reasons[1]
    assert found.recommended["transfer_weight"] == 0


def test_scores_are_those_of_the_models_on_the_windows(rng):
    training, _ = recorded(rng)
    held_out, _ = recorded(rng, source_noise=0.5)
    models = matched_filter(8), matched_filter(12)
    found = diagnose(
        *models, training, held_out, class_names=NAMES, verbose=0, permutations=1
    )
    told = [
        [probabilities(m, x) for m, x in zip(models, pair, strict=True)]
        for pair, _ in (training, held_out)
    ]
    for side, scores in enumerate((found.source_f1, found.target_f1)):
        assert scores == tuple(
            metrics.macro_f1(labels, told[at][side], CLASSES)
            for at, (_, labels) in enumerate((training, held_out))
        )
    assert found.source_gap == found.source_f1[0] - found.source_f1[1]
    assert found.target_gap == found.target_f1[0] - found.target_f1[1]
    labels = held_out[1]
    right = [x.argmax(axis=-1) == labels for x in told[1]]
    assert found.agreement == {
        "both": np.mean(right[0] & right[1]),
        "source only": np.mean(right[0] & ~right[1]),
        "target only": np.mean(~right[0] & right[1]),
        "neither": np.mean(~right[0] & ~right[1]),
    }
    mean = (told[1][0] + told[1][1]) / 2
    assert found.fusion_f1 == metrics.macro_f1(labels, mean, CLASSES)
    product = told[1][0] * told[1][1]
    assert found.product_f1 == metrics.macro_f1(labels, product, CLASSES)
    assert found.num_unlabelled == 0
    right = told[0][0].argmax(axis=-1) == training[1]
    assert found.coverage == {
        "all": right.mean(),
        **{name: right[training[1] == c].mean() for c, name in enumerate(NAMES)},
    }


def test_classes_that_the_source_never_gets_right_are_named(rng):
    source = matched_filter(8)
    kernel = ops.convert_to_numpy(source.layers[-1].kernel).copy()
    kernel[CLASSES + 2 : 2 * CLASSES + 2, 1] = -10  # it never believes in "walk"
    source.layers[-1].kernel.assign(kernel)
    found = diagnosed(rng, source=source)
    assert found.never_right == ("walk",)
    assert any("no training window right of 'walk'" in text for text in found.reasons)


def test_a_mask_that_is_right_by_heart_only_is_called_vacuous(rng):
    out_of_fold = np.eye(CLASSES)[(np.arange(240) + (np.arange(240) % 3 == 0)) % 4]
    found = diagnosed(rng, out_of_fold=out_of_fold)
    assert found.coverage["all"] > 0.98
    expected = np.mean(out_of_fold.argmax(axis=-1) == np.arange(240) % CLASSES)
    assert found.out_of_fold_coverage["all"] == expected == pytest.approx(2 / 3)
    assert any("the mask filters nothing" in text for text in found.reasons)
    assert not any("filters nothing" in text for text in diagnosed(rng).reasons)


def test_what_is_recommended_joins_the_two_models(rng):
    target = matched_filter(12, key_dim=3)
    source = matched_filter(8)
    found = diagnosed(rng, source=source, target=target)
    assert found.recommended["adapt_sizes"]
    model = keras_dcat.DCATModel(source, target, **found.recommended)
    assert model.transfer_weight == pytest.approx(0.2)


@pytest.mark.parametrize("kind", ["dataset", "py_dataset", "list", "generator"])
def test_batches_give_the_same_as_arrays(rng, kind):
    (pair, labels), subjects = recorded(rng, count=60)
    one_hot = np.eye(CLASSES, dtype="float32")[labels]
    slices = [slice(0, 25), slice(25, 50), slice(50, 60)]
    batches = [
        ({"source": pair[0][rows], "target": pair[1][rows]}, one_hot[rows])
        for rows in slices
    ]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(batches)

        def __getitem__(self, index):
            return batches[index]

    def data():
        if kind == "dataset":
            tf = pytest.importorskip("tensorflow")
            return tf.data.Dataset.from_tensor_slices((pair, labels)).batch(25)
        if kind == "generator":
            return (batch for batch in batches)
        return batches if kind == "list" else Batches()

    models = matched_filter(8), matched_filter(12)
    options = {"groups": subjects, "permutations": 5, "verbose": 0}
    arrays = diagnose(*models, (pair, labels), (pair, labels), **options)
    found = diagnose(*models, data(), data(), **options)
    assert found.coverage == arrays.coverage
    assert found.predictability.r2 == pytest.approx(arrays.predictability.r2, abs=1e-4)
    assert found.information.added == pytest.approx(arrays.information.added, abs=1e-4)


def test_a_seed_makes_it_the_same_again(rng):
    (data, subjects), models = recorded(rng), (matched_filter(8), matched_filter(12))
    options = {"groups": subjects, "permutations": 20, "verbose": 0}
    first, again, other = (
        diagnose(*models, data, data, seed=seed, **options) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.information != other.information
    assert first.predictability != other.predictability


def test_the_models_stay_as_they_were(rng):
    pair, labels = windows(rng)
    models = branch(5, steps=12, dropout=0.5), branch(3, steps=20, dropout=0.5)
    models[0].trainable = False
    before = [snapshot(model) for model in models]
    diagnose(*models, (pair, labels), (pair, labels), permutations=1, verbose=0)
    for old, model in zip(before, models, strict=True):
        for a, b in zip(old, snapshot(model), strict=True):
            np.testing.assert_array_equal(a, b)
    assert [m.trainable for m in models] == [False, True]


def test_windows_without_a_label_count_nowhere(rng):
    (pair, labels), subjects = recorded(rng, count=60)
    unknown = np.where(np.arange(60) % 6 == 5, -1, labels)
    known = unknown >= 0
    models = matched_filter(8), matched_filter(12)
    options = {"permutations": 5, "verbose": 0}
    found = diagnose(*models, *[(pair, unknown)] * 2, groups=subjects, **options)
    less = tuple(x[known] for x in pair), labels[known]
    expected = diagnose(*models, less, less, groups=subjects[known], **options)
    assert found.num_windows == (50, 50)
    assert found.num_unlabelled == 10
    assert found.num_groups == 2
    assert found.coverage == expected.coverage
    assert found.predictability.r2 == pytest.approx(expected.predictability.r2)


def test_progress_is_shown_unless_it_is_not_wanted(rng, capsys):
    (pair, labels), _ = recorded(rng, count=40)
    models = matched_filter(8), matched_filter(12)
    for verbose in (0, 1):
        data = [(pair, labels)] * 2
        diagnose(*models, *data, permutations=1, verbose=verbose, batch_size=10)
        shown = capsys.readouterr().out
        assert ("4/4" in shown) == ("held_out windows: 40" in shown) == bool(verbose)


def test_the_report_says_it_all_in_some_twenty_lines(rng):
    found = diagnosed(rng)
    text = str(found)
    assert text.startswith("Expected: help\n- The source is clearly better")
    for expected in (
        f"{found.source_f1[0]:.3f}",
        f"{found.target_gap:+.3f}",
        f"{found.coverage['all']:.0%} of training windows would teach",
        f"{found.predictability.mispaired_r2:.3f}",
        f"target {found.information.target:.3f}",
        "DCATModel(source, target, recipe='extended', transfer_weight=0.2)",
    ):
        assert expected in text
    assert len(text.splitlines()) < 20


def test_a_diagnosis_cannot_be_changed(rng):
    pair, labels = windows(rng)
    data = pair, labels
    found = diagnose(*pair_of_branches(), data, data, permutations=1, verbose=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.verdict = "help"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": np.zeros(7)}, r"`groups`.*\(32,\).*shape \(7,\).*in the order"),
        ({"groups": np.zeros(32)}, r"two groups.*in 1 groups\. Hold out more"),
        ({"out_of_fold": np.zeros((32, 3))}, r"\(32, 4\).*shape \(32, 3\).*a row"),
        ({"class_names": "abc"}, r"\['a', 'b', 'c'\] for 4 classes.*in the order"),
        ({"class_names": ["all", *"abc"]}, r"not one of .*'all'.*in the order"),
    ],
)
def test_what_does_not_fit_the_windows_is_refused(rng, options, message):
    pair, labels = windows(rng)
    with pytest.raises(ValueError, match=message):
        diagnose(*pair_of_branches(), *[(pair, labels)] * 2, verbose=0, **options)


@pytest.mark.parametrize(("count", "classes"), [(12, 4), (32, 1)])
def test_too_little_to_judge_by_is_refused(rng, count, classes):
    pair, labels = windows(rng, count=count)
    data = pair, labels % classes
    match = rf"at least 20.*{count} windows of {classes} classes\. Hold out more"
    with pytest.raises(ValueError, match=match):
        diagnose(*pair_of_branches(), data, data, verbose=0)


def of_sigmoids(channels, units, task=None, attention=True, sharpness=6.0):
    """A model that says yes where the channel of a label is above 0."""
    inputs = keras.Input((8, channels))
    x = keras_dcat.AttentionKV(4)(inputs) if attention else inputs
    pooled = layers.GlobalAveragePooling1D()(inputs)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), pooled])
    head = layers.Dense(units, None if task else "sigmoid", use_bias=False)
    model = keras.Model(inputs, head(x))
    kernel = np.zeros(head.kernel.shape)
    kernel[-channels:][:units] = sharpness * np.eye(units)
    head.kernel.assign(kernel)
    return model


def answered(rng, units, noise, count=200):
    """Windows of two sensors that show what holds, one of them less clearly."""
    signs = np.where(rng.random((count, units)) < 0.3, 1.0, -1.0)
    sides = []
    for spread in noise:
        seen = signs + spread * rng.normal(size=signs.shape)
        steps = np.repeat(seen[:, None], 8, axis=1)
        sides.append(steps + 0.1 * rng.normal(size=steps.shape))
    return tuple(x.astype("float32") for x in sides), (signs > 0).astype("float32")


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("task", [True, False], ids=["logits", "sigmoids"])
def test_sigmoids_are_diagnosed_by_what_they_say(rng, units, task):
    task = {1: "binary", 3: "multilabel"}[units] if task else None
    models = [of_sigmoids(units, units, task) for _ in range(2)]
    training, held_out = (answered(rng, units, (0.2, 1.5)) for _ in range(2))
    people = np.arange(200) // 20
    unknown = training[1].copy()
    unknown[::4] = np.nan
    held_out[1][:5, 0] = -1
    options = {"groups": people, "task": task, "permutations": 20, "verbose": 0}
    found = diagnose(*models, (training[0], unknown), held_out, **options)
    said = [
        ops.convert_to_numpy(model(x)) > (0 if task else 0.5)
        for model, x in zip(models, held_out[0], strict=True)
    ]
    answers = held_out[1]
    if units == 1:
        known = answers[:, 0] >= 0
        f1 = [metrics.macro_f1(answers[known], x[known], 2) for x in said]
    else:
        known = answers >= 0
        f1 = [metrics.macro_f1(answers, x, 3, multi_label=True) for x in said]
    assert found.source_f1[1] == pytest.approx(f1[0])
    assert found.target_f1[1] == pytest.approx(f1[1])
    assert found.advantage == pytest.approx(f1[0] - f1[1])
    rows = known.reshape(answers.shape)
    right = [(x == answers)[rows] for x in said]
    assert found.agreement["both"] == pytest.approx(np.mean(right[0] & right[1]))
    low, high = found.advantage_interval
    assert low < found.advantage < high
    assert found.verdict == ("help" if units == 3 else "neutral")
    assert found.num_unlabelled == 50
    assert found.num_windows == (150, 195 if units == 1 else 200)
    names = {"0", "1"} if units == 1 else {"0", "1", "2", "not 0", "not 1", "not 2"}
    assert set(found.coverage) == {"all"} | names
    assert found.unit == ("windows" if units == 1 else "labels")
    model = keras_dcat.DCATModel(*models, **found.recommended)
    assert model.transfer_weight == pytest.approx(0.2 if units == 3 else 0.1)


def test_predictions_out_of_fold_may_be_of_several_labels(rng):
    models = [of_sigmoids(2, 2) for _ in range(2)]
    pair, answers = answered(rng, 2, (0.2, 0.5))
    said = rng.random((200, 2))
    both = np.stack([1 - said, said], axis=-1)
    options = {"permutations": 1, "verbose": 0, "class_names": ["fall", "turn"]}
    data = (pair, answers)
    found = diagnose(*models, data, data, out_of_fold=both, **options)
    right = (said > 0.5) == answers
    assert found.out_of_fold_coverage["all"] == right.mean()
    holds = answers[:, 1] == 1
    assert found.out_of_fold_coverage["turn"] == right[holds, 1].mean()
    assert found.out_of_fold_coverage["not turn"] == right[~holds, 1].mean()
    with pytest.raises(ValueError, match=r"\(200, 2, 2\).*shape \(200, 2\)"):
        diagnose(*models, data, data, out_of_fold=said, **options)


def test_models_without_attention_are_diagnosed_by_what_they_predict(rng):
    models = [of_sigmoids(3, 3, attention=side) for side in (False, True)]
    data = [answered(rng, 3, (0.2, 1.5)) for _ in range(2)]
    found = diagnose(*models, *data, verbose=0)
    assert found.predictability is None
    assert "AttentionKV" in found.left_out
    assert "KᵀV" in found.reasons[-1]
    assert "R² of the source" not in str(found)
    assert found.num_groups is None
    with pytest.raises(ValueError, match="named 'ours'"):
        diagnose(*models[::-1], *data, source_attention="ours", verbose=0)


def test_what_predicts_no_classes_is_refused(rng):
    data = [answered(rng, 3, (0.2, 1.5)) for _ in range(2)]
    encoder = layers.GlobalAveragePooling1D()
    encoder = keras.Sequential([keras.Input((8, 3)), encoder, layers.Dense(9)])
    with pytest.raises(ValueError, match=r"9 classes.*only encodes a classifier"):
        diagnose(encoder, of_sigmoids(3, 3), *data, verbose=0)
    models = [of_sigmoids(3, 3, "regression") for _ in range(2)]
    with pytest.raises(ValueError, match=r"believe of classes.*3 values"):
        diagnose(*models, *data, task="regression", verbose=0)


def test_a_class_for_every_step_is_diagnosed_step_by_step(rng):
    def by_step(channels):
        inputs = keras.Input((8, channels))
        head = layers.Dense(2, use_bias=False)
        model = keras.Model(inputs, head(inputs))
        head.kernel.assign([[-6.0, 6.0]])
        return model

    (source, target), _ = answered(rng, 1, (0.2, 1.5))
    labels = (source[..., 0] > 0).astype(int)
    labels[:, -1] = -1
    data = (source, target), labels
    found = diagnose(by_step(1), by_step(1), data, data, verbose=0)
    assert (found.unit, found.num_windows) == ("steps", (200, 200))
    assert found.source_f1 == (1, 1)
    said = (target[:, :-1, 0] > 0).ravel()
    expected = metrics.macro_f1(labels[:, :-1].ravel(), said, 2)
    assert found.target_f1[1] == pytest.approx(expected)
