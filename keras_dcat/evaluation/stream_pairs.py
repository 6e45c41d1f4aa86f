"""Who teaches whom: a source, or several at once, and a target."""

import itertools
from collections.abc import Iterable


def ordered_pairs(modalities: Iterable[str], num_sources: int = 1) -> list[tuple]:
    """Every modality as the source of every other one.

    Args:
        modalities: names of streams.
        num_sources: int. How many teach together; with 2, every two teach every other.

    Returns:
        list of `(source, target)`; of several sources, the first part is a tuple.

    Example:

    >>> ordered_pairs(["video", "imu"])
    [('video', 'imu'), ('imu', 'video')]
    >>> ordered_pairs(["video", "depth", "imu"], num_sources=2)[-1]
    (('depth', 'imu'), 'video')
    """
    names = list(modalities)
    together = itertools.combinations(names, num_sources)
    return [
        (sources if num_sources > 1 else sources[0], target)
        for sources in together
        for target in names
        if target not in sources
    ]


def sources_of(source) -> tuple:
    """The source, or the sources, of a pair.

    Args:
        source: str, or what takes the place of a stream; or a tuple of these.

    Returns:
        tuple of them. `SourceStatistics`, which are a tuple of their own, are one.

    Example:

    >>> sources_of("video"), sources_of(("video", "depth"))
    (('video',), ('video', 'depth'))
    """
    return source if type(source) is tuple else (source,)


def source_of(sources: tuple):
    """What stands for the sources of a pair: the inverse of `sources_of`.

    Args:
        sources: tuple of str, or of what takes the place of a stream.

    Returns:
        the only one itself, the tuple of several, or `None` of none.

    Example:

    >>> source_of(("video",)), source_of(("video", "depth")), source_of(())
    ('video', ('video', 'depth'), None)
    """
    return sources if len(sources) > 1 else next(iter(sources), None)


def named(source) -> str:
    """What a source is called where it is shown.

    Args:
        source: str, or a tuple of str.

    Returns:
        str.

    Example:

    >>> named(("skeleton", "depth"))
    'skeleton + depth'
    """
    return " + ".join(sources_of(source))


def arrow(pair) -> str:
    """What a pair is called where it is shown.

    Args:
        pair: `(source, target)`.

    Returns:
        str.

    Example:

    >>> arrow((("skeleton", "depth"), "imu"))
    'skeleton + depth → imu'
    """
    return f"{named(pair[0])} → {pair[1]}"
