"""Names of a package that are imported when they are first used."""

import importlib
import sys
from collections.abc import Callable, Mapping


def on_first_use(
    package: str, members: Mapping[str, str | None]
) -> tuple[Callable, Callable]:
    """What a package needs so that some of its names are imported on first use.

    Args:
        package: str. Its dotted name, which is `__name__` in its `__init__.py`.
        members: dict from a name to the module of the package that it is in, or to
            `None` if the name is that of a module.

    Returns:
        `(__getattr__, __dir__)`, to be assigned to these names in `__init__.py`.

    Example:

    >>> find, names = on_first_use("keras_dcat", {"windows": None})
    >>> find("windows").index_windows.__name__, "windows" in names()
    ('index_windows', True)
    """

    def __getattr__(name):
        if name not in members:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}",
                name=name,
                obj=sys.modules[package],
            )
        module = importlib.import_module(f"{package}.{members[name] or name}")
        return module if members[name] is None else getattr(module, name)

    def __dir__():
        return sorted({*vars(sys.modules[package]), *members})

    return __getattr__, __dir__
