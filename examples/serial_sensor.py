"""What an exported target says of a sensor at a serial port, as it happens.

The sensor prints a line for each sample, the time first: `1234,0.12,-9.71,0.55`. Lines
that are cut, as the first one, are left out; a plug that is pulled may be put back.

    pip install '.[export,live,serial]'
    python examples/serial_sensor.py target.tflite /dev/ttyACM0 --time-unit 0.001
"""

import argparse
import contextlib

import numpy as np
import serial

from keras_dcat.streaming import (
    LivePage,
    StreamingClassifier,
    listen,
    print_moments,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("artefact", help="a SavedModel, .tflite or .onnx, as exported")
parser.add_argument("device", help="/dev/ttyACM0, COM3 or the like")
parser.add_argument("--baud", type=int, default=115200)
parser.add_argument("--time-unit", type=float, default=1.0, help="seconds per unit")
parser.add_argument("--wraps", type=float, help="period of the sensor's counter, in s")
parser.add_argument("--page", action="store_true", help="show it on a web page")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8000, help="of the page")
args = parser.parse_args()

classifier = StreamingClassifier(
    args.artefact, time_unit=args.time_unit, wraps=args.wraps
)
channels = int(np.prod(classifier.description.shape[1:]))


def lines():
    """Ten samples at a time. Nothing for five seconds counts as a loss."""
    with serial.Serial(args.device, args.baud, timeout=5.0) as port:
        rows = []
        while line := port.readline():
            with contextlib.suppress(ValueError):  # a line that was cut
                row = [float(cell) for cell in line.split(b",")]
                rows += [row] if len(row) == 1 + channels else []
            if len(rows) == 10:
                rows, whole = [], np.array(rows)
                samples = whole[:, 1:].reshape(-1, *classifier.description.shape[1:])
                yield samples, whole[:, 0]
    raise TimeoutError(f"nothing came from {args.device} for five seconds")


page = LivePage(classifier.description, args.host, args.port) if args.page else None
with page or contextlib.nullcontext():
    if page:
        print(page.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        moments = listen(classifier, lines, tell=print)
        print_moments(moments, classifier.description, page=page)
