"""The index of shards: read as it was written, and nothing but what it may say."""

import hashlib
import json
import pathlib
from typing import Any

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
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError(
            f"The index must be of version {version}, and as it was written. "
            f"Received: {str(path)!r}, which is damaged or of another version. "
            "Remove it and call `write_shards` with the same windows."
        )
    return content


def seal(content: dict[str, Any]) -> str:
    """The SHA-256 by which damage is found. Whoever knows it can write another.

    Args:
        content: dict, as of `load_index`.

    Returns:
        str of hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_index(content, version):
    """Whether it has all that a reader looks at, and leads to no other folder."""
    counts = content["windows"], content["windows_per_shard"]
    return (
        content["version"] == version
        and type(content["shards"]) is list
        and len(content["shards"]) > 0
        and all(map(_is_count, counts))
        and content["labels"] in DTYPES
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
