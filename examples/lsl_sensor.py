"""What an exported target says of a stream of the lab streaming layer, as it happens.

Samples bear the time of the sender, which LSL brings to this machine's clock. A sender
that stops is looked for again, by the name of its stream.

    pip install '.[export,live,lsl]'
    python examples/lsl_sensor.py target.tflite accelerometer
"""

import argparse
import contextlib

import numpy as np
import pylsl

from keras_dcat.streaming import (
    LivePage,
    StreamingClassifier,
    listen,
    print_moments,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("artefact", help="a SavedModel, .tflite or .onnx, as exported")
parser.add_argument("stream", help="its name")
parser.add_argument("--silence", type=float, default=5.0, help="s that are a loss")
parser.add_argument("--page", action="store_true", help="show it on a web page")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8000, help="of the page")
args = parser.parse_args()

classifier = StreamingClassifier(args.artefact)


def chunks():
    """Samples of the stream, about ten times a second."""
    found = pylsl.resolve_byprop("name", args.stream, timeout=args.silence)
    if not found:
        raise ConnectionError(f"nobody sends a stream named {args.stream!r}")
    flags = pylsl.proc_clocksync | pylsl.proc_dejitter | pylsl.proc_monotonize
    inlet = pylsl.StreamInlet(found[0], recover=False, processing_flags=flags)
    silent = 0.0
    try:
        while silent < args.silence:
            samples, times = inlet.pull_chunk(timeout=0.1)
            silent = 0.0 if len(times) else silent + 0.1
            if len(times):
                rows = np.asarray(samples)
                yield rows.reshape(-1, *classifier.description.shape[1:]), times
    except (pylsl.util.LostError, pylsl.util.TimeoutError) as error:
        raise ConnectionError(str(error)) from error
    finally:
        inlet.close_stream()
    raise TimeoutError(f"nothing came from {args.stream!r} for {args.silence:g} s")


page = LivePage(classifier.description, args.host, args.port) if args.page else None
with page or contextlib.nullcontext():
    if page:
        print(page.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        moments = listen(classifier, chunks, tell=print)
        print_moments(moments, classifier.description, page=page)
