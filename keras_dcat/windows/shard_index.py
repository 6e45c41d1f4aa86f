"""The index of shards: read as it was written, and nothing but what it may say."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
from typing import Any

from keras_dcat.storage import JSON_ERRORS, seal

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 float16 float32 float64".split()


def load_index(path: pathlib.Path, version: int) -> dict[str, Any]:
    """Reads an index.

    Args:
        path: path of the file.
        version: int. The one that can be read.

    Returns:
        dict, less its seal.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or of another version, or says what no index says.
    """
    try:
        content = json.loads(path.read_bytes())
        whole = content.pop("sha256") == seal(content) and _is_index(content, version)
    except JSON_ERRORS:
        whole = False
    if not whole:
        raise ValueError(
            f"The index must be of version {version}, and as it was written. "
            f"Received: {str(path)!r}, which is damaged or of another version. "
            "Remove it and call `write_shards` with the same windows."
        )
    return content


def measured(path: pathlib.Path, check: bool = True) -> dict[str, Any]:
    """A shard as it is, in the words of an index.

    Args:
        path: path of the shard.
        check: bool. Whether it is read, which takes a while, or only its size.

    Returns:
        dict.
    """
    if not path.is_file():
        return {"file": "missing"}
    found: dict[str, Any] = {"bytes": path.stat().st_size}
    if check:
        with open(path, "rb") as file:
            found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            found["windows"] = _count_records(file, found["bytes"])
    return found


def damaged(
    folder: pathlib.Path, shards: list[dict[str, Any]], check: bool = True
) -> list[tuple[dict, dict]]:
    """Shards that are not as they were written.

    Args:
        folder: path.
        shards: entries of the index.
        check: bool. Whether files are read, or only their sizes.

    Returns:
        list of pairs: what the index says, and how the shard is instead.
    """
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda each: measured(folder / each["file"], check), shards)
        pairs = list(zip(shards, found, strict=True))
    return [(entry, found) for entry, found in pairs if found.items() - entry.items()]


def _count_records(file, size):
    """How many there are: each is its length, a checksum, itself, another checksum."""
    file.seek(0)
    count = 0
    while head := file.read(12):
        length = int.from_bytes(head[:8], "little")
        file.seek(min(length, size) + 4, os.SEEK_CUR)
        count += 1
    return count


def _is_index(content, version):
    """Whether it has all that a reader looks at, and leads to no other folder."""
    counts = content["windows"], content["windows_per_shard"]
    return (
        content["version"] == version
        and type(content["shards"]) is list
        and len(content["shards"]) > 0
        and all(map(_is_count, counts))
        and content["labels"] in DTYPES
        and _is_count(content.get("step_labels", 1))
        and isinstance(content["fingerprint"], str)
        and all(map(_is_stream, content["streams"].values()))
        and all(map(_is_shard, content["shards"]))
        and sum(shard["windows"] for shard in content["shards"]) <= content["windows"]
    )


def _is_stream(stream):
    return stream["dtype"] in DTYPES and all(map(_is_count, stream["shape"]))


def _is_shard(shard):
    """Whether it is a file of this folder. Only what was measured is compared."""
    return (
        set(shard) == {"file", "windows", "bytes", "sha256"}
        and pathlib.PurePath(shard["file"]).name == shard["file"]
        and shard["file"].endswith(".tfrecord")
        and "\0" not in shard["file"]
        and _is_count(shard["windows"])
        and _is_count(shard["bytes"])
        and isinstance(shard["sha256"], str)
    )


def _is_count(value):
    return type(value) is int and 0 < value < 2**63
