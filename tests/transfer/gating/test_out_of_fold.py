import keras
import numpy as np
import pytest

from keras_dcat.transfer.gating.out_of_fold import out_of_fold_predictions

CLASSES = 3
SUBJECTS = np.repeat(["Ann", "Ben", "Cem", "Dee", "Eve"], [6, 5, 4, 3, 2])
LABELS = np.arange(len(SUBJECTS)) % CLASSES


@keras.saving.register_keras_serializable(package="tests")
class Remembering(keras.Model):
    """Logits 0, but for the class that is the number of windows it was trained on."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def call(self, inputs):
        seen = keras.ops.convert_to_tensor(self.seen, "float32")
        is_seen = keras.ops.any(keras.ops.equal(inputs, seen), axis=-1, keepdims=True)
        logits = keras.ops.log(keras.ops.array([[4.0, 1.0, 1.0]]))
        return keras.ops.cast(is_seen, "float32") * logits


class Trainer:
    """A `train` that tells afterwards what it was given, and may die on the way."""

    def __init__(self, dies_at=None):
        self.calls, self.dies_at = [], dies_at

    def __call__(self, inputs, labels):
        if len(self.calls) == self.dies_at:
            raise KeyboardInterrupt
        self.calls.append((inputs, labels, np.random.uniform()))
        inputs = keras.Input((1,))
        outputs = keras.layers.Dense(CLASSES, kernel_initializer="random_normal")
        return keras.Model(inputs, outputs(inputs))


def numbers():
    return np.arange(len(SUBJECTS), dtype="float32")[:, None]


def predict(train, inputs=None, labels=LABELS, groups=SUBJECTS, **options):
    inputs = numbers() if inputs is None else inputs
    return out_of_fold_predictions(
        train, inputs, labels, groups, **{"verbose": 0, **options}
    )


def test_a_window_is_predicted_by_a_model_without_its_subject():
    """A model knows the windows it was trained on by a probability of 4/6."""

    def train(inputs, labels):
        model = Remembering(inputs[:, 0])
        model.build((None, 1))
        return model

    probabilities = predict(train, folds=5)
    np.testing.assert_allclose(probabilities, 1 / CLASSES, rtol=1e-6)
    assert probabilities.dtype == "float32"
    model = train(numbers()[:1], None)
    seen = keras.ops.softmax(model(numbers()[:1]))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(seen)[0, 0], 4 / 6, rtol=1e-5)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_subjects_stay_whole_and_each_window_is_left_out_once(folds):
    train = Trainer()
    predict(train, folds=folds)
    assert len(train.calls) == folds
    left_out = [np.setdiff1d(numbers(), x).astype(int) for x, _, _ in train.calls]
    assert sorted(np.concatenate(left_out)) == list(range(len(SUBJECTS)))
    for rows in left_out:
        assert np.isin(SUBJECTS, SUBJECTS[rows]).sum() == len(rows)
    sizes = [len(rows) for rows in left_out]
    assert max(sizes) - min(sizes) <= 6  # no more than the largest subject


def test_folds_depend_on_the_seed_and_on_nothing_else():
    windows = [[], [], []]
    for kept, seed in zip(windows, (0, 0, 1), strict=True):
        train = Trainer()
        predict(train, folds=2, seed=seed, groups=np.arange(len(SUBJECTS)))
        kept.extend(inputs.ravel().tolist() for inputs, _, _ in train.calls)
    assert windows[0] == windows[1]
    assert windows[0] != windows[2]


@pytest.mark.parametrize("form", ["integers", "column", "one-hot"])
def test_windows_without_a_label_are_predicted_but_not_trained_on(form):
    labels = np.where(numbers()[:, 0] % 4 == 0, -1, LABELS)
    known = np.flatnonzero(labels >= 0)
    if form == "column":
        labels = labels[:, None]
    if form == "one-hot":
        labels = np.eye(CLASSES)[labels] * (labels >= 0)[:, None]
    train = Trainer()
    probabilities = predict(train, labels=labels)
    for inputs, given, _ in train.calls:
        rows = inputs[:, 0].astype(int)
        assert np.isin(rows, known).all()
        np.testing.assert_array_equal(given, labels[rows])
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)


def test_two_columns_are_one_hot_too():
    train = Trainer()
    predict(train, labels=np.eye(2)[LABELS % 2])
    assert all(given.shape[1:] == (2,) for _, given, _ in train.calls)


def test_a_subject_without_any_label_is_predicted_too():
    labels = np.where(SUBJECTS == "Ann", -1, LABELS)
    probabilities = predict(Trainer(), labels=labels, folds=5)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)


def test_windows_are_predicted_by_as_many_as_asked_for():
    asked = []

    class Asked(keras.Model):
        def predict(self, x, batch_size=None, **options):
            asked.append(batch_size)
            return super().predict(x, batch_size=batch_size, **options)

    def train(inputs, labels):
        inputs = keras.Input((1,))
        return Asked(inputs, keras.layers.Dense(CLASSES)(inputs))

    predict(train, folds=2, batch_size=3)
    assert asked == [3, 3]


def nested(seen):
    """A `train` for two windows in a list and a dict, and what it is given."""

    def train(inputs, labels):
        seen.append(inputs)
        specs = [keras.Input((1,)), {k: keras.Input((1,), name=k) for k in "bc"}]
        joined = keras.layers.Concatenate()(keras.tree.flatten(specs))
        return keras.Model(specs, keras.layers.Dense(CLASSES)(joined))

    return train


def test_nested_inputs_are_cut_alike():
    inputs = [numbers(), {"b": numbers() + 100, "c": keras.ops.array(numbers()) + 200}]
    seen = []
    assert predict(nested(seen), inputs, folds=2).shape == (len(SUBJECTS), CLASSES)
    for given in seen:
        np.testing.assert_array_equal(given[1]["b"], given[0] + 100)
        np.testing.assert_array_equal(given[1]["c"], given[0] + 200)


def test_a_file_is_of_all_nested_inputs(tmp_path):
    path = tmp_path / "folds.npz"
    inputs = [numbers(), {"b": numbers() + 100, "c": numbers() + 200}]
    expected = predict(nested([]), inputs, folds=2, path=path)
    seen = []
    again = predict(nested(seen), inputs, folds=2, path=path)
    np.testing.assert_array_equal(again, expected)
    assert seen == []
    inputs[1]["c"] = numbers() + 300
    with pytest.raises(ValueError, match="written for others"):
        predict(nested(seen), inputs, folds=2, path=path)


def test_labels_and_groups_may_be_lists():
    as_lists = predict(
        Trainer(), labels=LABELS.tolist(), groups=SUBJECTS.tolist(), folds=2
    )
    np.testing.assert_array_equal(as_lists, predict(Trainer(), folds=2))


def test_a_run_that_died_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "folds.npz"
    whole = Trainer()
    expected = predict(whole)
    first, second, third = Trainer(dies_at=2), Trainer(), Trainer()
    with pytest.raises(KeyboardInterrupt):
        predict(first, path=path)
    np.testing.assert_array_equal(predict(second, path=path), expected)
    np.testing.assert_array_equal(predict(third, path=path), expected)
    counts = [len(train.calls) for train in (first, second, third)]
    assert counts == [2, 2, 0]
    # The same random numbers in the same fold, whether it died before it or not.
    drawn = [number for _, _, number in first.calls + second.calls]
    assert drawn == [number for _, _, number in whole.calls]


@pytest.mark.parametrize(
    "changed",
    [
        {"inputs": numbers() + 1},
        {"labels": LABELS[::-1]},
        {"groups": SUBJECTS[::-1]},
        {"folds": 3},
        {"seed": 1},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_was_kept_of_other_data_is_refused_before_training(tmp_path, changed):
    path = tmp_path / "folds.npz"
    predict(Trainer(), path=path)
    train = Trainer()
    with pytest.raises(ValueError, match=r"written for others.*Delete it"):
        predict(train, path=path, **changed)
    assert train.calls == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 6}, r"folds=6, subjects: 5.*fewer folds"),
        ({"folds": 1}, r"folds=1"),
        ({"groups": SUBJECTS[:-1]}, r"labels \(20,\), groups \(19,\).*how the arrays"),
        ({"inputs": numbers()[1:]}, r"inputs \[\(19, 1\)\]"),
        ({"labels": LABELS.astype(str)}, r"dtype <U\d+.*Convert them"),
        (
            {"labels": np.where(SUBJECTS == "Ann", LABELS, -1)},
            r"\[\d, \d, \d, \d\] of them.*Label windows of more",
        ),
    ],
)
def test_what_cannot_be_dealt_is_refused_before_training(options, message):
    train = Trainer()
    with pytest.raises(ValueError, match=message):
        predict(train, **options)
    assert train.calls == []


def test_a_train_that_returns_no_new_model_is_refused():
    model = Trainer()(None, None)
    history = keras.callbacks.History()
    with pytest.raises(ValueError, match=r"Received: History.*`return model`"):
        predict(lambda inputs, labels: history)
    with pytest.raises(ValueError, match=r"has seen the windows.*inside of `train`"):
        predict(lambda inputs, labels: model)


def test_predictions_that_are_not_finite_are_refused_and_not_kept(tmp_path):
    def train(inputs, labels):
        model = Trainer()(inputs, labels)
        model.set_weights([w * np.nan for w in model.get_weights()])
        return model

    with pytest.raises(ValueError, match=r"18 values.*not finite.*learning rate"):
        predict(train, path=tmp_path / "folds.npz")
    assert len(np.load(tmp_path / "folds.npz").files) == 1


def test_one_window_of_which_nothing_is_known_is_enough_to_refuse():
    def train(inputs, labels):
        inputs = keras.Input((1,))
        roots = keras.ops.sqrt(inputs - 0.5)  # of the first window there is none
        return keras.Model(inputs, keras.layers.Dense(CLASSES)(roots))

    with pytest.raises(ValueError, match=r"3 values that are not finite"):
        predict(train)


def test_predictions_of_every_step_are_refused():
    def train(inputs, labels):
        steps = keras.layers.RepeatVector(2)
        return keras.Sequential([keras.Input((1,)), steps, keras.layers.Dense(CLASSES)])

    with pytest.raises(ValueError, match=r"\(windows, classes\).*shape \(6, 2, 3\)"):
        predict(train)


def test_progress_is_shown_over_folds(capsys):
    out_of_fold_predictions(Trainer(), numbers(), LABELS, SUBJECTS)
    assert "4/4" in capsys.readouterr().out


def test_a_fold_of_other_classes_is_refused_as_soon_as_it_is_there():
    seen = []

    def train(inputs, labels):
        seen.append(labels)
        classes = 2 if len(seen) == 2 else CLASSES
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(classes)])

    with pytest.raises(ValueError, match=r"Received: 2 after 3\. Build the model with"):
        predict(train, folds=4)
    assert len(seen) == 2


def sigmoids(units):
    def train(inputs, labels):
        assert len(inputs) == len(labels)
        layer = keras.layers.Dense(units, "sigmoid")
        return keras.Sequential([keras.Input((1,)), layer])

    return train


def test_one_sigmoid_is_asked_for_two_classes():
    labels = np.where(SUBJECTS == "Ann", np.nan, LABELS % 2)
    found = predict(sigmoids(1), labels=labels, folds=2)
    assert found.shape == (len(SUBJECTS), 2)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-6)


def test_windows_of_several_labels_are_trained_on_if_one_is_known(tmp_path):
    labels = np.zeros((len(SUBJECTS), 3))
    labels[:2] = np.nan  # nothing is known of two, and one entry of a third
    labels[2, 1] = -1
    seen, path = [], tmp_path / "folds.npz"

    def train(inputs, given):
        seen.extend(inputs[:, 0].astype(int))
        return sigmoids(3)(inputs, given)

    options = {"labels": labels, "task": "multilabel", "path": path, "folds": 2}
    found = predict(train, **options)
    assert found.shape == (len(SUBJECTS), 3, 2)
    assert sorted(seen) == list(range(2, len(SUBJECTS)))
    np.testing.assert_array_equal(predict(train, **options), found)
    assert len(seen) == len(SUBJECTS) - 2  # read, not trained again


def test_several_sigmoids_are_not_taken_for_one_hot_rows():
    labels = np.eye(CLASSES)[LABELS]
    with pytest.raises(ValueError, match=r"several sigmoids.*task='multilabel'"):
        predict(sigmoids(3), labels=labels, folds=2)
    with pytest.raises(ValueError, match="task='multilabel'"):
        predict(sigmoids(3), labels=np.ones((len(SUBJECTS), 3)), folds=2)
