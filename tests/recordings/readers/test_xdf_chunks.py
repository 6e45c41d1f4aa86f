import gzip
import io
import struct

import pytest

from keras_dcat import storage
from keras_dcat.recordings.readers import xdf_chunks
from keras_dcat.recordings.readers.opened_files import Source


def chunk(tag, content):
    """A chunk with its length in four bytes."""
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


def header(
    number, name="imu", kind="Accelerometer", channels=2, value="float32", **more
):
    labels = "".join(
        f"<channel><label>{n}</label></channel>" for n in more.get("labels", [])
    )
    return chunk(
        2,
        struct.pack("<I", number)
        + f"<info><name>{name}</name><type>{kind}</type><nominal_srate>"
        f"{more.get('rate', 100)}</nominal_srate><channel_count>{channels}"
        f"</channel_count><channel_format>{value}</channel_format><desc><channels>"
        f"{labels}</channels></desc></info>".encode(),
    )


def samples(number, times, rows, code="f"):
    """A chunk of samples, each with its time."""
    content = struct.pack("<I", number) + b"\x04" + struct.pack("<I", len(times))
    for time, row in zip(times, rows, strict=True):
        content += b"\x08" + struct.pack("<d", time)
        for value in row:
            if code == "s":
                text = value.encode()
                content += b"\x04" + struct.pack("<I", len(text)) + text
            else:
                content += struct.pack(f"<{code}", value)
    return chunk(3, content)


def offset(number, time, value):
    return chunk(4, struct.pack("<Idd", number, time, value))


def xdf(*chunks):
    version = chunk(1, b"<info><version>1.0</version></info>")
    return b"XDF:" + version + b"".join(chunks)


def walked(content):
    return xdf_chunks.stream_headers(io.BytesIO(content))


def test_the_streams_of_a_file_are_known_by_name_type_and_channels():
    content = xdf(
        header(7, labels=["x", "y"]),
        header(9, "keys", "Markers", 1, "string"),
        samples(7, [1.0, 2.0], [[1, 2], [3, 4]]),
        samples(9, [1.5], [["go"]], "s"),
        offset(7, 1.0, 0.5),
        chunk(5, b"boundary"),
    )
    first, second = walked(content)
    assert (first.number, first.name, first.kind) == (7, "imu", "Accelerometer")
    assert (first.channels, first.value_type, first.labels) == (
        2,
        "float32",
        ("x", "y"),
    )
    assert str(second) == "9: 'keys' of type 'Markers' (1 × string)"
    assert second.labels == ()


def test_a_file_cut_at_any_byte_is_refused_unless_a_chunk_ends_there():
    content = xdf(header(7), samples(7, [1.0], [[1, 2]]))
    ends = [4, len(xdf()), len(xdf(header(7))), len(content)]
    for size in range(len(content)):
        if size not in ends:
            with pytest.raises(ValueError, match=r"cut short|no mark|a chunk of"):
                walked(content[:size])
    assert [len(walked(content[:size])) for size in ends] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([chunk(3, struct.pack("<I", 7))], r"stream 7, which has no header"),
        ([header(7), header(7)], r"two streams of number 7"),
        ([header(7, channels=2**30)], r"1073741824 channels"),
        ([header(7, channels=0)], r"0 channels"),
        ([header(7, value="object")], r"'object'"),
        ([header(7), chunk(4, b"\0" * 9)], r"a chunk|samples of stream 0"),
        ([header(0), chunk(4, b"\0" * 9)], r"a clock offset of 9 bytes"),
        (
            [header(7), chunk(3, struct.pack("<IBQ", 7, 8, 2**60) + b"\0" * 40)],
            r"1152921504606846976 samples in 40 bytes",
        ),
        ([chunk(1, b'<!DOCTYPE a [<!ENTITY b "c">]><a/>')], r"a document type"),
        ([chunk(2, b"\0")], r"a chunk of 1 bytes"),
    ],
)
def test_counts_that_do_not_fit_their_chunk_are_refused(chunks, message):
    with pytest.raises(ValueError, match=message):
        walked(xdf(*chunks))


def test_a_packed_file_is_unpacked_unless_it_swells(monkeypatch):
    content = xdf(header(7))
    packed = Source("a.xdfz", gzip.compress(content))
    with xdf_chunks.opened(packed) as file:
        assert file.read() == content
    with xdf_chunks.opened(Source("a.xdf", content)) as file:
        assert file.read() == content
    monkeypatch.setattr(storage, "_ALWAYS", 2**20)
    bomb = Source("a.xdfz", gzip.compress(bytes(2**24)))
    with pytest.raises(ValueError, match="100 times the bytes of their file"):
        xdf_chunks.opened(bomb)
