import zipfile

import numpy as np
import pytest

from keras_dcat.datasets import uci_har
from keras_dcat.datasets.uci_har import load_uci_hapt, load_uci_har

SIGNALS = ("body_acc", "body_gyro", "total_acc")


def write_part(root, part, labels, subjects, rng):
    """The part's files; returns its signals, `(windows, 128, 3)` each."""
    folder = root / "UCI HAR Dataset" / part
    (folder / "Inertial Signals").mkdir(parents=True)
    np.savetxt(folder / f"y_{part}.txt", labels, fmt="%d")
    np.savetxt(folder / f"subject_{part}.txt", subjects, fmt="%d")
    signals = {s: rng.normal(size=(len(labels), 128, 3)) for s in SIGNALS}
    for name, values in signals.items():
        for number, axis in enumerate("xyz"):
            path = folder / "Inertial Signals" / f"{name}_{axis}_{part}.txt"
            np.savetxt(path, values[:, :, number], fmt="%16.7e")
    return signals


@pytest.fixture
def windows(tmp_path, rng):
    train = write_part(tmp_path / "data", "train", [5, 1, 6], [1, 1, 30], rng)
    test = write_part(tmp_path / "data", "test", [2, 3], [2, 24], rng)
    return tmp_path / "data", train, test


def test_a_published_window_becomes_a_recording(windows):
    folder, train, test = windows
    recordings = load_uci_har(folder)
    assert [r.label for r in recordings] == [4, 0, 5, 1, 2]
    assert [r.subject for r in recordings] == [1, 1, 30, 2, 24]
    assert [r.session for r in recordings[2:4]] == [
        "uci_har/train/00002",
        "uci_har/test/00000",
    ]
    for recording, signals, number in [
        (recordings[1], train, 1),
        (recordings[4], test, 1),
    ]:
        values = {name: s.values for name, s in recording.streams.items()}
        assert {s.rate for s in recording.streams.values()} == {50.0}
        for stream, signal in [
            ("accelerometer", "total_acc"),
            ("gyroscope", "body_gyro"),
            ("body_accelerometer", "body_acc"),
        ]:
            assert (values[stream].shape, values[stream].dtype) == ((128, 3), "float32")
            np.testing.assert_allclose(
                values[stream], signals[signal][number], rtol=1e-6
            )
        both = [values["accelerometer"], values["gyroscope"]]
        np.testing.assert_array_equal(values["imu"], np.hstack(both))


def test_the_official_protocol_shares_out_30_subjects():
    subjects = set(uci_har.TRAIN_SUBJECTS), set(uci_har.TEST_SUBJECTS)
    assert [len(each) for each in subjects] == [21, 9]
    assert subjects[0] | subjects[1] == set(range(1, 31))


def test_a_zip_is_read_like_a_folder(windows, tmp_path):
    folder, _, _ = windows
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in folder.rglob("*.txt"):
            archive.write(path, path.relative_to(folder))
            archive.writestr(f"__MACOSX/x/train/._{path.name}", b"not text")
    inside = folder / "UCI HAR Dataset"  # the folder of the publisher itself
    for other in (tmp_path / "data.zip", inside):
        for one, two in zip(load_uci_har(folder), load_uci_har(other), strict=True):
            assert (one.session, one.label) == (two.session, two.label)
            np.testing.assert_array_equal(
                one.streams["imu"].values, two.streams["imu"].values
            )


def test_a_missing_signal_is_named(windows):
    folder, _, _ = windows
    name = "UCI HAR Dataset/test/Inertial Signals/body_gyro_y_test.txt"
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"without 1 of.*{name}.*dataset/240"):
        load_uci_har(folder)


def test_a_cut_window_is_refused_with_the_remedy(windows):
    folder, _, _ = windows
    path = folder / "UCI HAR Dataset/test/Inertial Signals/body_gyro_y_test.txt"
    path.write_text(path.read_text()[:-100])
    with pytest.raises(ValueError, match=r"gyro_y_test\.txt.*128 columns.*dataset/240"):
        load_uci_har(folder)


@pytest.mark.parametrize(
    ("labels", "received"),
    [("5\n1\n", r"\[2, 3\] lines"), ("5\n1\n7\n", "from 1 to 7")],
)
def test_labels_that_do_not_fit_the_windows_are_refused(windows, labels, received):
    folder, _, _ = windows
    (folder / "UCI HAR Dataset" / "train" / "y_train.txt").write_text(labels)
    with pytest.raises(
        ValueError, match=rf"one line for each.*{received}.*dataset/240"
    ):
        load_uci_har(folder)


def test_what_is_not_uci_har_is_refused_with_its_address(tmp_path):
    (tmp_path / "other.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"without 22 of.*dataset/240"):
        load_uci_har(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*dataset/240"):
        load_uci_har(tmp_path / "nowhere")


def write_experiment(folder, experiment, user, rng, steps=300):
    folder.mkdir(parents=True, exist_ok=True)
    values = {sensor: rng.normal(size=(steps, 3)) for sensor in ("acc", "gyro")}
    for sensor, each in values.items():
        name = f"{sensor}_exp{experiment:02d}_user{user:02d}.txt"
        np.savetxt(folder / name, each)
    return values


@pytest.fixture
def raw(tmp_path, rng):
    folder = tmp_path / "data" / "RawData"
    values = write_experiment(folder, 1, 1, rng)
    write_experiment(folder, 2, 1, rng)
    (folder / "labels.txt").write_text(
        "1 1 5 1 50\n1 1 7 51 120\n1 1 4 200 300\n2 1 12 10 10\n"
    )
    return tmp_path / "data", values


def test_an_experiment_stays_whole(raw):
    folder, values = raw
    first, second = load_uci_hapt(folder)
    assert (first.subject, first.session) == (1, "hapt/exp01_user01")
    assert second.session == "hapt/exp02_user01"
    for stream, columns in [
        ("accelerometer", values["acc"]),
        ("gyroscope", values["gyro"]),
        ("imu", np.hstack([values["acc"], values["gyro"]])),
    ]:
        assert first.streams[stream].rate == 50.0
        np.testing.assert_allclose(first.streams[stream].values, columns, rtol=1e-6)


def test_labels_count_samples_from_one_and_include_the_last(raw):
    first, second = load_uci_hapt(raw[0])
    np.testing.assert_allclose(first.label.starts, [0.0, 1.0, 3.98])
    np.testing.assert_allclose(first.label.ends, [1.0, 2.4, 6.0])
    names = [uci_har.HAPT_CLASS_NAMES[i] for i in first.label.labels]
    assert names == ["standing", "stand to sit", "sitting"]
    assert second.label.labels.tolist() == [11]
    np.testing.assert_allclose(second.label.ends - second.label.starts, [1 / 50])


@pytest.mark.parametrize(
    "line", ["1 1 5 0 50", "1 1 5 9 8", "1 1 5 9 301", "1 1 13 1 9"]
)
def test_labels_outside_of_the_experiment_are_refused(raw, line):
    folder, _ = raw
    (folder / "RawData" / "labels.txt").write_text(f"{line}\n2 1 5 1 300\n")
    received = line[4:].replace(" ", ", ")
    with pytest.raises(
        ValueError, match=rf"\[\[{received}\]\].*acc_exp01.*dataset/341"
    ):
        load_uci_hapt(folder)


def test_sensors_of_different_lengths_are_refused(raw):
    folder, _ = raw
    path = folder / "RawData" / "gyro_exp01_user01.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(ValueError, match=r"\[300, 299\] samples.*dataset/341"):
        load_uci_hapt(folder)


@pytest.mark.parametrize(
    ("member", "received"),
    [
        ("gyro_exp02_user01.txt", "1 of them with one sensor"),
        ("labels.txt", "labels in None"),
    ],
)
def test_a_missing_member_is_refused_with_the_remedy(raw, member, received):
    folder, _ = raw
    (folder / "RawData" / member).unlink()
    with pytest.raises(ValueError, match=rf"{received}.*dataset/341"):
        load_uci_hapt(folder)


def test_what_is_not_hapt_is_refused_with_its_address(tmp_path):
    with pytest.raises(ValueError, match=r"0 experiments.*dataset/341"):
        load_uci_hapt(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*dataset/341"):
        load_uci_hapt(tmp_path / "nowhere")
