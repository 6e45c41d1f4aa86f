"""Files that went wrong, and the bounds within which reading one must end.

`FUZZ_CASES` says how many cases there are of each file; a few unless it is set.
"""

import contextlib
import copy
import dataclasses
import io
import json
import os
import pathlib
import re
import resource
import tempfile
import time
from collections.abc import Callable, Mapping

import hypothesis
import numpy as np
from hypothesis import strategies as st

SECONDS = 10.0  # of work in a case, whatever else the machine has to do
BYTES = 384 * 2**20  # by which a case may raise what the process holds
_HEADROOM = 3 * 2**30  # what the system is asked to grant it at most
_SIZES = [0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1]
_SIZES += [10**12, 2**63 - 1, 2**64 - 1]
_WORDS = ["nan", "inf", "-1", "0", "1e400", "9" * 30, "9" * 5000, "0x1", "1.5", "1_0"]
_WORDS += ["²", "٣", "", " ", '"', "'", "\0", "\ufeff", "é", "[", "{", "1:1:1", "null"]
_ODD = [None, True, -1, 0, 1, 0.5, 1e308, float("inf"), float("nan"), 10**12, 10**400]
_ODD += ["", "x", "../../x", "/etc/hostname", "\0", "9" * 5000, [], {}, [[[]]]]


def cases(few: int = 30):
    """Settings of hypothesis: the same few cases each time, or as many as asked for."""
    return hypothesis.settings(
        derandomize="FUZZ_CASES" not in os.environ,
        max_examples=int(os.environ.get("FUZZ_CASES", few)),
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@dataclasses.dataclass(frozen=True)
class Specimen:
    """Small valid files, one of which is to be damaged.

    Attributes:
        files: dict from a name to its bytes.
        damaged: name of the file that is damaged.
        read: function of the folder that reads all, and looks at what it has read.
        documented: the error that it may raise.
        structured: strategy of damage that knows the format, beside that of bytes.
    """

    files: Mapping[str, bytes]
    damaged: str
    read: Callable[[pathlib.Path], None]
    documented: type[ValueError] = ValueError
    structured: st.SearchStrategy[bytes] = st.nothing()

    @property
    def content(self) -> bytes:
        """The file that is to be damaged, while it is whole."""
        return self.files[self.damaged]

    @property
    def damage(self) -> st.SearchStrategy[bytes]:
        """What may become of that file."""
        return self.structured | damaged_bytes(self.content)

    def written(self, folder: pathlib.Path, content: bytes | None = None):
        """Writes all files, or the damaged one alone."""
        files = self.files if content is None else {self.damaged: content}
        for name, each in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each)


def survives(specimen: Specimen, folder: pathlib.Path, content: bytes) -> bool:
    """Whether a damaged file is read; or else it is refused as is documented."""
    specimen.written(folder, content)
    with within_bounds():
        try:
            specimen.read(folder)
            return True
        except FileNotFoundError as error:  # a table that names another file
            refusal = error
        except specimen.documented as error:
            refusal = error
    message = str(refusal)
    if isinstance(refusal, specimen.documented):
        assert type(refusal) is specimen.documented, f"{refusal!r} came through"
        names = [pathlib.Path(name).name for name in specimen.files]
        assert any(name in message for name in names), message
    if specimen.documented is ValueError:
        assert re.search(r"Received: .*\. \S", message, re.S), message
    return False


@contextlib.contextmanager
def within_bounds(most=BYTES):
    """Fails if what is done inside takes too long, or more bytes than that."""
    before, began = _held("VmRSS"), time.process_time()
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak, from here on
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    granted = _held("VmSize") + _HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (granted, unlimited[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, unlimited)
    grown, seconds = _held("VmHWM") - before, time.process_time() - began
    assert grown < most, f"it took {grown / 2**20:.0f} MiB"
    assert seconds < SECONDS, f"it worked for {seconds:.1f} s"


def _held(kind):
    """Bytes of the process, as Linux counts them."""
    text = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{kind}:\s+(\d+)", text)[1])


def _cut(draw, content, place, end):
    return content[:place]


def _flipped(draw, content, place, end):
    bit = 1 << draw(st.integers(0, 7))
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def _overwritten(draw, content, place, end):
    other = draw(st.binary(max_size=40))
    return content[:place] + other + content[place + len(other) :]


def _inserted(draw, content, place, end):
    return content[:place] + draw(st.binary(max_size=40)) + content[place:]


def _repeated(draw, content, place, end):
    return content[:end] + content[place:end] * draw(st.integers(1, 20)) + content[end:]


def _removed(draw, content, place, end):
    return content[:place] + content[end:]


def _moved(draw, content, place, end):
    return content[:place] + content[end:] + content[place:end]


def _resized(draw, content, place, end):
    width = draw(st.sampled_from([1, 2, 4, 8]))
    order = draw(st.sampled_from(["little", "big"]))
    number = (draw(st.sampled_from(_SIZES)) % 256**width).to_bytes(width, order)
    return content[:place] + number + content[place + width :]


_EDITS = [_cut, _flipped, _overwritten, _inserted, _repeated, _removed, _moved]
_EDITS += [_resized] * 3


@st.composite
def damaged_bytes(draw, content: bytes) -> bytes:
    """One to three edits: cut, flipped, spliced, repeated, or with other numbers."""
    for _ in range(draw(st.integers(1, 3))):
        if not content:
            break
        place = draw(st.integers(0, len(content) - 1))
        end = draw(st.integers(place, min(len(content), place + 600)))
        content = draw(st.sampled_from(_EDITS))(draw, content, place, end)
    return content


@st.composite
def damaged_text(draw, content: bytes) -> bytes:
    """Numbers, words and lines of a text that were changed, doubled or lost."""
    text = content.decode()
    for _ in range(draw(st.integers(1, 3))):
        pattern = draw(st.sampled_from([r"-?\d+(\.\d+)?", r"\w+", r"[^\n]*\n", r"\W"]))
        found = list(re.finditer(pattern, text))
        if not found:
            break
        place = draw(st.sampled_from(found))
        odd = st.sampled_from([*_WORDS, place[0] * 2, place[0] + "\n"]) | st.text()
        text = text[: place.start()] + draw(odd) + text[place.end() :]
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged_values(draw, value):
    """JSON in which something was replaced, lost, or is there under another name."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(value))
        if not places:
            break
        within, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(["replaced", "lost", "renamed", "wrapped"]))
        if kind == "replaced":
            odd = draw(st.sampled_from(_ODD) | st.text(max_size=5))
            within[key] = copy.deepcopy(odd)  # the next edit may be inside of it
        elif kind == "wrapped":
            within[key] = [within[key]]
        elif kind == "lost" or isinstance(within, list):
            del within[key]
        else:
            within[draw(st.text(max_size=5))] = within.pop(key)
    return value


def damaged_json(value):
    """The bytes of such JSON."""
    return damaged_values(value).map(lambda each: json.dumps(each).encode())


def files_of(write) -> dict[str, bytes]:
    """All that is written to a folder, by its name in there."""
    with tempfile.TemporaryDirectory() as name:
        write(folder := pathlib.Path(name))
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def with_json(arrays, name: str, value) -> bytes:
    """An `.npz` file of such arrays, one of which is the text of a value."""
    file = io.BytesIO()
    np.savez(file, **{**arrays, name: json.dumps(value)})
    return file.getvalue()


def _places(value):
    """Every `(list or dict, key)` there is."""
    if isinstance(value, list | dict):
        for key in range(len(value)) if isinstance(value, list) else list(value):
            yield value, key
            yield from _places(value[key])
