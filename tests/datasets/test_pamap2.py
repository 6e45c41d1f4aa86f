import zipfile

import numpy as np
import pytest

from keras_dcat.datasets.pamap2 import CLASS_NAMES, load_pamap2

ACTIVITIES = (0, 1, 1, 12, 24, 0)


def published_table(activities=ACTIVITIES):
    """Column c of row r holds 100 r + c, counted from 1 as in the publisher's list."""
    table = 100.0 * np.arange(len(activities))[:, None] + np.arange(1, 55)
    table[:, 0] = 8.38 + np.arange(len(activities)) / 100
    table[:, 1] = activities
    return table


def write_subject(folder, subject, table):
    path = folder / "PAMAP2_Dataset" / "Protocol" / f"subject{subject}.dat"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        " ".join("NaN" if np.isnan(v) else f"{v:.8g}" for v in row) for row in table
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_columns_become_the_sensors_of_the_published_list(tmp_path):
    write_subject(tmp_path, 104, published_table())
    (recording,) = load_pamap2(tmp_path)
    assert (recording.subject, recording.session) == (104, "pamap2/subject104")
    columns = {
        "heart_rate": [3],
        "hand": [5, 6, 7, 11, 12, 13],
        "chest": [22, 23, 24, 28, 29, 30],
        "ankle": [39, 40, 41, 45, 46, 47],
    }
    assert set(recording.streams) == set(columns)
    for name, numbers in columns.items():
        stream = recording.streams[name]
        assert stream.values.dtype == "float32"
        np.testing.assert_array_equal(stream.values[2], 200 + np.array(numbers))
        np.testing.assert_allclose(stream.times, 8.38 + np.arange(6) / 100, rtol=1e-12)


def test_transient_activities_are_no_class(tmp_path):
    write_subject(tmp_path, 101, published_table())
    (recording,) = load_pamap2(tmp_path)
    labels = recording.label.values[:, 0].tolist()
    assert labels == [-1, 0, 0, 7, 11, -1]
    assert [CLASS_NAMES[i] for i in (0, 7, 11)] == [
        "lying",
        "ascending stairs",
        "rope jumping",
    ]
    assert len(CLASS_NAMES) == 12
    assert recording.label.times[3] == pytest.approx(8.41)


def test_missing_samples_are_gaps_in_the_time_of_their_own_stream(tmp_path):
    table = published_table()
    table[[0, 1, 3, 4], 2] = np.nan  # heart rate in columns 3 of every third row
    table[2, 20:37] = np.nan  # the whole chest unit, at 8.40 s
    table[4, 12] = np.nan  # one axis of the hand's gyroscope, at 8.42 s
    table[:, 50:54] = np.nan  # the ankle's orientation, which is not read
    write_subject(tmp_path, 101, table)
    (recording,) = load_pamap2(tmp_path)
    times = {n: np.round(s.times, 2).tolist() for n, s in recording.streams.items()}
    assert times == {
        "heart_rate": [8.4, 8.43],
        "chest": [8.38, 8.39, 8.41, 8.42, 8.43],
        "hand": [8.38, 8.39, 8.4, 8.41, 8.43],
        "ankle": [8.38, 8.39, 8.4, 8.41, 8.42, 8.43],
    }
    assert recording.streams["heart_rate"].values[:, 0].tolist() == [203.0, 503.0]
    assert not any(np.isnan(s.values).any() for s in recording.streams.values())
    assert len(recording.label) == 6


def test_a_unit_that_never_sent_is_an_empty_stream(tmp_path):
    table = published_table()
    table[:, 3:20] = np.nan
    write_subject(tmp_path, 101, table)
    (recording,) = load_pamap2(tmp_path)
    assert recording.streams["hand"].values.shape == (0, 6)


def test_the_protocol_is_read_from_a_zip_and_the_optional_part_is_not(tmp_path):
    for subject in (109, 101):
        write_subject(tmp_path / "data", subject, published_table())
    optional = tmp_path / "data" / "PAMAP2_Dataset" / "Optional" / "subject101.dat"
    optional.parent.mkdir()
    optional.write_text("not read")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in (tmp_path / "data").rglob("*.dat"):
            archive.write(path, path.relative_to(tmp_path / "data"))
    for path in (tmp_path / "data", tmp_path / "data.zip"):
        assert [r.subject for r in load_pamap2(path)] == [101, 109]


@pytest.mark.parametrize(
    ("damage", "received"),
    [
        (lambda text: "", "no data"),
        (lambda text: text[: -len(text) // 12], "invalid column index"),
        (lambda text: text.replace("8.39 ", "8,39 "), "could not convert"),
    ],
)
def test_a_cut_or_damaged_file_is_refused_with_the_remedy(tmp_path, damage, received):
    path = write_subject(tmp_path, 101, published_table())
    path.write_text(damage(path.read_text()))
    with pytest.raises(
        ValueError, match=rf"(?s)subject101\.dat.*{received}.*dataset/231"
    ):
        load_pamap2(tmp_path)


def test_an_activity_that_is_not_of_the_protocol_is_refused(tmp_path):
    write_subject(tmp_path, 101, published_table((0, 1, 20)))
    with pytest.raises(ValueError, match=r"Received: \[20\.0\] for subject 101"):
        load_pamap2(tmp_path)


def test_what_is_not_the_data_set_is_refused_with_its_address(tmp_path):
    (tmp_path / "subject101.dat").write_text("outside of Protocol")
    with pytest.raises(ValueError, match=r"without one.*dataset/231"):
        load_pamap2(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*dataset/231"):
        load_pamap2(tmp_path / "nowhere")
