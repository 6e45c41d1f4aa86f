"""A small valid file of every format of the field, and of every file of labels."""

import io
import pathlib
import tempfile

import edfio
import numpy as np
from hypothesis import strategies as st
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin

from keras_dcat.recordings import (
    read_audacity_labels,
    read_c3d,
    read_c3d_analog,
    read_edf,
    read_edf_annotations,
    read_elan,
    read_label_table,
    read_rosbag,
    read_xdf,
    read_xdf_markers,
)
from tests import bags
from tests.recordings.readers import test_c3d_parameters as motion
from tests.recordings.readers import test_elan as elan
from tests.recordings.readers import test_xdf_chunks as lab
from tests.reliability.corruption import Specimen, damaged_text
from tests.reliability.specimens import looked_at

_VALUES = np.random.default_rng(0).normal(size=(30, 3))


def looked_at_labels(labels):
    """Reads intervals, and the names of their classes."""
    assert labels.starts.shape == labels.ends.shape == labels.labels.shape
    assert (labels.starts <= labels.ends).all()
    count = np.inf if labels.class_names is None else len(labels.class_names)
    assert ((labels.labels >= -1) & (labels.labels < count)).all()


def _xdf():
    chunks = [
        lab.header(1, channels=3),
        lab.header(2, "keys", "Markers", 1, "string", rate=0),
        lab.samples(1, 100 + np.arange(30) / 100, _VALUES),
        lab.samples(2, [100.0, 100.1, 100.2], [["a"], ["b"], ["a"]], "s"),
    ]
    times = (100.0, 105.0, 110.0)
    chunks += [lab.offset(n, time, 0.5) for n in (1, 2) for time in times]
    return lab.xdf(*chunks)


def _edf(kind):
    signals = [
        getattr(edfio, f"{kind}Signal")(
            column, 10, label=name, physical_range=(-9, 9), digital_range=(-999, 999)
        )
        for name, column in zip("xyz", _VALUES.T, strict=True)
    ]
    notes = [edfio.EdfAnnotation(n, 0.5, name) for n, name in enumerate("aba")]
    file = io.BytesIO()
    recording = getattr(edfio, kind)(signals, annotations=notes, data_record_duration=1)
    recording.write(file)
    return file.getvalue()


def _c3d():
    points = np.zeros((5, 3, 4))
    points[..., :3] = _VALUES[:15].reshape(5, 3, 3)
    names = motion.texts("POINT", "LABELS", "LKNE", "RKNE", "HEAD")
    parameters = [names, motion.texts("POINT", "UNITS", "mm")]
    analog = _VALUES[:10, :2].reshape(5, 4)
    return motion.c3d(points, analog=analog, subframes=2, parameters=parameters)


def _bag(kind):
    store = bags.STORE1 if kind == "bag" else bags.STORE
    rows = np.tile(_VALUES[:8], 2)
    sent = [("/imu", n, bags.imu(n, row, store)) for n, row in enumerate(rows, start=1)]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if kind == "bag":
            lz4 = Writer1.CompressionFormat.LZ4
            return bags.write1(folder / "a.bag", sent, lz4).read_bytes()
        storage = {"mcap": StoragePlugin.MCAP, "db3": StoragePlugin.SQLITE3}[kind]
        bags.write2(folder / "a", sent, storage=storage)
        return (folder / "a" / f"a.{kind}").read_bytes()


def _eaf():
    words = elan.tier(
        "word", elan.aligned("a", 0, 1, "x"), elan.aligned("b", 1, 2, "y")
    )
    parts = [elan.referring("c", "a", "u"), elan.referring("d", "a", "v", previous="c")]
    return elan.eaf(words + elan.tier("part", *parts), [0, None, 3000]).getvalue()


def of_field_files():
    """Files of the field, by format."""
    table = b"from;to;what\n0,5;1,25;sit\n1,25;2;walk\n2;3;sit\n"
    track = b"0.5\t1.25\tsit\n\\\t100\t200\n1.25\t2\twalk\n"
    until = {"clock": "own", "until": 1e6}
    columns = {"label": "what", "begin": "from", "end": "to"}
    made = {
        "xdf": (_xdf(), read_xdf, {"stream": "imu"}),
        "markers.xdf": (_xdf(), read_xdf_markers, {"stream": "keys", **until}),
        "edf": (_edf("Edf"), read_edf, {"signals": ["x", "z"], "start": 1.0}),
        "notes.edf": (_edf("Edf"), read_edf_annotations, {"instants": "drop"}),
        "bdf": (_edf("Bdf"), read_edf, {"signals": "y"}),
        "c3d": (_c3d(), read_c3d, {}),
        "analog.c3d": (_c3d(), read_c3d_analog, {}),
        "eaf": (_eaf(), read_elan, {"tier": "part"}),
        "labels.csv": (table, read_label_table, columns),
        "hours.csv": (b"from,to,what\n0:00:01,0:00:02,a\n", read_label_table, columns),
        "labels.txt": (track, read_audacity_labels, {}),
        **{
            kind: (_bag(kind), read_rosbag, {"topic": "/imu"})
            for kind in ("bag", "mcap", "db3")
        },
    }
    return {
        kind: _specimen(f"a.{kind}", content, read, options)
        for kind, (content, read, options) in made.items()
    }


def _specimen(name, content, read, options):
    def read_all(folder):
        found = read(folder / name, **options)
        looked = looked_at if hasattr(found, "values") else looked_at_labels
        looked(found)

    is_text = name.endswith(("csv", "txt", "eaf"))
    structured = damaged_text(content) if is_text else st.nothing()
    return Specimen({name: content}, name, read_all, structured=structured)
