import struct

import numpy as np
import pytest

from keras_dcat.recordings.readers import c3d_parameters

ORDERS = {84: "<", 85: "<", 86: ">"}


def real(value, processor):
    """A number of four bytes as the processor stores it."""
    if processor != 85:
        return struct.pack(f"{ORDERS[processor]}f", value)
    low, high = struct.unpack("<HH", struct.pack("<f", value * 4))
    return struct.pack("<HH", high, low)


def parameter(processor, group, name, kind, shape, content):
    order = ORDERS[processor]
    data = bytes([kind % 256, len(shape), *shape]) + content + b"\0"
    step = struct.pack(f"{order}H", len(data) + 2)
    return bytes([len(name), group]) + name.encode() + step + data


def c3d(
    values,
    *,
    processor=84,
    scale=-1.0,
    first=1,
    last=None,
    analog=(),
    subframes=1,
    parameters=(),
    rate=100.0,
):
    """A file with values `(frames, points, 4)` and analog `(frames, numbers)`."""
    order = ORDERS[processor]
    frames, points = values.shape[:2]
    last = first + frames - 1 if last is None else last
    per_frame = np.shape(analog)[1] if len(analog) else 0
    header = struct.pack("<BB", 2, 0x50)
    header += struct.pack(f"{order}5H", points, per_frame, first, last, 0)
    header += real(scale, processor) + struct.pack(f"{order}HH", 4, subframes)
    header += real(rate, processor)
    body = (
        bytes([0, 0, 2, processor]) + b"\xfb\xffPOINT" + struct.pack(f"{order}HB", 3, 0)
    )
    body += b"\xfa\xfeANALOG" + struct.pack(f"{order}HB", 3, 0)
    body += b"\xfb\xfdTRIAL" + struct.pack(f"{order}HB", 3, 0)
    for group, name, kind, shape, content in parameters:
        number = {"POINT": 1, "ANALOG": 2, "TRIAL": 3}[group]
        body += parameter(processor, number, name, kind, shape, content)
    data = b""
    for number, frame in enumerate(values):
        row = [*frame.ravel(), *(analog[number] if len(analog) else ())]
        if scale < 0:
            data += b"".join(real(value, processor) for value in row)
        else:
            data += struct.pack(f"{order}{len(row)}h", *[int(value) for value in row])
    return header.ljust(512, b"\0") + body.ljust(1024, b"\0") + data


def texts(group, name, *names):
    width = max(map(len, names))
    content = "".join(each.ljust(width) for each in names).encode()
    return group, name, -1, [width, len(names)], content


def words(group, name, *numbers, order="<"):
    return (
        group,
        name,
        2,
        [len(numbers)],
        struct.pack(f"{order}{len(numbers)}H", *numbers),
    )


ZEROS = np.zeros((3, 2, 4))


@pytest.mark.parametrize("processor", [84, 85, 86])
def test_counts_rates_and_parameters_are_the_same_of_every_processor(processor):
    given = [
        texts("POINT", "LABELS", "LKNE", "RKNE"),
        texts("POINT", "LABELS2", "HEAD"),
        ("POINT", "RATE", 4, [], real(120.0, processor)),
        ("ANALOG", "FORMAT", -1, [8], b"UNSIGNED"),
        ("ANALOG", "BITS", 1, [2], b"\x10\xff"),
    ]
    layout = c3d_parameters.Layout(c3d(ZEROS, processor=processor, parameters=given))
    assert (layout.points, layout.frames, layout.first) == (2, 3, 1)
    assert (layout.scale, layout.rate, layout.data_block) == (-1.0, 100.0, 4)
    assert layout.texts("POINT", "LABELS") == ["LKNE", "RKNE", "HEAD"]
    assert layout.texts("ANALOG", "FORMAT") == ["UNSIGNED"]
    assert layout.numbers("POINT", "RATE").tolist() == [120.0]
    assert layout.numbers("ANALOG", "BITS").tolist() == [16, 255]
    assert len(layout.numbers("POINT", "SCALE")) == 0
    assert layout.texts("POINT", "UNITS") == []


def test_a_trial_too_long_for_the_header_is_counted_by_its_parameters():
    trial = [
        words("TRIAL", "ACTUAL_START_FIELD", 2, 0),
        words("TRIAL", "ACTUAL_END_FIELD", 4464, 1),
    ]
    layout = c3d_parameters.Layout(c3d(ZEROS, first=2, last=65535, parameters=trial))
    assert (layout.first, layout.frames) == (2, 69999)
    count = [("POINT", "FRAMES", 4, [], real(70000.0, 84))]
    layout = c3d_parameters.Layout(c3d(ZEROS, last=65535, parameters=count))
    assert layout.frames == 70000


def test_a_cut_of_a_trial_is_counted_by_the_header():
    trial = [
        words("TRIAL", "ACTUAL_START_FIELD", 1, 0),
        words("TRIAL", "ACTUAL_END_FIELD", 500, 0),
    ]
    layout = c3d_parameters.Layout(c3d(ZEROS, first=10, parameters=trial))
    assert (layout.first, layout.frames) == (10, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no mark"),
        (bytes(2000), "no mark"),
        (b"\x09\x50" + bytes(2000), "parameters at 4096"),
        (b"\x02\x50" + bytes(2000), "an unknown processor, 0"),
        (c3d(ZEROS, parameters=[("POINT", "X", 4, [255, 255], b"")]), "65025 values"),
        (c3d(ZEROS, parameters=[("POINT", "X", 3, [1], b"abc")]), "of type 3"),
    ],
)
def test_counts_that_do_not_fit_the_file_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        c3d_parameters.Layout(content)
