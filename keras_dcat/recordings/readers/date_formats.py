"""Formats of dates: what one says, and which ones a text may be in."""

import functools
import itertools
import re
from collections.abc import Callable

ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()

_FULL_MONTHS = (
    "january february march april may june july august september october "
    "november december".split()
)
_DAYS = "(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp][Mm])",
    "z": ZONE,
    "b": f"(?P<b>{'|'.join(MONTHS)})",
    "B": f"(?P<b>{'|'.join(_FULL_MONTHS)})",
    "a": _DAYS,
    "A": _DAYS,
}
_NUMBERS = {"%" + name for name in "YymdHIMSf"}
# What loggers write, for a cure to be found; {0} stands for what is between.
_OF_DAYS = (
    *("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%Y{0}%m{0}%d", "%d{0}%m{0}%y", "%m{0}%d{0}%y"),
    *("%d{0}%b{0}%Y", "%d{0}%B{0}%Y", "%d{0}%b{0}%y", "%b %d, %Y", "%B %d, %Y"),
    *("%Y%m%d", "%a %b %d %Y", "%a, %d %b %Y"),
)
_OF_CLOCKS = (
    *("%H{0}%M{0}%S", "%H{0}%M{0}%S.%f", "%H{0}%M{0}%S,%f", "%H{0}%M{0}%S:%f"),
    *("%H{0}%M", "%H%M%S", "%H%M%S.%f"),
)
_OF_HOURLESS_CLOCKS = ("%M:%S", "%M:%S.%f", "%M:%S,%f")
_TAILS = ("", " %z", "%z")
_HALVES = (" %p", "%p")


@functools.lru_cache(maxsize=1024)
def compiled(time_format: str) -> re.Pattern:
    """What texts of a format look like, with a group for each number.

    Args:
        time_format: str. As for `datetime.strptime`, in English.

    Returns:
        `re.Pattern` with groups named by the letters of the format.

    Raises:
        ValueError: if it has anything else, or says neither when nor on which day.
    """
    parts = re.split(r"(%.|\s+)", str(time_format), flags=re.DOTALL)
    parts = ["", *filter(None, parts), ""]
    pattern, used = "", []
    for before, part, after in zip(parts, parts[1:], parts[2:], strict=False):
        if part.startswith("%"):
            directive = _DIRECTIVES.get(part[1:], "")
            if part == "%f" and before[-1:] in (".", ","):
                # Many programs leave the fraction out where it is 0.
                pattern = pattern.removesuffix(re.escape(before[-1]))
                directive = f"(?:{re.escape(before[-1])}{directive})?"
            elif {before, after} & _NUMBERS:  # or 1112024 could be two days
                directive = directive.replace("{1,2}", "{2}")
            pattern += directive
            used.append(part[1:].replace("B", "b").replace("A", "a"))
        else:
            pattern += r"\s+" if part.isspace() else re.escape(part)
    if not _is_whole(used):
        raise ValueError(
            "`time_format` must say year, month and day, a time of day, or both, by "
            f"{' '.join('%' + name for name in _DIRECTIVES)}, each once, and %I with "
            f"%p. Received: time_format={time_format!r}. "
            "Pass one such as '%d/%m/%Y %H:%M:%S.%f'."
        )
    return re.compile(pattern, re.IGNORECASE)


def _is_whole(used):
    """Whether letters of a format say a day or a time of day, and nothing in part."""
    said = set(used)
    is_known = said <= _DIRECTIVES.keys() and len(said) == len(used)
    is_dated = [len(said & {"Y", "y"}), len(said & {"m", "b"}), len(said & {"d"})]
    has_day = is_dated == [1, 1, 1]
    has_clock = bool(said & {"H", "I", "M"}) and not {"H", "I"} <= said
    is_dayless = is_dated == [0, 0, 0] and "z" not in said and has_clock
    return is_known and ("I" in said) == ("p" in said) and (has_day or is_dayless)


def formats_of(text: str, is_read: Callable[[str, str], bool]) -> list[str]:
    """The formats that a text may be in, of those that loggers write.

    Args:
        text: str.
        is_read: `is_read(text, time_format)`, whether a text has a meaning in one.

    Returns:
        list of str.
    """
    found = []
    for day, between, clock in _parts(text):
        ends = _TAILS if day else ("",)
        clocks = [one + end for one in _OF_CLOCKS for end in ends]
        clocks += [f"{one}{half}".replace("%H", "%I") for one in _OF_CLOCKS
                   for half in _HALVES if "%H" in one]  # fmt: skip
        clocks += () if day else _OF_HOURLESS_CLOCKS
        seps = ":.-" if clock else ""
        clocks = [one.format(sep) for one in clocks for sep in seps]
        days = [one.format(sep) for one in _OF_DAYS for sep in "/.- "]
        clocks = [one for one in dict.fromkeys(clocks) if _suits(clock, one)] or [""]
        days = [one for one in dict.fromkeys(days) if _suits(day, one)] or [""]
        for one, other in itertools.product(days, clocks):
            whole = f"{one}{between}{other}"
            if whole and whole not in found and is_read(text, whole):
                found.append(whole)
    return found


def _suits(text, time_format):
    """Whether a part of a text is of a format, but for what a part does not say."""
    if time_format.endswith("%z"):
        zone = re.search(f"{ZONE}$", text)
        if zone is None:
            return False
        text, time_format = text[: zone.start()], time_format[:-2]
    try:
        match = compiled(time_format).fullmatch(text)
    except ValueError:
        return False
    return match is not None and None not in match.groups()


def _parts(text):
    """Ways to take a text apart into a day, what is between, and a time of day."""
    yield text, "", ""
    yield "", "", text
    for cut in re.finditer(r"(?<!^)(?:[T_]|, ?| +|-|(?<=^\d{8})(?=\d{6}))", text):
        yield text[: cut.start()], cut[0], text[cut.end() :]
