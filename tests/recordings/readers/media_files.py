"""Sound and video files that tests write, and what all of them decodes to."""

import fractions
import io
import pathlib
import shutil
import tempfile

import av
import numpy as np
import soundfile

# Not evenly spaced: frames of a telephone in the dark. Milliseconds.
MARKS = np.cumsum([33, 33, 34, 80, 20, 33, 67, 33, 33, 34, 100, 50] * 4) - 33
TICK = fractions.Fraction(1, 1000)


def sweep(seconds, rate, channels=1, loud=0.02):
    """A tone whose pitch tells the time, and some noise."""
    time = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (100 * time + rate / 8 / seconds * time**2))
    noise = np.random.default_rng(0).standard_normal((len(time), channels))
    return 0.5 * tone[:, None] + loud * noise


def sound_file(format, seconds=1.0, rate=8000, channels=2, **options):
    file = io.BytesIO()
    values = sweep(seconds, rate, channels) if seconds else np.zeros((0, channels))
    soundfile.write(file, values, rate, format=format, **options)
    return io.BytesIO(file.getvalue())


def av_sound(
    format, codec, seconds=2.0, rate=16000, channels=1, start=0.0, video=None, tracks=1
):
    """Sound that FFmpeg writes, with a video beside it if asked for.

    Options of the container and of the codec are its defaults, but for a rate of
    96 kbit/s. Returns the file, and the samples that went in.
    """
    values = sweep(seconds, rate, channels)
    file, packets = io.BytesIO(), []
    with av.open(file, "w", format=format) as container:
        if video:
            picture = container.add_stream(video, rate=25)
            picture.width, picture.height, picture.pix_fmt = 48, 32, "yuv420p"
            for number in range(int(25 * seconds)):
                frame = av.VideoFrame(48, 32, "yuv420p")
                frame.pts, frame.time_base = number, fractions.Fraction(1, 25)
                packets += picture.encode(frame)
            packets += picture.encode()
        for _ in range(tracks):
            packets += _encoded(container, codec, values, rate, start)
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            container.mux(packet)
    return io.BytesIO(file.getvalue()), values


def _encoded(container, codec, values, rate, start):
    layout = "mono" if values.shape[1] == 1 else "stereo"
    track = container.add_stream(codec, rate=rate)
    track.layout = layout
    if not codec.startswith(("pcm", "flac", "alac")):
        track.bit_rate = 12200 if "amr" in codec else 96000
    track.codec_context.open()
    form = av.AudioResampler(track.codec_context.format.name, layout, rate)
    size, packets = track.codec_context.frame_size or 1024, []
    for first in range(0, len(values), size):
        part = np.ascontiguousarray(values[first : first + size].T, "float32")
        frame = av.AudioFrame.from_ndarray(part, "fltp", layout)
        frame.sample_rate = rate
        for converted in form.resample(frame):
            converted.pts = first + round(start * rate)
            converted.time_base = fractions.Fraction(1, rate)
            packets += track.encode(converted)
    return packets + track.encode()


def decoded_sound(file):
    """All samples and the time of the first, by PyAV from the start."""
    with av.open(io.BytesIO(file.getvalue())) as container:
        frames = list(container.decode(audio=0))
    parts = []
    for frame in frames:
        part = frame.to_ndarray()
        if not frame.format.is_planar:
            part = part.reshape(-1, frame.layout.nb_channels).T
        if part.dtype.kind == "i":
            part = part / 2.0 ** (8 * part.itemsize - 1)
        parts.append(part.T.astype("float32"))
    return np.concatenate(parts), frames[0].time


def noise(count):
    shape = (count, 32, 48, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def video_file(
    codec="ffv1", format="matroska", marks=MARKS, b_frames=0, frames=None, **options
):
    """Frames of 32 × 48, lossless with ffv1, a key frame every twelve."""
    frames = noise(len(marks)) if frames is None else frames
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        track = container.add_stream(codec, rate=25, options=options)
        track.width, track.height = 48, 32
        track.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        # AVI would hold what it does not have, and MPEG knows few rates.
        if format != "avi" and codec not in ("mpeg1video", "mpeg2video"):
            track.codec_context.time_base = TICK
        track.codec_context.gop_size = 12
        track.codec_context.max_b_frames = b_frames
        for pixels, mark in zip(frames, marks, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = int(mark), TICK
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return io.BytesIO(file.getvalue()), frames


def decoded_video(file):
    """All frames and their times, by PyAV from the start."""
    with av.open(io.BytesIO(file.getvalue())) as container:
        frames = list(container.decode(video=0))
    pixels = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    return pixels, np.array([frame.time for frame in frames])


def copied(file, format, keep=lambda number: True, later=lambda number: 0.0, **options):
    """The same packets of the first track in another container.

    Args:
        keep: function from the number of a packet to whether it is in the copy.
        later: function from it to seconds that are added to its times.
    """
    copy = pathlib.Path(tempfile.mkdtemp(), "copy")
    with (
        av.open(io.BytesIO(file.getvalue())) as container,
        av.open(str(copy), "w", format=format, options=options) as target,
    ):
        track = target.add_stream_from_template(container.streams[0])
        packets = (
            p for p in container.demux(container.streams[0]) if p.dts is not None
        )
        for number, packet in enumerate(packets):
            if keep(number):
                ticks = round(later(number) / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = track
                target.mux(packet)
    content = copy.read_bytes()
    shutil.rmtree(copy.parent)
    return io.BytesIO(content)
