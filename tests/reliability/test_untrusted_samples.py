"""What arrives while a model runs: samples from a device, bytes from a network."""

import contextlib
import socket

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_dcat.export import Description, runner
from keras_dcat.streaming import LivePage, StreamingClassifier
from tests.reliability.corruption import cases, damaged_bytes, within_bounds

DESCRIPTION = Description(("still", "moving"), "imu", 20.0, 1.0, 0.5, (20, 3))
REQUEST = (
    b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
GREETED = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
FRAME = b"\x81\x84\x00\x00\x00\x00null"  # a text of four letters, as a browser sends it
ODD = st.sampled_from(
    [None, "x", b"x", {}, object(), 1j, 10**400, [[1], [1, 2]], [["1", "2", "3"]]]
)
TYPES = st.one_of(
    arrays.floating_dtypes(),
    arrays.integer_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.datetime64_dtypes(),
    arrays.unicode_string_dtypes(),
)


def any_arrays(shapes):
    """Of numbers, times and text, and of objects that are anything."""
    objects = st.none() | st.floats() | st.text()
    return arrays.arrays(TYPES, shapes) | arrays.arrays("O", shapes, elements=objects)


SAMPLES = st.one_of(
    ODD,
    any_arrays(st.tuples(st.integers(0, 50), st.just(3))),
    any_arrays(arrays.array_shapes(min_dims=0, max_dims=3)),
)
TIMES = st.none() | ODD | any_arrays(arrays.array_shapes(min_dims=0))
RISING = st.lists(st.floats(), max_size=60).map(lambda x: np.unique(np.array(x)))


def scored(windows):
    assert windows.shape[1:] == (20, 3)
    assert np.isfinite(windows).all()
    return np.full((len(windows), 2), 0.5), None


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("artefact") / "target.tflite"
    path.write_bytes(b"TFL3")
    DESCRIPTION.put_into(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "load", lambda path: (scored, [], None))
        yield StreamingClassifier(path)


@cases()
@given(chunks=st.lists(st.tuples(SAMPLES, TIMES), min_size=1, max_size=4))
def test_any_samples_are_windows_or_a_value_error(classifier, chunks):
    classifier.reset()
    for samples, timestamps in chunks:
        with within_bounds():
            try:
                decisions = classifier.feed(samples, timestamps)
            except ValueError as error:
                assert "Received: " in str(error)  # noqa: PT017
            else:
                assert {each.label for each in decisions} <= {"still", "moving"}


@cases()
@given(chunks=st.lists(RISING, min_size=1, max_size=4))
def test_any_times_that_rise_are_bridged_or_a_gap(classifier, chunks):
    classifier.reset()
    for timestamps in chunks:
        samples = np.zeros((len(timestamps), 3))
        with within_bounds():
            try:
                classifier.feed(samples, timestamps)
            except ValueError as error:
                told = str(error)
                assert "rising" in told or "time_unit" in told or "its own" in told


@pytest.fixture(scope="module")
def page():
    pytest.importorskip("aiohttp")
    with LivePage(DESCRIPTION, port=0) as page:
        yield page


def said(page, content, is_all=True):
    """The first bytes of an answer to what was said; none if the line was cut."""
    host, port = page.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        with contextlib.suppress(ConnectionError):
            line.sendall(content)
            if is_all:
                line.shutdown(socket.SHUT_WR)
            return line.recv(12)
    return b""


@cases()
@given(content=damaged_bytes(REQUEST + FRAME) | damaged_bytes(REQUEST + FRAME * 30))
def test_a_page_outlives_what_anybody_says(page, caplog, content):
    with within_bounds():
        # aiohttp answers in the version that it was asked in, be it 0.9 or 2.0.
        assert said(page, content)[:5] in (b"", b"HTTP/")
        assert said(page, GREETED, is_all=False) == b"HTTP/1.1 200"
    # aiohttp writes down what is no HTTP; that a page leaves is no error.
    errors = [each.exc_text or "" for each in caplog.records]
    assert not [each for each in errors if "closing transport" in each]
