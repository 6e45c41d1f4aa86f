"""C3D, the files of motion capture: markers as a skeleton, and analog channels."""

from collections.abc import Sequence

import numpy as np

from keras_dcat.recordings.readers.c3d_parameters import BLOCK, Layout
from keras_dcat.recordings.readers.opened_files import (
    File,
    Source,
    as_stream,
    check_names,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.stream import Stream

_C3D = "a C3D file"
_METRES = {
    **{"m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0},
    **{"dm": 0.1, "cm": 0.01, "mm": 0.001, "um": 1e-6, "in": 0.0254, "ft": 0.3048},
}
# Groups of points that are no places: angles, forces and what is computed of them.
_COMPUTED = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS", "REACTIONS")


def read_c3d(
    path: File,
    markers: Sequence[str] | None = None,
    *,
    unit: float | None = None,
    start: float = 0.0,
) -> Stream:
    """Markers of a C3D file as a skeleton, in metres.

    A marker that the cameras did not see is not a number. What software computes and
    stores beside the markers, such as angles and forces, is left out unless it is
    named, and then is in the file's unit.

    Args:
        path: str or path, or a file open in binary mode.
        markers: list of str. Labels of markers, in the order wanted. None for all.
        unit: float. Metres per unit of the file, if it does not say: 0.001 for
            millimetres.
        start: float. Seconds at which the file's own clock reads 0, which is at its
            frame 1. A file that was cut begins later.

    Returns:
        `Stream` of float32 values `(time, markers, 3)` in memory.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, if a marker is not in it,
            or if it does not say its unit.

    Example:

    >>> import ezc3d, tempfile  # which writes a file, and is not needed to read it
    >>> made = ezc3d.c3d()
    >>> point = made["parameters"]["POINT"]
    >>> point["RATE"]["value"], point["UNITS"]["value"] = [100], ["mm"]
    >>> point["LABELS"]["value"] = ["LKNE", "RKNE"]
    >>> made["data"]["points"] = np.full((4, 2, 50), 250.0)
    >>> with tempfile.NamedTemporaryFile(suffix=".c3d") as file:
    ...     made.write(file.name)
    ...     stream = read_c3d(file.name, ["RKNE"])
    >>> stream.values.shape, stream.values[0].tolist(), stream.span
    ((50, 1, 3), [[0.25, 0.25, 0.25]], (0.0, 0.5))
    """
    source, layout = _opened(path)
    with reading(source, _C3D):
        points, _ = _frames(layout)
        names = layout.texts("POINT", "LABELS")[: layout.points]
        computed = _computed(layout)
    names += [f"point {n + 1}" for n in range(len(names), layout.points)]
    if markers is None:
        places = [n for n, name in enumerate(names) if name not in computed]
    else:
        wanted = [markers] if isinstance(markers, str) else list(markers)
        check_names(source, wanted, names)
        places = [names.index(name) for name in wanted]
    if not places or not len(points):
        found = f"{len(places)} markers in {len(points)} frames"
        raise unreadable(source, _C3D, found)
    values = points[:, places, :3]
    is_place = np.array([names[place] not in computed for place in places])
    with _damage_is_silent():
        values[points[:, places, 3] < 0] = np.nan
        if is_place.any():
            values[:, is_place] *= np.float32(_metres(source, layout, unit))
    rate = _rate(source, layout)
    return as_stream(source, values, rate, start + (layout.first - 1) / rate)


def read_c3d_analog(
    path: File,
    channels: Sequence[str] | None = None,
    *,
    start: float = 0.0,
) -> Stream:
    """Analog channels of a C3D file, such as EMG, at their own rate.

    Args:
        path: str or path, or a file open in binary mode.
        channels: list of str. Labels of channels, in the order wanted. None for all.
        start: float. Seconds at which the file's own clock reads 0, which is at its
            frame 1, as in `read_c3d`.

    Returns:
        `Stream` of float32 values `(time, channels)` in memory, in the file's units.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, or if a channel is not in
            it.

    Example:

    `read_c3d_analog("walk.c3d", ["EMG1", "EMG2"])` is on one clock with the markers.
    """
    source, layout = _opened(path)
    with reading(source, _C3D):
        _, raw = _frames(layout)
        names = layout.texts("ANALOG", "LABELS")[: raw.shape[1]]
        scales = layout.numbers("ANALOG", "SCALE")
        general = layout.numbers("ANALOG", "GEN_SCALE")
        offsets = layout.numbers("ANALOG", "OFFSET")
        is_unsigned = layout.texts("ANALOG", "FORMAT")[:1] == ["UNSIGNED"]
    names += [f"channel {n + 1}" for n in range(len(names), raw.shape[1])]
    wanted = names if channels is None else channels
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    if channels is not None:
        check_names(source, wanted, names)
    if not wanted or not len(raw):
        raise unreadable(source, _C3D, f"no analog channel in {len(raw)} samples")
    places = list(range(len(names)))
    if channels is not None:
        places = [names.index(name) for name in wanted]
    if not is_unsigned:  # they are stored in two bytes, whose upper half is below 0
        offsets = np.where(offsets > 32767, offsets - 65536.0, offsets)
    whole = float(general[0]) if len(general) else 1.0
    with _damage_is_silent():
        values = raw[:, places].astype("float64")
        for column, place in enumerate(places):
            offset = offsets[place] if place < len(offsets) else 0.0
            scale = float(scales[place]) if place < len(scales) else 1.0
            values[:, column] = (values[:, column] - offset) * (scale * whole)
        values = values.astype("float32")
    frame_rate = _rate(source, layout)
    rate = frame_rate * layout.subframes
    begin = start + (layout.first - 1) / frame_rate
    return as_stream(source, values, rate, begin)


def _damage_is_silent() -> np.errstate:
    """A damaged file may hold signalling NaN, and numbers beyond all measure."""
    return np.errstate(invalid="ignore", over="ignore")


def _opened(path: File) -> tuple[Source, Layout]:
    source = source_of(path)
    with source.opened() as file:
        content = file.read()
    with reading(source, _C3D):
        return source, Layout(content)


def _frames(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Points `(frames, points, 4)`, the last below 0 where unseen; analog samples.

    Those are `(samples, channels)` as they are stored.
    """
    width = 4 if layout.scale < 0 else 2
    place = (layout.data_block - 1) * BLOCK
    per_frame = 4 * layout.points + layout.per_frame
    count = layout.frames * per_frame
    if place < BLOCK or place + count * width > len(layout.content):
        raise ValueError(
            f"{len(layout.content)} bytes for {layout.frames} frames of {per_frame} "
            f"numbers from byte {place}"
        )
    is_unsigned = layout.texts("ANALOG", "FORMAT")[:1] == ["UNSIGNED"]
    with _damage_is_silent():
        if width == 4:
            table = layout.reals(place, count)
        else:
            table = layout.integers(place, count)
        table = table.reshape(layout.frames, per_frame)
        points = table[:, : 4 * layout.points].astype("float32")
        points = points.reshape(layout.frames, layout.points, 4)
        if width == 2:
            points[..., :3] *= np.float32(layout.scale)
    analog = table[:, 4 * layout.points :]
    if is_unsigned and width == 2:
        analog = analog.view(f"{layout.order}u2")
    samples = max(1, layout.subframes)
    if layout.per_frame % samples:
        raise ValueError(f"{layout.per_frame} analog values in {samples} samples")
    channels = layout.per_frame // samples
    return points, analog.reshape(layout.frames * samples, channels)


def _computed(layout: Layout) -> set[str]:
    """Labels of points that are no markers."""
    listed = layout.texts("POINT", "TYPE_GROUPS")
    groups = [name for name in listed if not name.upper().endswith("UNITS")]
    return {
        label
        for group in {*_COMPUTED, *(name.upper() for name in groups)} - {"LABELS"}
        for label in layout.texts("POINT", group)
    }


def _metres(source: Source, layout: Layout, unit: float | None) -> float:
    """Metres per unit of the file."""
    if unit is not None:
        if not 0 < unit < np.inf:
            raise ValueError(
                "`unit` must be metres per unit of the file. "
                f"Received: unit={unit}. Pass 0.001 for millimetres."
            )
        return unit
    said = " ".join(layout.texts("POINT", "UNITS")[:1])
    if said.lower() not in _METRES:
        raise ValueError(
            "A file must say in which unit its markers are. "
            f"Received: {said!r} in {source.name!r}. "
            "Pass metres per unit, such as unit=0.001 for millimetres."
        )
    return _METRES[said.lower()]


def _rate(source: Source, layout: Layout) -> float:
    """Frames per second."""
    listed = layout.numbers("POINT", "RATE")
    rate = float(listed[0]) if len(listed) else layout.rate
    if not 0 < rate < 1e6:
        raise unreadable(source, _C3D, f"{rate} frames per second")
    return rate
