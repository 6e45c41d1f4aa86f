"""Shoulder exercises seen by a smartwatch, as shipped with `seglearn`."""

import hashlib
import importlib.util
import io
import os
import pathlib

import numpy as np

from keras_dcat.datasets.inertial import inertial_streams
from keras_dcat.recordings import Recording

CLASS_NAMES = (
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "lower trapezius row",
    "bent-over row",
)
RATE = 50.0
_FILE = "watch_dataset.npy"
_SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
_REMEDY = "Install the package that ships it: pip install 'keras_dcat[demo]'"


def load_watch(path: str | os.PathLike | None = None) -> list[Recording]:
    """140 recordings of 7 exercises by 10 subjects, 19 to 52 s each, at 50 Hz.

    Every recording is one subject doing one exercise with one arm, the watch on
    that wrist. There is no official split; split by subject.

    Args:
        path: str or path of `watch_dataset.npy`. By default the file inside the
            installed package `seglearn`, which is found, not imported.

    Returns:
        list of `Recording` with labels that index `CLASS_NAMES` and the streams,
        float32, `accelerometer` `(time, 3)` in g, `gyroscope` `(time, 3)` in
        rad/s, and `imu` `(time, 6)`, the two side by side.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if it is not the published file. It holds pickled objects, so
            its SHA-256 is checked before anything is unpacked.

    Reference:
        Burns et al., 2018, [Shoulder physiotherapy exercise recognition](
        https://arxiv.org/abs/1802.01489). Data: BSD 3-Clause, in `seglearn`.
    """
    content = _find(path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != _SHA256:
        raise ValueError(
            f"{_FILE} must be the file that seglearn 1.2.5 ships, for it is unpickled. "
            f"Received: a file with SHA-256 {digest[:16]}…, not {_SHA256[:16]}…. "
            f"{_REMEDY}"
        )
    data = np.load(io.BytesIO(content), allow_pickle=True).item()
    return [
        Recording(
            streams=inertial_streams(values.astype("float32"), RATE),
            label=int(label),
            subject=int(subject),
            session=f"watch/{number:03d}",
        )
        for number, (values, label, subject) in enumerate(
            zip(data["X"], data["y"], data["subject"], strict=True)
        )
    ]


def _find(path):
    if path is None:
        package = importlib.util.find_spec("seglearn")
        if package is None or package.origin is None:
            raise FileNotFoundError(
                f"{_FILE} must be on this machine. "
                f"Received: no path, and no installed package `seglearn`. {_REMEDY}"
            )
        path = pathlib.Path(package.origin).parent / "data" / _FILE
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{_FILE} must be a file. Received: {str(path)!r}. {_REMEDY}"
        )
    return path
