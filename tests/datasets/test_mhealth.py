import zipfile

import numpy as np
import pytest

from keras_dcat.datasets.mhealth import CLASS_NAMES, load_mhealth


def write_subject(folder, subject, labels=(0, 4, 4, 12, 0)):
    """Column c of row r holds 100 r + c, counted from 1 as in the publisher's list."""
    table = 100.0 * np.arange(len(labels))[:, None] + np.arange(1, 25)
    table[:, 23] = labels
    path = folder / "MHEALTHDATASET" / f"mHealth_subject{subject}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, table, fmt=["%.6f"] * 23 + ["%d"], delimiter="\t")
    return path


def test_columns_become_the_sensors_of_the_published_list(tmp_path):
    write_subject(tmp_path, 3)
    (recording,) = load_mhealth(tmp_path)
    assert (recording.subject, recording.session) == (3, "mhealth/subject3")
    columns = {
        "chest": [1, 2, 3],
        "ecg": [4, 5],
        "ankle": [6, 7, 8, 9, 10, 11],
        "ankle_magnetometer": [12, 13, 14],
        "wrist": [15, 16, 17, 18, 19, 20],
        "wrist_magnetometer": [21, 22, 23],
    }
    assert set(recording.streams) == set(columns)
    for name, numbers in columns.items():
        stream = recording.streams[name]
        assert (stream.rate, stream.values.dtype) == (50.0, "float32")
        np.testing.assert_array_equal(stream.values[2], 200 + np.array(numbers))


def test_the_null_class_is_no_class(tmp_path):
    write_subject(tmp_path, 1)
    (recording,) = load_mhealth(tmp_path)
    assert recording.label.rate == 50.0
    assert recording.label.values[:, 0].tolist() == [-1, 3, 3, 11, -1]
    assert (CLASS_NAMES[3], CLASS_NAMES[11]) == ("walking", "jump front and back")


def test_subjects_come_by_number_from_a_zip_as_from_a_folder(tmp_path):
    for subject in (10, 2, 1):
        write_subject(tmp_path / "data", subject)
    (tmp_path / "data" / "MHEALTHDATASET" / "README.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in (tmp_path / "data").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path / "data"))
    for path in (tmp_path / "data", tmp_path / "data.zip"):
        assert [r.subject for r in load_mhealth(path)] == [1, 2, 10]


@pytest.mark.parametrize(
    ("damage", "received"),
    [
        (lambda text: "", "no data"),
        (lambda text: text[:-60], "number of columns changed from 24"),
        (lambda text: text.replace("\t", ";"), "could not convert"),
        (lambda text: "1\t2\t3\n", "3 columns"),
    ],
)
def test_a_cut_or_damaged_file_is_refused_with_the_remedy(tmp_path, damage, received):
    path = write_subject(tmp_path, 1)
    path.write_text(damage(path.read_text()))
    with pytest.raises(
        ValueError, match=rf"(?s)subject1\.log.*24 columns.*{received}.*dataset/319"
    ):
        load_mhealth(tmp_path)


def test_a_label_that_is_not_a_number_is_refused(tmp_path):
    path = write_subject(tmp_path, 5)
    path.write_text(path.read_text().replace("\t4\n", "\tnan\n"))
    with pytest.raises(ValueError, match=r"Received: \[nan\] for subject 5"):
        load_mhealth(tmp_path)


@pytest.mark.parametrize("labels", [(0, 13), (-1, 3), (0, 2**40)])
def test_a_label_of_another_data_set_is_refused(tmp_path, labels):
    write_subject(tmp_path, 5, labels)
    with pytest.raises(ValueError, match=r"from 0 to 12.*subject 5.*dataset/319"):
        load_mhealth(tmp_path)


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    (tmp_path / "other.log").write_text("hello")
    with pytest.raises(ValueError, match=r"without one.*dataset/319"):
        load_mhealth(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*dataset/319"):
        load_mhealth(tmp_path / "nowhere")
