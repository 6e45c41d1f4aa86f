"""How many windows of files does a CPU second give, over opening them for each?"""

import argparse
import fractions
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import av
import numpy as np
import soundfile
from timing import cpu_ratio, cpu_seconds

from keras_dcat.recordings import Recording, read_audio, read_video
from keras_dcat.windows import index_windows

LENGTH, STRIDE, BATCH = 2.0, 0.5, 64
FPS, SIZE = 25, (48, 64)


def write_video(path, seconds, rng):
    """A texture that moves, 320 × 240 in H.264, with a key frame every 2 s."""
    blocks = rng.integers(0, 256, (30, 40, 3)).astype("uint8")
    picture = np.kron(blocks, np.ones((8, 8, 1), "uint8"))
    with av.open(str(path), "w") as container:
        track = container.add_stream("libx264", rate=FPS, options={"preset": "fast"})
        track.width, track.height, track.pix_fmt = 320, 240, "yuv420p"
        track.codec_context.gop_size = 2 * FPS
        for number in range(seconds * FPS):
            moved = np.roll(picture, (number // 2, number), (0, 1))
            frame = av.VideoFrame.from_ndarray(moved, format="rgb24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, FPS)
            container.mux(track.encode(frame))
        container.mux(track.encode())


def write_sound(path, seconds, rng):
    """A tone in noise, 44.1 kHz, in FLAC."""
    time = np.arange(seconds * 44100) / 44100
    tone = np.sin(2 * np.pi * 440 * time) + 0.1 * rng.standard_normal(len(time))
    soundfile.write(path, 0.3 * tone, 44100)


def frames_before(path, first, last):
    """Frames as they were read: the file is opened, and a scaler made for each."""
    frames = []
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        tick = 1 / (track.time_base * FPS)
        container.seek(int(first * tick), stream=track)
        for frame in container.decode(track):
            if frame.pts >= first * tick:
                frames.append(frame.reformat(*SIZE[::-1], "rgb24").to_ndarray())
            if frame.pts >= (last - 1) * tick:
                return np.stack(frames)


def samples_before(path, first, last):
    """Samples as they were read: the file is opened and entered for each window."""
    with soundfile.SoundFile(path) as sound:
        sound.seek(first)
        return sound.read(last - first, dtype="float32", always_2d=True)


def compared(path, read, before, rounds, memories):
    """Windows a CPU second over those of before, by order, and those of before."""

    def index_of(**options):
        streams = {"file": read(path, **options)}
        return index_windows([Recording(streams, 0, "A")], LENGTH, STRIDE)

    index = index_of()
    starts, steps = index.starts["file"], index.steps["file"]
    orders = {
        "": np.arange(len(index)),
        "_shuffled": np.random.default_rng(0).permutation(len(index)),
    }
    found = {}
    for name, order in orders.items():
        batches = np.split(order, range(BATCH, len(order), BATCH))

        def as_before(batches=batches):
            for batch in batches:
                np.stack([before(path, at, at + steps) for at in starts[batch]])

        for kind, options in memories.items():

            def ours(batches=batches, options=options):
                fresh = index_of(**options)  # nothing is remembered yet
                for batch in batches:
                    fresh.gather("file", batch)

            found[name + kind] = cpu_ratio(as_before, ours, rounds)
    window = slice(starts[3], starts[3] + steps)
    expected = before(path, window.start, window.stop)
    np.testing.assert_array_equal(index.gather("file", [3])[0], expected)
    return found, len(order) / cpu_seconds(as_before)


def from_files(rounds=5, seconds=40):
    """All figures by their keys."""
    rng = np.random.default_rng(0)
    results = {}

    def video(path, **options):
        return read_video(path, size=SIZE, rate=FPS, **options)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        frame, copies = SIZE[0] * SIZE[1] * 3, {"decoded_folder": folder / "copies"}
        write_video(folder / "a.mp4", seconds, rng)
        write_sound(folder / "a.flac", 20 * seconds, rng)
        kinds = {
            "video": (folder / "a.mp4", video, frames_before, seconds * FPS * frame),
            "sound": (
                *(folder / "a.flac", read_audio, samples_before),
                20 * seconds * 44100 * 4,
            ),
        }
        for kind, (path, read, before, size) in kinds.items():
            memories = {"": {}, "_quarter": {"memory": size // 4}, "_copy": copies}
            read(path, **copies)
            found, rate = compared(path, read, before, rounds, memories)
            results |= {f"{kind}_windows_vs_before{k}": v for k, v in found.items()}
            results[f"{kind}_windows_before_per_cpu_s"] = rate
    return results


def main():
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=40, help="video; sound: 20 ×")
    args = parser.parse_args()
    results = from_files(args.rounds, args.seconds)
    if args.json:
        print(json.dumps(results))
        return
    print("| figure | value |\n|---|---|")
    for name, value in results.items():
        print(f"| `{name}` | {value:.1f} |")


if __name__ == "__main__":
    main()
