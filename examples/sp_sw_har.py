"""Two devices that disagree about the time become windows of the same moments.

The phone and the watch of SP-SW-HAR, from the publisher's zip. The watch's clock is
made 0.7 s late and 200 ppm fast, found out, and set right.
"""

import argparse
import pathlib
import warnings

import numpy as np

from keras_dcat import datasets, plots
from keras_dcat import recordings as rec
from keras_dcat.windows import index_windows

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", help="SP-SW-HAR: the publisher's zip, or a folder of it")
parser.add_argument("--offset", type=float, default=0.7, help="seconds")
parser.add_argument("--drift", type=float, default=2e-4, help="seconds per second")
parser.add_argument("--output", default="outputs/sp_sw_har")
args = parser.parse_args()
warnings.filterwarnings("ignore", "Offsets are to be believed")  # the table says so

executions = datasets.load_sp_sw_har(args.data)
subjects = sorted({each.subject for each in executions})
sessions, spoiled = [], []
for subject in subjects:
    session = rec.join(
        (e for e in executions if e.subject == subject), f"s{subject:02}"
    )
    # Samples that were delivered together share a time: they lie around it.
    streams = {n: rec.mend(s, packets="centre")[0] for n, s in session.streams.items()}
    sessions.append(session.replaced(**streams))
    wrong = rec.stretch(sessions[-1], "watch", 1 + args.drift)
    spoiled.append(rec.shift(wrong, "watch", args.offset))

as_they_were = rec.estimate_offsets(sessions, "phone", "watch", max_offset=2.0)
estimates = rec.estimate_offsets(spoiled, "phone", "watch", max_offset=2.0)
rows = []
for number, (was, found) in enumerate(zip(as_they_were, estimates, strict=True)):
    watch = sessions[number].streams["watch"]
    wrong = spoiled[number].streams["watch"]
    mended = found.corrected(wrong, always=True).times
    error = np.abs(mended - was.corrected(watch, always=True).times).max()
    rows.append((watch.duration, was, found, error))
    # What is not to be believed, or no more than its uncertainty, is not corrected.
    sessions[number] = sessions[number].replaced(watch=was.corrected(watch))

print(
    "| subject | minutes | s | ± s | ppm | confidence | found s | found ppm "
    "| error left ms |"
)
print("|---|---|---|---|---|---|---|---|---|")
for subject, (seconds, was, found, error) in zip(subjects, rows, strict=True):
    late, gained = found.offset - was.offset, 1e6 * (found.drift - was.drift)
    print(
        f"| {subject} | {seconds / 60:.1f} | {was.offset:+.3f}"
        f" | {2 * was.uncertainty:.3f} | {was.drift * 1e6:+.0f}"
        f" | {was.confidence:.2f} | {late:+.4f} | {gained:+.0f} | {1e3 * error:.1f} |"
    )
errors = 1e3 * np.array([error for *_, error in rows])
print(
    f"{args.offset} s and {1e6 * args.drift:.0f} ppm put on the watch are taken away "
    f"to {np.median(errors):.2f} ms (median of subjects; worst {errors.max():.1f} ms)."
)

rates = {"phone": 100.0, "watch": 100.0}
index = index_windows(sessions, 2.0, 1.0, rates=rates, purity=0.6)
print(index.report)
folder = pathlib.Path(args.output)
folder.mkdir(parents=True, exist_ok=True)
plots.plot_timeline(sessions[0], index, path=folder / "timeline.png")
print(f"The timeline of subject {subjects[0]} is in {folder / 'timeline.png'}")
