"""Recordings of a person whom the target never saw, classified as if they were live.

Prints the running label, and shows signal, probabilities and truth on a web page that
only this machine can reach. `--data` replays UTD-MHAD, else the watch recordings.
"""

import argparse

from keras_dcat import datasets
from keras_dcat.export import Description
from keras_dcat.streaming import LivePage, StreamingClassifier, print_replay

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("artefact", help="a SavedModel, .tflite or .onnx, as exported")
parser.add_argument("--data", help="UTD-MHAD: the publisher's zip, or a folder of it")
parser.add_argument("--subject", type=int, default=2, help="whose recordings")
parser.add_argument("--recordings", type=int, help="how many of them")
parser.add_argument("--speed", type=float, default=1.0, help="times real time")
parser.add_argument("--smoothing", type=float, default=0.3)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
args = parser.parse_args()

clips = datasets.load_utd_mhad(args.data) if args.data else datasets.load_watch()
own = [clip for clip in clips if clip.subject == args.subject][: args.recordings]
if not own:
    raise SystemExit(f"There is no recording of person {args.subject}.")
stream = Description.of(args.artefact).stream
rate = own[0].streams[stream].rate  # the classifier brings it to the model's
classifier = StreamingClassifier(args.artefact, rate, smoothing=args.smoothing)
title = f"{classifier.description.stream} of person {args.subject}"
with LivePage(classifier.description, args.host, args.port, title=title) as page:
    print(f"{title}, on {page.url}", flush=True)
    print_replay(classifier, own, speed=args.speed, page=page)
