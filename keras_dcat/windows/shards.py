"""Windows larger than memory: files that are whole or not there at all."""

import concurrent.futures
import contextlib
import errno
import functools
import hashlib
import json
import os
import pathlib
import socket
import uuid
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_dcat.file_kinds import opened_own
from keras_dcat.storage import seal
from keras_dcat.windows.index import WindowIndex, check_windows
from keras_dcat.windows.shard_index import DTYPES, damaged, load_index, measured

_VERSION = 1
_INDEX = "index.json"
_SHUFFLE_BYTES = 256 * 2**20


def write_shards(
    index: WindowIndex,
    folder: str | os.PathLike,
    windows_per_shard: int = 1024,
    workers: int = 2,
    streams: list[str] | None = None,
    progress: bool = True,
    step_labels: int | None = None,
) -> pathlib.Path:
    """Writes windows as TFRecord files, to be read by `read_shards`.

    A shard gets its name when it is complete and on the disk. `index.json`, with
    the SHA-256 of each, is replaced after every shard, so what is whole can be read
    at any time. A run that was stopped, even killed, goes on when it is called
    again with the same windows; it replaces damaged shards. A folder takes one set
    of windows and one writer, who keeps its `.lock` locked while it runs (POSIX).

    A window is a `tf.train.Example` with the little-endian bytes of each stream
    under its name, and `#label` (int), `#subject` and `#session` (text). With
    `step_labels`, it also has `#step_labels`, the bytes of their int32.

    Args:
        index: `WindowIndex`.
        folder: str or path. Made if it is not there.
        windows_per_shard: int. About 100 MB per file suit most disks.
        workers: int. Shards written at the same time, in threads.
        streams: list of str. Which streams to write, all by default.
        progress: bool. Whether to show a bar.
        step_labels: int. Of how many steps a label is written beside the window's, as
            `index.step_labels` gives them. None for no steps.

    Returns:
        path of `index.json`.

    Raises:
        ValueError: if there is no window, a stream is unknown or not of numbers, if
            `step_labels` is not a positive whole number, or if the folder holds other
            windows (64 of them are compared by value).
        RuntimeError: if somebody else is writing there.
        OSError: if the disk is full or may not be written. Whole shards stay.

    Example:

    >>> import tempfile
    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> stream = Stream(np.zeros((500, 6), "float32"), rate=50)
    >>> index = index_windows([Recording({"imu": stream}, 3, "A")], 2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_shards(index, folder, windows_per_shard=4, progress=False)
    ...     for inputs, labels in read_shards(file, stream="imu"):
    ...         print(inputs.shape, labels.numpy()[:2])
    (9, 100, 6) [3 3]
    """
    _check_positive(windows_per_shard=windows_per_shard, workers=workers)
    header = _header(index, streams, windows_per_shard, step_labels)
    folder, whole = pathlib.Path(folder), {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_writer(folder):
            whole.update(_whole_shards(folder, header))
            _write_missing(index, folder, header, whole, workers, progress)
    except OSError as error:
        raise OSError(
            error.errno,
            f"All windows must get into {str(folder)!r}. Received: {error}. "
            f"{sum(entry['windows'] for entry in whole.values())} of {len(index)} "
            f"windows are in whole shards ({len(whole)}), and stay. "
            "Make room, or allow writing, and call `write_shards` again: it goes on.",
        ) from error
    return folder / _INDEX


def read_shards(
    index_file: str | os.PathLike,
    source: str | None = None,
    target: str | None = None,
    stream: str | None = None,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
    check: bool = True,
    service: str | None = None,
    step_labels: bool = False,
) -> tf.data.Dataset:
    """Batches of the windows that `write_shards` has written.

    Give `source` and `target` for the batches of `pair_dataset`, or `stream` for
    those of `stream_dataset`. Without `shuffle` they come in the order of the
    index. With it, shards come in a new order every epoch, four are read in turns,
    and windows leave a buffer of 256 MB at random: smaller data are fully shuffled.
    Where shards are still missing, those that are whole are read, with a warning.

    Args:
        index_file: str or path, as `write_shards` returned it.
        source: str. Stream of the source modality.
        target: str. Stream of the target modality.
        stream: str. The one stream, if no pairs are wanted.
        batch_size: int.
        shuffle: bool. Whether windows come in a new order every epoch.
        seed: int. Makes the orders repeatable, and the same for pairs and streams.
        check: bool. Whether each file is read once, now, to compare its SHA-256
            (about 1 s per GB). Sizes are always compared.
        service: str. Address of a `tf.data.experimental.service` dispatcher, such
            as `"grpc://host:5000"`, whose workers share the reading. They must see
            the same paths; every window comes once an epoch.
        step_labels: bool. Whether labels are those of the steps, as written.

    Returns:
        `tf.data.Dataset` of `({"source": (batch, steps, channels…), "target": …},
        labels (batch,))` or `((batch, steps, channels…), labels (batch,))`. With
        `step_labels`, labels are `(batch, steps of write_shards)`, int32.

    Raises:
        FileNotFoundError: if there is no index file.
        ValueError: if a shard or the index is missing or damaged, if a stream is
            unknown, if not either a pair or one stream is asked for, or if labels of
            steps are and none are written.
    """
    _check_positive(batch_size=batch_size)
    given = [name is not None for name in (source, target, stream)]
    if given not in ([True, True, False], [False, False, True]):
        raise ValueError(
            "Either `source` and `target` or `stream` must be given. Received: "
            f"source={source!r}, target={target!r}, stream={stream!r}. "
            "Ask for a pair to train a target, for one stream to train a source."
        )
    wanted = {"source": source, "target": target} if stream is None else stream
    folder = pathlib.Path(index_file).absolute().parent
    content = load_index(pathlib.Path(index_file), _VERSION)
    among = f", those in {str(index_file)!r}"
    _check_streams(tf.nest.flatten(wanted), content["streams"], among)
    if step_labels and "step_labels" not in content:
        raise ValueError(
            "Labels of steps must have been written. "
            f"Received: step_labels=True for {str(index_file)!r}, without them. "
            "Write the windows to another folder: write_shards(…, step_labels=steps)."
        )
    shards = content["shards"]
    for expected, found in damaged(folder, shards, check):
        raise ValueError(
            f"A shard in {str(folder)!r} must be as it was written: {expected}. "
            f"Received: {found}. "
            "Call `write_shards` with the same windows: it replaces what is damaged."
        )
    count = sum(entry["windows"] for entry in shards)
    if count < content["windows"]:
        warnings.warn(
            f"{count} of {content['windows']} windows are written in {str(folder)!r}; "
            "only these are read. Call `write_shards` to write the others.",
            stacklevel=2,
        )
    paths = [str(folder / entry["file"]) for entry in shards]
    parse = functools.partial(_parse, content, wanted, step_labels)
    _check_first(paths[0], parse, index_file)
    files = tf.data.Dataset.from_tensor_slices(paths)
    if shuffle:
        share = _SHUFFLE_BYTES / sum(entry["bytes"] for entry in shards)
        buffer = int(np.clip(share * count, 1, count))
        files = files.shuffle(len(paths), seed=seed)
        records = files.interleave(tf.data.TFRecordDataset, 4, 4, num_parallel_calls=4)
        records = records.shuffle(buffer, seed=seed)
    else:
        # In parallel, whole shards would be held in memory to keep their order.
        records = files.flat_map(tf.data.TFRecordDataset)
    dataset = records.batch(batch_size).map(parse, tf.data.AUTOTUNE)
    if service is not None:
        distribute = tf.data.experimental.service.distribute
        shared = dataset.apply(distribute("distributed_epoch", service))
        dataset = shared.rebatch(batch_size)
    # Keras warns about an end that it has not been told of.
    length = tf.data.experimental.assert_cardinality(len(range(0, count, batch_size)))
    return dataset.apply(length).prefetch(tf.data.AUTOTUNE)


def _check_positive(**counts):
    if min(counts.values()) < 1:
        raise ValueError(
            f"Counts must be positive. Received: {counts}. Try the defaults."
        )


def _check_streams(wanted, known, among=""):
    unknown = sorted(set(wanted) - set(known))
    if unknown or not wanted:
        raise ValueError(
            "A stream must be one of those that there are. "
            f"Received: {unknown}. Choose from {sorted(known)}{among}."
        )


def _header(index, streams, windows_per_shard, step_labels):
    """What is the same in every index file of these windows."""
    check_windows(index)
    streams = list(index.starts) if streams is None else list(streams)
    _check_streams(streams, index.starts)
    some = np.unique(np.linspace(0, len(index) - 1, 64).astype(int))
    content = {name: index.gather(name, some) for name in sorted(set(streams))}
    digest = hashlib.sha256()
    for name, values in content.items():
        if values.dtype.name not in DTYPES:
            raise ValueError(
                f"A stream's dtype must be one of {', '.join(DTYPES)}. "
                f"Received: {values.dtype.name} for {name!r}. Convert its values."
            )
        digest.update(np.asarray(index.starts[name], "int64").tobytes())
        digest.update(values.tobytes())
    for column in (index.labels, index.subjects, index.sessions):
        digest.update(json.dumps([str(each) for each in column]).encode())
    header = {
        "version": _VERSION,
        "windows": len(index),
        "windows_per_shard": int(windows_per_shard),
        "labels": index.labels.dtype.name,
        "streams": {
            name: {"dtype": values.dtype.name, "shape": list(values.shape[1:])}
            for name, values in content.items()
        },
    }
    if step_labels is not None:
        digest.update(index.step_labels(step_labels).tobytes())
        header["step_labels"] = int(step_labels)
    digest.update(json.dumps(header).encode())
    return {**header, "fingerprint": digest.hexdigest()}


@contextlib.contextmanager
def _only_writer(folder):
    """Holds one of the system's locks, which no killed process leaves behind."""
    import fcntl  # not on Windows, where shards can be read

    path = folder / ".lock"
    with opened_own(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(
                f"One process at a time can write to {str(folder)!r}. "
                f"Received: a call while another does; {str(path)!r} says which. "
                "Wait until it has ended, or choose another folder."
            ) from error
        file.truncate(0)
        print(f"process {os.getpid()} on {socket.gethostname()}", file=file, flush=True)
        yield


def _shard_names(header):
    total = len(range(0, header["windows"], header["windows_per_shard"]))
    prefix = f"windows-{header['fingerprint'][:16]}"
    return [f"{prefix}-{n:05d}-of-{total:05d}.tfrecord" for n in range(total)]


def _whole_shards(folder, header):
    """Shards of these windows that need not be written again, by file name."""
    names = _shard_names(header)
    file = folder / _INDEX
    content = load_index(file, _VERSION) if file.exists() else {**header, "shards": []}
    others = {path.name for path in folder.glob("*.tfrecord")} - set(names)
    differing = [name for name in header if content.get(name) != header[name]]
    if others or differing:
        what = f"index.json with other {differing}" if differing else sorted(others)[:3]
        raise ValueError(
            "A folder must hold the shards of one set of windows. "
            f"Received: {str(folder)!r}, in which there is {what}. "
            "Choose another folder, or remove what is there."
        )
    for left_by_a_killed_run in folder.glob(".*.partial"):
        left_by_a_killed_run.unlink()
    lost = [entry for entry, _ in damaged(folder, content["shards"])]
    return {e["file"]: e for e in content["shards"] if e not in lost}


def _write_missing(index, folder, header, whole, workers, progress):
    names = _shard_names(header)
    bar = keras.utils.Progbar(len(names), verbose=int(progress), unit_name="shard")
    bar.update(len(whole))
    size = header["windows_per_shard"]
    parts = np.split(np.arange(len(index)), range(size, len(index), size))
    missing = {n: part for n, part in zip(names, parts, strict=True) if n not in whole}
    write = functools.partial(_write_shard, index, folder, header)
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        for entry in pool.map(write, missing.keys(), missing.values()):
            shards = sorted([*whole.values(), entry], key=lambda each: each["file"])
            content = {**header, "shards": shards}
            sealed = json.dumps({**content, "sha256": seal(content)}, indent=1)
            with _in_place_of(folder / _INDEX) as temporary:
                temporary.write_text(sealed)
            whole[entry["file"]] = entry
            bar.update(len(whole))
    finally:
        pool.shutdown(cancel_futures=True)


def _write_shard(index, folder, header, name, windows):
    with _in_place_of(folder / name) as temporary:
        try:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for some in np.split(windows, range(64, len(windows), 64)):
                    for record in _records(index, header, some):
                        writer.write(record)
        except tf.errors.OpError as error:
            full = isinstance(error, tf.errors.ResourceExhaustedError)
            raise OSError(errno.ENOSPC if full else errno.EIO, error.message) from error
        return {"file": name, **measured(temporary)}


def _records(index, header, windows):
    values = {}
    for name, stream in header["streams"].items():
        little_endian = np.dtype(stream["dtype"]).newbyteorder("<")
        values[name] = index.gather(name, windows).astype(little_endian, copy=False)
    if "step_labels" in header:
        step_labels = index.subset(windows).step_labels(header["step_labels"])
        values["#step_labels"] = step_labels.astype("<i4", copy=False)
    for row, window in enumerate(windows):
        example = tf.train.Example()
        feature = example.features.feature
        for name in values:
            feature[name].bytes_list.value.append(values[name][row].tobytes())
        feature["#label"].int64_list.value.append(int(index.labels[window]))
        for name, column in [("subject", index.subjects), ("session", index.sessions)]:
            feature[f"#{name}"].bytes_list.value.append(str(column[window]).encode())
        # Equal windows are equal bytes: the features of an Example have no order.
        yield example.SerializeToString(deterministic=True)


@contextlib.contextmanager
def _in_place_of(path):
    """A file that takes its name when it is complete and on the disk."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_first(path, parse, index_file):
    """Reads a window, lest an index that somebody has rewritten is found in `fit`."""
    try:
        for record in tf.data.TFRecordDataset(path).take(1):
            parse([record])
    except (tf.errors.OpError, ValueError, OverflowError) as error:
        found = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            "Windows must be as their index says. "
            f"Received: {str(index_file)!r}, for {path!r} ({found}). "
            "Remove both, and call `write_shards` with the same windows."
        ) from error


def _parse(content, wanted, step_labels, records):
    names = tf.nest.flatten(wanted) + ["#step_labels"] * step_labels
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    features["#label"] = tf.io.FixedLenFeature([], tf.int64)
    examples = tf.io.parse_example(records, features)

    def of_stream(name):
        stream = content["streams"][name]
        values = tf.io.decode_raw(examples[name], stream["dtype"])
        return tf.reshape(values, [tf.size(examples["#label"]), *stream["shape"]])

    labels = tf.cast(examples["#label"], content["labels"])
    if step_labels:
        labels = tf.io.decode_raw(examples["#step_labels"], tf.int32)
        labels = tf.ensure_shape(labels, [None, content["step_labels"]])
    return tf.nest.map_structure(of_stream, wanted), labels
