"""Numbers of robot messages by the path of their fields."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

_IMU = [f"{g}.{a}" for g in ("angular_velocity", "linear_acceleration") for a in "xyz"]
_DEFAULTS = {"sensor_msgs/msg/Imu": _IMU, "sensor_msgs/msg/JointState": ["position"]}
_JOINTS = ("position", "velocity", "effort")
_NUMBER = bool | int | float | np.number | np.bool_
# Arrays longer than this are images or clouds, not channels.
_MOST_NUMBERS = 4096


def default_fields(kind: str) -> list[str] | None:
    """What is read of messages of a type if nobody says, or None."""
    return _DEFAULTS.get(kind)


def numeric_fields(message: Any, before: str = "", depth: int = 8) -> list[str]:
    """Paths of all numbers of a message, arrays under one path.

    Args:
        message: a message of rosbags.
        before: str. The path of the message itself, with a point behind it.
        depth: int. How many messages deep to look.

    Returns:
        list of str, such as `"linear_acceleration.x"`.
    """
    paths = []
    for name in _names(message):
        value = getattr(message, name)
        if isinstance(value, _NUMBER | np.ndarray):
            paths.append(before + name)
        elif dataclasses.is_dataclass(value) and depth:
            paths += numeric_fields(value, f"{before}{name}.", depth - 1)
    return paths


class Fields:
    """Reads the same numbers of message after message.

    Args:
        where: str. The topic and its bag, for errors.
        kind: str. The type of the messages.
        fields: sequence of str. Paths; of joints, `"position"` for all, or
            `"velocity.knee"`, or only the name of a joint.

    Raises:
        ValueError: as it reads, if a message has no such field, or if an array changes
            its length.
    """

    def __init__(self, where: str, kind: str, fields: Sequence[str]):
        self.where, self.fields = where, list(dict.fromkeys(fields))
        self.read = self._joints if kind == "sensor_msgs/msg/JointState" else self._row
        self.columns: dict[tuple, None] = {}  # an ordered set
        # Numbers of each message, and which columns they are of: joints come and go.
        self.layouts: dict[tuple, int] = {}
        self.rows: list[tuple[int, tuple]] = []

    def add(self, message: Any) -> None:
        """Reads a message."""
        row = self.read(message)
        columns = tuple(row)
        if columns not in self.layouts:
            self.columns.update(dict.fromkeys(columns))
        layout = self.layouts.setdefault(columns, len(self.layouts))
        self.rows.append((layout, tuple(row.values())))

    def values(self) -> np.ndarray:
        """All that was read, `(messages, numbers)`; not a number where none is."""
        order = {field: place for place, field in enumerate(self.fields)}
        columns = sorted(self.columns, key=lambda column: order[column[0]])
        filled = {field for field, *_ in columns}
        empty = [field for field in self.fields if field not in filled]
        if empty:
            raise self._error(f"nothing under {empty}", "Choose fields that are filled")
        if len(self.layouts) == 1:  # whole numbers stay whole
            read = np.array([row for _, row in self.rows])
            return read[:, [list(next(iter(self.layouts))).index(c) for c in columns]]
        values = np.full((len(self.rows), len(columns)), np.nan)
        of_rows = np.array([layout for layout, _ in self.rows])
        for names, layout in self.layouts.items():
            chosen = np.flatnonzero(of_rows == layout)
            places = [columns.index(name) for name in names]
            if places:
                read = [self.rows[number][1] for number in chosen]
                values[np.ix_(chosen, np.array(places))] = read
        return values

    def _row(self, message):
        row: dict[tuple, Any] = {}
        for field in self.fields:
            value = message
            for name in field.split("."):
                value = self._part(value, name, field)
            parts = {"": value}
            if dataclasses.is_dataclass(value):
                parts = {path: _at(value, path) for path in numeric_fields(value)}
            for path, part in parts.items():
                is_array = isinstance(part, np.ndarray) and part.dtype.kind in "biuf"
                if is_array and part.size <= _MOST_NUMBERS:
                    row |= {(field, path, n): each for n, each in enumerate(part)}
                elif isinstance(part, _NUMBER):
                    row[field, path] = part
                else:
                    told = f"{len(part)} of them" if is_array else type(part).__name__
                    raise self._error(
                        f"{field!r}, which is {told}",
                        f"Choose from: {numeric_fields(message)[:30]}",
                    )
        if self.columns and row.keys() != self.columns.keys():
            raise self._error(
                f"{len(row)} numbers in a message, after {len(self.columns)}",
                "Name places of the array that all have, such as 'ranges.0'",
            )
        return row

    def _part(self, value, name, field):
        """A field of a message, or a place of an array."""
        if isinstance(value, np.ndarray | list) and name.isdecimal():
            if int(name) < len(value):
                return value[int(name)]
            told = f"places 0 to {len(value) - 1}"
        elif name in _names(value):
            return getattr(value, name)
        else:
            told = str(numeric_fields(value)[:30] or _names(value))
        raise self._error(f"{field!r}, with no {name!r} in it", f"Choose from: {told}")

    def _joints(self, message):
        names = list(message.name)
        if len(set(names)) != len(names):
            raise self._error(f"two joints of one name, {names}", "Correct the sender")
        row: dict[tuple, Any] = {}
        for field in self.fields:
            group, _, joint = field.partition(".")
            if group not in _JOINTS:
                group, joint = "position", field
            numbers = np.asarray(getattr(message, group)).tolist()
            if numbers and len(numbers) != len(names):
                raise self._error(
                    f"{len(numbers)} of {group} for {len(names)} joints",
                    "Correct the sender, or read another field",
                )
            found = dict(zip(names, numbers, strict=False))
            wanted = [joint] if joint else names
            row |= {(field, name): found[name] for name in wanted if name in found}
        return row

    def _error(self, found, cure):
        return ValueError(
            "What is read of a message must be numbers that each of them has. "
            f"Received: {found}, under {self.where}. {cure}."
        )


def _at(value, path):
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _names(message):
    if not dataclasses.is_dataclass(message):
        return []
    return [field.name for field in dataclasses.fields(message)]
