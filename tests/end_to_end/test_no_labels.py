"""People without any label go from recordings to a trained target as they are."""

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat import windows
from keras_dcat.evaluation import DCAT, Alone, Study, Training, compare
from keras_dcat.recordings import Intervals, Recording, Stream, join
from tests.evaluation.studies import CLASSES, PAIR, modality

UNLABELLED = ("p2", "p3")


def recorded(who, number, name, rng):
    """Two seconds of a class; of some people nobody knows which."""
    streams = {}
    for stream, rate in (("camera", 8.0), ("imu", 16.0)):
        angle = 2 * np.pi * (number + 1) * np.arange(int(2 * rate)) / rate
        shown = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
        noise = 0.2 if stream == "camera" else 0.6
        values = shown + noise * rng.normal(size=shown.shape)
        streams[stream] = Stream(values.astype("float32"), rate, start=10.0 * number)
    label = None if who in UNLABELLED else name
    return Recording(streams, label, who, f"{who}-{name}")


@pytest.fixture(scope="module")
def recordings():
    rng = np.random.default_rng(0)
    return [
        recorded(f"p{who}", number, name, rng)
        for who in range(6)
        for number, name in enumerate(CLASSES)
    ]


@pytest.fixture(scope="module")
def index(recordings):
    return windows.index_windows(recordings, 1.0, 0.25, class_names=CLASSES)


@pytest.fixture(scope="module")
def models(index):
    """A source that was trained on those who have labels, and a target that was not."""
    keras.utils.set_random_seed(0)
    source, target = (modality(stream).build(index) for stream in PAIR)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    source.compile(keras.optimizers.Adam(0.02), loss, run_eagerly=True)
    known = index.subset(index.is_labelled)
    source.fit(
        known.gather("camera"), known.labels, epochs=12, batch_size=12, verbose=0
    )
    return source, target


def test_the_index_says_who_has_labels(index):
    assert len(index) == 6 * 3 * 5
    assert index.class_names == CLASSES
    assert np.unique(index.subjects[~index.is_labelled]).tolist() == list(UNLABELLED)
    assert index.report.unlabelled.sum() == 2 * 3 * 5


def test_it_goes_through_all_that_takes_windows(index, tmp_path):
    folds = windows.group_folds(index, 3)
    assert sum(len(test) for _, test in folds) == len(index)
    assert len(list(windows.leave_one_subject_out(index))) == 6
    train, test = windows.split_by_time(index, 0.5, guard=0.0)
    windows.audit(train, test, sessions=False, subjects=False)
    late = windows.misaligned(index, "imu", 0.25)
    swapped = windows.mispaired(late, "imu", 0.5)
    assert swapped.labels.tolist() == index.labels.tolist()
    layer = windows.normalization_layer(index, "imu")
    assert layer(index.gather("imu")).shape == (90, 16, 2)
    hidden = index.keep_labels_of(["p0"]).without_labels([0])
    assert hidden.is_labelled.sum() == 14
    file = windows.write_shards(index, tmp_path / "shards", 16, progress=False)
    read = windows.read_shards(file, "camera", "imu")
    labels = np.concatenate([labels.numpy() for _, labels in read])
    assert labels.tolist() == index.labels.tolist()
    for dataset in (
        windows.stream_dataset(index, "imu", balance=True),
        windows.pair_dataset(index, "camera", "imu", balance=True, shuffle=True),
    ):
        found = np.concatenate([labels.numpy() for _, labels in dataset])
        assert np.unique(found).tolist() == [-1, 0, 1, 2]


def test_people_without_labels_can_be_joined(recordings):
    whole = [
        join([each for each in recordings if each.subject == who], session=who)
        for who in ("p1", "p2")
    ]
    assert isinstance(whole[1].label, Intervals)
    index = windows.index_windows(
        whole, 1.0, 0.25, class_names=CLASSES, rates={"camera": 8.0, "imu": 16.0}
    )
    of_p2 = index.subjects == "p2"
    assert index.labels[of_p2].tolist() == [-1] * 15
    assert np.bincount(index.labels[~of_p2]).tolist() == [5, 5, 5]


def test_a_transfer_is_trained_on_pairs_without_labels(index, models):
    train, test = windows.split_by_subject(index, ["p4", "p5"])
    model = keras_dcat.DCATModel(*models)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    history = model.fit(
        windows.pair_dataset(train, *PAIR, batch_size=12, shuffle=True, seed=0),
        validation_data=windows.pair_dataset(train, *PAIR, batch_size=12),
        epochs=2,
        verbose=0,
    ).history
    assert history["labelled_share"][0] == 0.5
    assert all(np.isfinite(values).all() for values in history.values())
    predicted = model.predict(test.gather("imu"), verbose=0)
    assert predicted.shape == (len(test), 3)


def test_a_diagnosis_counts_them_and_judges_by_the_others(index, models):
    train, held_out = windows.split_by_subject(index, ["p2", "p4", "p5"])
    found = keras_dcat.diagnose(
        *models,
        windows.pair_dataset(train, *PAIR),
        windows.pair_dataset(held_out, *PAIR),
        groups=held_out.subjects,
        class_names=index.class_names,
        permutations=20,
        verbose=0,
    )
    assert found.num_windows == (30, 30)
    assert found.num_unlabelled == 15
    assert found.num_groups == 2


def test_a_comparison_trains_on_them_and_scores_the_others(index):
    split = windows.split_by_subject(index, ["p3", "p4", "p5"])
    training = Training(epochs=1, min_steps=1, batch_size=16, run_eagerly=True)
    modalities = {stream: modality(stream) for stream in PAIR}
    with pytest.warns(UserWarning, match="15 of 45 windows have no label in the tests"):
        study = Study({"new people": split}, modalities, index.class_names, training)
    methods = {"alone": Alone(), "D-CAT": DCAT(gate="correct_or_confident")}
    results = compare(study, [PAIR], methods, seeds=[0], verbose=0)
    (run,) = {len(each.labels) for each in results.runs.values()}
    assert run == 30
    assert np.isfinite(results.gain(PAIR, "D-CAT").mean)
