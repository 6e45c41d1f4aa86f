"""What an exported target says of a Bluetooth LE sensor, as it happens.

Each notification is a packet: a counter of milliseconds (uint32), and behind it samples
of int16, channel by channel, all little-endian. The packet's one time is that of its
last sample; the others are spread by the sensor's rate.

    pip install '.[export,live,ble]'
    python examples/bluetooth_sensor.py target.tflite AA:BB:CC:DD:EE:FF \
        --characteristic 0000ffe1-0000-1000-8000-00805f9b34fb --rate 50 --scale 0.00061
"""

import argparse
import asyncio
import contextlib
import queue
import threading

import bleak
import numpy as np

from keras_dcat.streaming import (
    LivePage,
    StreamingClassifier,
    listen,
    print_moments,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("artefact", help="a SavedModel, .tflite or .onnx, as exported")
parser.add_argument("address", help="of the sensor")
parser.add_argument("--characteristic", required=True, help="UUID that notifies")
parser.add_argument("--rate", type=float, required=True, help="samples a second")
parser.add_argument("--scale", type=float, default=1.0, help="unit of a count")
parser.add_argument("--page", action="store_true", help="show it on a web page")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8000, help="of the page")
args = parser.parse_args()

classifier = StreamingClassifier(
    args.artefact,
    args.rate,
    time_unit=0.001,
    wraps=2**32 * 0.001,
    packets="end",
)


def packets():
    """Packets as they arrive, of a connection that lives in a thread of its own."""
    arrived: queue.Queue = queue.Queue()

    async def receive():
        gone = asyncio.Event()
        client = bleak.BleakClient(args.address, lambda client: gone.set())
        async with client:
            await client.start_notify(
                args.characteristic, lambda _, data: arrived.put(bytes(data))
            )
            await gone.wait()

    def run():
        try:
            asyncio.run(receive())
            arrived.put(ConnectionError("the sensor has gone"))
        except Exception as error:  # of Bluetooth, of each system its own
            arrived.put(ConnectionError(f"{type(error).__name__} {error}"))

    threading.Thread(target=run, daemon=True).start()
    while True:
        packet = arrived.get()
        if isinstance(packet, Exception):
            raise packet
        counts = np.frombuffer(packet, "<i2", offset=4)
        samples = counts.reshape(-1, *classifier.description.shape[1:]) * args.scale
        yield samples, int(np.frombuffer(packet, "<u4", 1)[0])


page = LivePage(classifier.description, args.host, args.port) if args.page else None
with page or contextlib.nullcontext():
    if page:
        print(page.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        moments = listen(classifier, packets, tell=print)
        print_moments(moments, classifier.description, page=page)
