"""The examples of real sensors, with a stand-in that replays one and breaks off."""

import asyncio
import pathlib
import re
import runpy
import sys
import types

import numpy as np
import pytest

from keras_dcat.export import Description, runner
from tests.streaming.conftest import scored
from tests.streaming.test_classifier import offline

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("still", "moving")
VALUES = np.round(np.random.default_rng(0).normal(size=(400, 3)), 2)
PARTS = VALUES[:200], VALUES[200:]  # of the first and of the second connection


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """A function that runs an example with a stand-in, and gives what it prints.

    It waits for the second connection, and ends it, as by Ctrl+C, after the second
    loss.
    """
    path = tmp_path / "target.tflite"
    path.write_bytes(b"")
    Description(NAMES, "imu", 20.0, 1.0, 0.5, (20, 3)).put_into(path)
    monkeypatch.setattr(runner, "load", lambda path: (scored, [], None))
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)

    def run(name, stand_in, *options):
        monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
        example = ROOT / "examples" / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(example), str(path), *options])
        runpy.run_path(str(example), run_name="__main__")
        return capsys.readouterr().out

    return run


def check(printed, lost):
    """Both connections were told, and of each the windows that a training would cut."""
    assert printed.count(f"connection lost ({lost}), next try in 1 s\n") == 2
    assert printed.count("connected again\n") == 1
    for text, values in zip(printed.split("connection lost"), PARTS, strict=False):
        found = re.findall(r"([\d.]+) s: (\w+), (\d+)%", text)
        times, expected = offline(values.astype("float32"))
        starts = np.array([float(at) for at, _, _ in found])
        np.testing.assert_allclose(starts - starts[0], times, atol=0.11)
        labels = [NAMES[n] for n in expected.argmax(axis=1)]
        assert [label for _, label, _ in found] == labels
        shares = [int(share) / 100 for _, _, share in found]
        np.testing.assert_allclose(shares, expected.max(axis=1), atol=0.006)


def test_lines_of_a_serial_port(said):
    connections = []

    class Serial:
        def __init__(self, device, baud, timeout):
            assert (device, baud) == ("/dev/ttyACM0", 115200)
            rows = [
                f"{50 * n},{','.join(map(str, row))}\r\n".encode()
                for n, row in enumerate(PARTS[len(connections)])
            ]
            self.rows = [b"0.1,2\r\n", b"\xff\x00,1,2,3\r\n", *rows]
            connections.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.rows = None

        def readline(self):
            if not self.rows:
                raise OSError("unplugged")  # as `SerialException` is one
            return self.rows.pop(0)

    stand_in = types.ModuleType("serial")
    stand_in.Serial = Serial
    options = ["/dev/ttyACM0", "--time-unit", "0.001"]
    check(said("serial_sensor", stand_in, *options), "unplugged")
    assert [each.rows for each in connections] == [None, None]


def test_packets_of_bluetooth_whose_counter_wraps(said):
    connections = []

    class BleakClient:
        def __init__(self, address, disconnected_callback):
            assert address == "AA:BB"
            self.gone, self.part = disconnected_callback, PARTS[len(connections)]
            connections.append(self)

        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            pass

        async def start_notify(self, characteristic, callback):
            assert characteristic == "ffe1"
            for at in range(0, 200, 10):
                time = (2**32 - 4000 + 50 * (at + 9)) % 2**32
                counts = np.round(self.part[at : at + 10] * 100).astype("<i2")
                packet = np.array(time, "<u4").tobytes() + counts.tobytes()
                callback(None, bytearray(packet))
            asyncio.get_running_loop().call_soon(self.gone, self)

    stand_in = types.ModuleType("bleak")
    stand_in.BleakClient = BleakClient
    options = ["AA:BB", "--characteristic", "ffe1", "--rate", "20", "--scale", "0.01"]
    printed = said("bluetooth_sensor", stand_in, *options)
    check(printed, "the sensor has gone")


def test_a_stream_of_the_lab_streaming_layer(said):
    connections = []

    class StreamInlet:
        def __init__(self, info, recover, processing_flags):
            assert (info, recover, processing_flags) == ("the stream", False, 7)
            self.part, self.at, self.open = PARTS[len(connections)], 0, True
            connections.append(self)

        def pull_chunk(self, timeout):
            begin, self.at = self.at, min(self.at + 17, 200)
            if begin == 200:
                raise LostError("the stream has been lost")
            times = [1000 + n / 20 for n in range(begin, self.at)]
            return self.part[begin : self.at].tolist(), times

        def close_stream(self):
            self.open = False

    class LostError(RuntimeError):
        pass

    def resolve_byprop(prop, value, timeout):
        assert (prop, value) == ("name", "accelerometer")
        return ["the stream"]

    stand_in = types.ModuleType("pylsl")
    stand_in.proc_clocksync, stand_in.proc_dejitter, stand_in.proc_monotonize = 1, 2, 4
    stand_in.resolve_byprop, stand_in.StreamInlet = resolve_byprop, StreamInlet
    stand_in.util = types.SimpleNamespace(
        LostError=LostError, TimeoutError=TimeoutError
    )
    printed = said("lsl_sensor", stand_in, "accelerometer")
    check(printed, "the stream has been lost")
    assert [each.open for each in connections] == [False, False]
