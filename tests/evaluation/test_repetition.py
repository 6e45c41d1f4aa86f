import numpy as np
import pytest
from keras import ops

from keras_dcat.evaluation.repetition import Repetition
from tests.evaluation.studies import PAIR, study, windows


@pytest.fixture(scope="module")
def repetition():
    return Repetition(study(), "official", seed=3)


def weights(model):
    return [ops.convert_to_numpy(v) for v in model.weights]


def test_a_seed_gives_the_same_weights_and_another_one_others(repetition):
    first, again = (
        weights(repetition.build("imu", repetition.train)) for _ in range(2)
    )
    other = weights(repetition.build("imu", repetition.train, seed=4))
    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


def test_a_stream_alone_has_the_batches_that_it_has_in_pairs(repetition):
    pairs = repetition.pairs(*PAIR, repetition.train, 16)
    alone = repetition.windows("imu", repetition.train, 16)
    for _ in range(2):  # epochs
        for (inputs, labels), (own, own_labels) in zip(pairs, alone, strict=True):
            np.testing.assert_allclose(inputs["target"], own, atol=1e-6)
            np.testing.assert_array_equal(labels, own_labels)


def test_batches_are_the_same_whatever_was_built_before(repetition):
    epochs = []
    for seed in (None, 1000):
        repetition.build("camera", repetition.train, seed=seed)
        epochs.append(
            [
                x["target"].numpy()
                for x, _ in repetition.pairs(*PAIR, repetition.train, 16)
            ]
        )
    for one, other in zip(*epochs, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("fraction", [0.34, 0.67, 1.0])
def test_a_part_has_the_share_of_every_class_and_subject(fraction):
    index = windows(repetitions=6)
    part = Repetition(study(index), "official", seed=0).part(fraction)
    for who in np.unique(part.subjects):
        for label in range(3):
            count = np.sum((part.subjects == who) & (part.labels == label))
            assert count == round(6 * fraction)


def test_a_part_is_never_without_a_class(repetition):
    part = repetition.part(0.01)
    assert np.bincount(part.labels).tolist() == [4, 4, 4]


def test_what_has_been_trained_is_read_again(tmp_path, monkeypatch):
    first = Repetition(study(), "official", 0, tmp_path)
    model, losses = first.unimodal("camera")
    expected = first.predict(model, "camera"), first.out_of_fold("camera")

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("keras_dcat.evaluation.study.Training.fit", refuse)
    again = Repetition(study(), "official", 0, tmp_path)
    model, kept = again.unimodal("camera")
    np.testing.assert_array_equal(kept, losses)
    np.testing.assert_allclose(again.predict(model, "camera"), expected[0], atol=1e-6)
    np.testing.assert_array_equal(again.out_of_fold("camera"), expected[1])


@pytest.mark.parametrize("numbers", [np.zeros((3, 3)), np.array("x"), np.zeros(2)])
def test_what_is_kept_in_another_shape_is_refused_by_name(tmp_path, numbers):
    plan = study(epochs=1)
    Repetition(plan, "official", 0, tmp_path).unimodal("camera")
    (losses,) = tmp_path.rglob("*.npy")
    np.save(losses, numbers)
    with pytest.raises(ValueError, match=rf"{losses.name}.*shape.*Delete it"):
        Repetition(plan, "official", 0, tmp_path).unimodal("camera")


def test_a_window_is_predicted_by_models_that_never_saw_its_subject(monkeypatch):
    index = windows(subjects=5)
    repetition = Repetition(study(index), "official", 0)
    seen, build = {}, repetition.build

    def remember(stream, part, **options):
        seen["now"] = set(part.subjects.tolist())
        return build(stream, part, **options)

    def predict(model, stream, part=None):
        assert not seen["now"] & set(part.subjects.tolist())
        return np.eye(3)[part.labels]

    monkeypatch.setattr(repetition, "build", remember)
    monkeypatch.setattr(repetition, "predict", predict)
    probabilities = repetition.out_of_fold("imu")
    np.testing.assert_array_equal(
        probabilities.argmax(axis=-1), repetition.train.labels
    )


def test_predictions_are_probabilities_of_the_test_windows(repetition):
    probabilities = repetition.predict(repetition.build("imu", repetition.train), "imu")
    assert probabilities.shape == (len(repetition.test), 3)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)
