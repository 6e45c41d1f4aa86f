"""ELAN's annotations of video and sound: the labels of one tier."""

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.readers.label_files import Mark, as_intervals
from keras_dcat.recordings.readers.markup import parsed
from keras_dcat.recordings.readers.opened_files import (
    File,
    Source,
    check_names,
    reading,
    source_of,
)

_EAF = "an ELAN file (.eaf)"


def read_elan(
    path: File,
    tier: str,
    *,
    media: str | None = None,
    start: float = 0.0,
    class_names: Sequence[str] | None = None,
    ignore: str | Sequence[str] = (),
) -> Intervals:
    """Annotations of a tier of an ELAN file.

    An annotation that refers to one of another tier has the time of that one, and
    several that refer to the same share it evenly, as ELAN shows them.

    Args:
        path: str or path, or a file open in binary mode.
        tier: str. Name of the tier.
        media: str. The end of the name of a video or sound of the file, on whose clock
            the labels are to be, where ELAN moved one against another. None if they
            were not moved, or moved alike.
        start: float. Seconds at which the clock of the media reads 0.
        class_names: sequence of str, in the order of the model's outputs. None for
            the sorted names of this tier, or for numbers.
        ignore: str or list of str. Annotations that are no label. `""` for empty ones.

    Returns:
        `Intervals`, in the order of their starts.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, if there is not such a tier, if its times
            are frames, if media were moved against each other and `media` is not given,
            or if a text is not among `class_names`.

    Example:

    >>> import io
    >>> file = io.BytesIO(
    ...     b"<ANNOTATION_DOCUMENT><TIME_ORDER>"
    ...     b'<TIME_SLOT TIME_SLOT_ID="s1" TIME_VALUE="500"/>'
    ...     b'<TIME_SLOT TIME_SLOT_ID="s2" TIME_VALUE="2000"/></TIME_ORDER>'
    ...     b'<TIER TIER_ID="activity"><ANNOTATION><ALIGNABLE_ANNOTATION '
    ...     b'ANNOTATION_ID="a" TIME_SLOT_REF1="s1" TIME_SLOT_REF2="s2">'
    ...     b"<ANNOTATION_VALUE>walk</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>"
    ...     b"</ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
    ... )
    >>> labels = read_elan(file, "activity")
    >>> labels.starts.tolist(), labels.ends.tolist(), labels.class_names
    ([0.5], [2.0], ('walk',))
    """
    source = source_of(path)
    with reading(source, _EAF):
        with source.opened() as file:
            root = parsed(file.read())
        if root.tag != "ANNOTATION_DOCUMENT":
            raise ValueError(f"its root is {root.tag!r}")
        names = [each.get("TIER_ID", "") for each in root.findall("TIER")]
    check_names(source, [tier], names)
    offset = _offset(source, root, media)
    with reading(source, _EAF):
        spans = _spans(root)
        marks = [
            Mark(begin + offset, end + offset, text)
            for (owner, text), begin, end in spans
            if owner == tier
        ]
    options: dict[str, Any] = {
        "class_names": class_names,
        "ignore": ignore,
        "start": start,
    }
    return as_intervals(source, marks, **options)


def _offset(source: Source, root: Any, media: str | None) -> float:
    """Seconds from the annotations' clock to that of the media."""
    with reading(source, _EAF):
        header = root.find("HEADER")
        unit = "milliseconds" if header is None else header.get("TIME_UNITS")
        listed = [] if header is None else header.findall("MEDIA_DESCRIPTOR")
        origins = [
            (each.get("MEDIA_URL", ""), float(each.get("TIME_ORIGIN", 0)) / 1000)
            for each in listed
        ]
    if unit not in ("milliseconds", None):
        raise ValueError(
            "Times of annotations must be milliseconds. "
            f"Received: {unit!r} in {source.name!r}. "
            "Open it in ELAN and save it, which writes milliseconds."
        )
    chosen = origins
    if media is not None:
        chosen = [each for each in origins if each[0].endswith(media)]
    if media is not None and len(chosen) != 1 or len({o for _, o in chosen}) > 1:
        told = "; ".join(f"{url!r} moved by {origin} s" for url, origin in origins)
        raise ValueError(
            "Labels must be on the clock of one video or sound. "
            f"Received: media={media!r} for {source.name!r}, with {told or 'none'}. "
            "Pass the end of the name of one: media='….mp4'."
        )
    return chosen[0][1] if chosen else 0.0


@dataclasses.dataclass(frozen=True)
class _Annotation:
    """An annotation with slots of time, or with another that it refers to."""

    tier: str
    text: str
    slots: tuple[str, str] | None
    parent: str | None
    previous: str | None


def _spans(root):
    """Tier and text of every annotation, with when it begins and ends, in seconds."""
    annotations = {}
    for tier in root.findall("TIER"):
        for item in itertools.chain.from_iterable(tier.findall("ANNOTATION")):
            slots = item.get("TIME_SLOT_REF1"), item.get("TIME_SLOT_REF2")
            annotations[item.get("ANNOTATION_ID")] = _Annotation(
                tier.get("TIER_ID", ""),
                (item.findtext("ANNOTATION_VALUE") or "").strip(),
                slots if item.tag == "ALIGNABLE_ANNOTATION" else None,
                item.get("ANNOTATION_REF"),
                item.get("PREVIOUS_ANNOTATION"),
            )
    times = _slots(root, annotations)
    children = defaultdict(list)
    for name, each in annotations.items():
        if each.slots is None:
            children[each.tier, each.parent].append(name)
    shares = {
        name: (place, len(names))
        for names in children.values()
        for place, name in enumerate(_in_order(names, annotations))
    }
    spans = {}
    for name in annotations:
        path = {}  # from an annotation up to one whose time is known
        while name not in spans and annotations[name].slots is None:
            if name in path:
                raise ValueError(f"annotation {name!r} refers to itself")
            path[name] = None
            name = annotations[name].parent
        if name not in spans:
            spans[name] = tuple(times[slot] for slot in annotations[name].slots or ())
        for child in reversed(path):
            (begin, end), (place, count) = spans[name], shares[child]
            step = (end - begin) / count
            spans[child] = begin + place * step, begin + (place + 1) * step
            name = child
    return [((a.tier, a.text), *spans[n]) for n, a in annotations.items()]


def _in_order(names, annotations):
    """Annotations of one parent, each behind the one that it names as its previous."""
    following = {annotations[name].previous: name for name in names}
    known = set(names)
    firsts = [name for name in names if annotations[name].previous not in known]
    if len(following) != len(names) or len(firsts) != 1:
        return names  # none is named, or not in a chain: the order of the file
    chain = firsts
    while chain[-1] in following:
        chain.append(following[chain[-1]])
    return chain if len(chain) == len(names) else names


def _slots(root, annotations):
    """Time of every slot in seconds; those without one stand evenly in their chain."""
    times = {}
    for slot in root.iterfind("TIME_ORDER/TIME_SLOT"):
        value = slot.get("TIME_VALUE")
        if value is not None:
            times[slot.get("TIME_SLOT_ID")] = int(value) / 1000
    following: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for each in annotations.values():
        if each.slots is not None:
            following[each.tier][each.slots[0]] = each.slots[1]
    for chain in following.values():
        for first in [slot for slot in chain if slot in times]:
            run = [first]
            while run[-1] in chain and (len(run) == 1 or run[-1] not in times):
                run.append(chain[run[-1]])
                if len(run) > len(chain) + 1:
                    raise ValueError(f"slots of time go round at {first!r}")
            if run[-1] in times:
                begin, end = times[first], times[run[-1]]
                for place, slot in enumerate(run[1:-1], start=1):
                    times[slot] = begin + (end - begin) * place / (len(run) - 1)
    return times
