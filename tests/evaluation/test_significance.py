import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from keras_dcat.evaluation import (
    corrected_t_test,
    f1_per_class_intervals,
    macro_f1_interval,
    paired_bootstrap,
)
from keras_dcat.metrics import f1_per_class


def macro_f1(labels, predictions):
    return np.nanmean(f1_per_class(labels, predictions, num_classes=4))


def predicted(rng, labels, accuracy, seeds, skill=None):
    """Predictions that are right as often as asked, or as each window's skill says."""
    accuracy = accuracy + (0 if skill is None else skill)
    is_right = rng.random((seeds, len(labels))) < accuracy
    return np.where(is_right, labels, rng.integers(4, size=(seeds, len(labels))))


def test_the_difference_is_that_of_the_mean_macro_f1(rng):
    labels, subjects = rng.integers(4, size=200), np.repeat(np.arange(5), 40)
    good, bad = (predicted(rng, labels, share, seeds=3) for share in (0.9, 0.5))
    gained = paired_bootstrap(labels, good, bad, subjects, resamples=300)
    scores = [np.mean([macro_f1(labels, run) for run in runs]) for runs in (good, bad)]
    assert gained.mean == pytest.approx(scores[0] - scores[1])
    assert 0 < gained.low < gained.mean < gained.high


def test_a_resample_is_what_its_windows_score(rng):
    labels, subjects = rng.integers(3, size=60), np.repeat([0, 1], 30)
    runs = predicted(rng, labels, 0.5, seeds=1) % 3, np.zeros((1, 60), int)
    gained = paired_bootstrap(labels, *runs, subjects, resamples=400, confidence=1.0)
    drawn = [np.r_[first, second] for first in (0, 1) for second in (0, 1)]
    differences = []
    for people in drawn:
        windows = np.concatenate([np.flatnonzero(subjects == who) for who in people])
        good, bad = (macro_f1(labels[windows], run[0][windows]) for run in runs)
        differences.append(good - bad)
    assert gained.low == pytest.approx(min(differences))
    assert gained.high == pytest.approx(max(differences))


def test_the_interval_covers_what_other_people_show():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        subjects = np.repeat(np.arange(12), 25)
        labels = rng.integers(4, size=300)
        gain_of_subject = rng.normal(0.10, 0.15, 12)  # of people, not of windows
        baseline = predicted(rng, labels, 0.5, seeds=2)
        better = predicted(rng, labels, 0.5, 2, skill=gain_of_subject[subjects])
        gained = paired_bootstrap(labels, better, baseline, subjects, resamples=200)
        covered += gained.low <= 0.75 * 0.10 <= gained.high  # a guess is right by 1/4
    assert covered >= 48  # 80 %: few subjects make percentiles too narrow


def test_the_same_seed_gives_the_same_interval(rng):
    labels, subjects = rng.integers(4, size=80), np.repeat(np.arange(4), 20)
    runs = [predicted(rng, labels, share, seeds=2) for share in (0.8, 0.6)]
    first, again, other = (
        paired_bootstrap(labels, *runs, subjects, resamples=100, seed=n)
        for n in (0, 0, 1)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("predictions", "subjects", "message"),
    [
        (np.zeros((2, 8), int), np.arange(8), r"predictions \(2, 8\), baseline \(3, 8"),
        (np.zeros((3, 7), int), np.arange(8), r"\(3, 7\).*same test windows"),
        (np.zeros((3, 8), int), np.zeros(8), r"1 subjects"),
        (np.zeros((3, 8), int), np.arange(7), r"two subjects or more"),
    ],
)
def test_runs_that_cannot_be_paired_are_refused(predictions, subjects, message):
    labels = np.zeros(8, int)
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(labels, predictions, np.zeros((3, 8), int), subjects)


def test_without_shared_windows_it_is_the_t_test(rng):
    differences = rng.normal(0.02, 0.05, 10)
    plain = stats.ttest_1samp(differences, 0).pvalue
    assert corrected_t_test(differences, 1e12, 1) == pytest.approx(plain, rel=1e-6)
    assert corrected_t_test(differences, 9, 1) > plain


def test_folds_without_a_difference_are_found_different_in_5_of_100_cases():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2000, 1))  # as much of folds as of the windows: a tenth
    differences = np.sqrt(0.1) * shared + np.sqrt(0.9) * rng.normal(size=(2000, 10))
    corrected = [corrected_t_test(folds, 90, 10) < 0.05 for folds in differences]
    plain = [stats.ttest_1samp(folds, 0).pvalue < 0.05 for folds in differences]
    assert np.mean(corrected) == pytest.approx(0.05, abs=0.015)
    assert np.mean(plain) > 0.12


@pytest.mark.parametrize(("values", "p"), [([0.1, 0.1], 0.0), ([0.0, 0.0], 1.0)])
def test_differences_that_do_not_vary_are_certain(values, p):
    assert corrected_t_test(values, 3, 1) == p


@pytest.mark.parametrize(
    ("differences", "sizes", "message"),
    [
        ([0.1], (3, 1), r"shape \(1,\).*each fold"),
        ([[0.1, 0.2]], (3, 1), r"shape \(1, 2\)"),
        ([0.1, 0.2], (0, 1), r"train_size=0"),
        ([0.1, 0.2], (3, -1), r"test_size=-1"),
    ],
)
def test_folds_that_cannot_be_compared_are_refused(differences, sizes, message):
    with pytest.raises(ValueError, match=message):
        corrected_t_test(differences, *sizes)


def test_an_interval_of_one_model_holds_the_mean_of_its_runs(rng):
    labels = np.arange(90) % 3
    subjects = np.repeat(np.arange(6), 15)
    runs = np.where(rng.uniform(size=(4, 90)) < 0.7, labels, (labels + 1) % 3)
    interval = macro_f1_interval(labels, runs, subjects)
    expected = np.mean([f1_score(labels, each, average="macro") for each in runs])
    assert interval.mean == pytest.approx(expected)
    assert interval.low < expected < interval.high


def test_an_interval_of_one_model_needs_a_prediction_for_each_window():
    with pytest.raises(ValueError, match=r"labels \(4,\).*\(1, 3\).*belong to"):
        macro_f1_interval([0, 1, 0, 1], [0, 1, 0], [0, 0, 1, 1])


def test_f1_of_every_class_has_an_interval_around_it(rng):
    labels, subjects = rng.integers(0, 3, 200), rng.integers(0, 5, 200)
    runs = np.where(rng.random((2, 200)) < 0.7, labels, rng.integers(0, 3, (2, 200)))
    intervals = f1_per_class_intervals(labels, runs, subjects, num_classes=4)
    expected = np.mean([f1_per_class(labels, run, 3) for run in runs], axis=0)
    for interval, mean in zip(intervals, expected, strict=False):
        assert interval.mean == pytest.approx(mean)
        assert interval.low < mean < interval.high
    assert all(np.isnan(intervals[3]))  # neither present nor predicted


def test_a_class_of_one_person_has_an_interval_of_those_draws_that_have_it():
    labels = np.array([0, 0, 1, 0, 0, 0])
    subjects = np.array([1, 1, 1, 2, 2, 2])
    interval = f1_per_class_intervals(labels, [labels], subjects, num_classes=2)[1]
    assert interval == (1.0, 1.0, 1.0)


def test_one_person_says_nothing_of_others():
    labels = np.tile([0, 1], 20)
    found = macro_f1_interval(labels, [labels], np.ones(40))
    assert found.mean == 1
    assert np.isnan([found.low, found.high]).all()


def test_windows_without_a_label_count_nowhere(rng):
    labels, subjects = rng.integers(4, size=60), np.repeat(np.arange(3), 20)
    runs = predicted(rng, labels, 0.7, seeds=2)
    other = predicted(rng, labels, 0.4, seeds=2)
    known = rng.random(60) < 0.7
    partly = np.where(known, labels, -1)
    options = {"resamples": 50}
    kept = [x[..., known] for x in (labels, runs, other, subjects)]
    assert paired_bootstrap(partly, runs, other, subjects, **options) == (
        paired_bootstrap(*kept, **options)
    )
    assert macro_f1_interval(partly, runs, subjects, **options) == macro_f1_interval(
        kept[0], kept[1], kept[3], **options
    )
    assert f1_per_class_intervals(partly, runs, subjects, 4, **options) == (
        f1_per_class_intervals(kept[0], kept[1], kept[3], 4, **options)
    )


@pytest.mark.parametrize(
    ("labels", "runs", "message"),
    [
        (["sit", "walk"], [[0, 1]], "class_names.index"),
        ([0, 0.5], [[0, 1]], r"\[0.5\]"),
        ([0, 1], [[0, -1]], r"Predictions must be classes.*\[-1\]"),
        ([-1, -1], [[0, 1]], "2 windows without one.*Test on windows"),
    ],
)
def test_what_is_no_class_is_refused(labels, runs, message):
    with pytest.raises(ValueError, match=message):
        macro_f1_interval(labels, runs, subjects=[1, 2])
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(labels, runs, runs, subjects=[1, 2])


def of_labels(rng, windows=60, seeds=3):
    """Answers to three questions of six people, some unknown, and of two models."""
    answers = rng.integers(0, 2, (windows, 3)).astype("float64")
    answers[rng.random(answers.shape) < 0.2] = np.nan
    said = rng.integers(0, 2, (2, seeds, windows, 3))
    return answers, said, np.repeat(np.arange(6), windows // 6)


def test_of_several_labels_f1_is_that_of_each_yes_which_is_known(rng):
    answers, (mine, other), people = of_labels(rng)
    means = []
    for runs in (mine, other):
        f1 = [f1_per_class(answers, run, 3, multi_label=True) for run in runs]
        means.append(np.mean(f1))
        found = macro_f1_interval(answers, runs, people, resamples=50)
        assert found.mean == pytest.approx(means[-1])
        assert found.low < found.mean < found.high
    gained = paired_bootstrap(answers, mine, other, people, resamples=50)
    assert gained.mean == pytest.approx(means[0] - means[1])
    each = f1_per_class_intervals(answers, mine, people, 3, resamples=50)
    expected = [f1_per_class(answers, run, 3, multi_label=True) for run in mine]
    np.testing.assert_allclose([e.mean for e in each], np.mean(expected, axis=0))


def test_predictions_of_other_labels_are_refused(rng):
    answers, (mine, _), people = of_labels(rng)
    with pytest.raises(ValueError, match=r"labels \(60, 3\), predictions \(3, 60, 2\)"):
        macro_f1_interval(answers, mine[..., :2], people)
    with pytest.raises(ValueError, match=r"yes or no must be 1 or 0.*\[2.0\]"):
        macro_f1_interval(answers + 1, mine, people)
