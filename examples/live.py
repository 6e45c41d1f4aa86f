"""Recordings of a person whom the target never saw, classified as if they were live.

Prints the running label, and shows signals, decisions and truth on a web page that only
this machine can reach. `--data` replays UTD-MHAD, `--sisfall` daily activities and
falls of SisFall, else the watch recordings.
"""

import argparse

import numpy as np

from keras_dcat import datasets
from keras_dcat.export import Description
from keras_dcat.streaming import (
    LivePage,
    MedianSmoothing,
    Sensor,
    StreamingClassifier,
    print_replay,
)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("artefact", help="a SavedModel, .tflite or .onnx, as exported")
parser.add_argument("--data", help="UTD-MHAD: the publisher's zip, or a folder of it")
parser.add_argument("--sisfall", help="SisFall: the publisher's zip, or sisfall50.npz")
parser.add_argument("--subject", default="2", help="whose recordings; SA01 of SisFall")
parser.add_argument("--recordings", type=int, help="how many of them")
parser.add_argument("--speed", type=float, default=1.0, help="times real time")
parser.add_argument("--smoothing", type=float, default=0.3)
parser.add_argument("--median", type=int, help="instead, over so many windows")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
args = parser.parse_args()

UNITS = {"accelerometer": "g", "gyroscope": "°/s", "accelerometer_2": "g"}
if args.sisfall:
    clips = datasets.sisfall.label_falls(datasets.load_sisfall(args.sisfall))
else:
    clips = datasets.load_utd_mhad(args.data) if args.data else datasets.load_watch()
own = [clip for clip in clips if str(clip.subject) == args.subject][: args.recordings]
if not own:
    raise SystemExit(f"There is no recording of person {args.subject}.")
stream = Description.of(args.artefact).stream
rate = own[0].streams[stream].rate  # the classifier brings it to the model's
smoothing = args.smoothing if args.median is None else MedianSmoothing(args.median)
classifier = StreamingClassifier(args.artefact, rate, smoothing=smoothing)
title = f"{classifier.description.stream} of person {args.subject}"
units = UNITS if args.data or args.sisfall else {}
sensors = [Sensor(stream, unit=units.get(stream, ""))] + [
    Sensor(name, unit=units.get(name, ""))
    for name, each in own[0].streams.items()
    if name != stream and np.shape(each.values)[1:] == (3,)  # axes, to look at
]
with LivePage(
    classifier.description, args.host, args.port, sensors=sensors, title=title
) as page:
    print(f"{title}, on {page.url}", flush=True)
    print_replay(classifier, own, speed=args.speed, page=page)
