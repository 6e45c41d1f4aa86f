"""Libraries that only some users need, imported on first use."""

import importlib
import types


def require(module: str, extra: str) -> types.ModuleType:
    """Imports a module of an optional dependency.

    Args:
        module: str. What to import, such as `"scipy.io"`.
        extra: str. The extra of this package that installs it.

    Returns:
        the module.

    Raises:
        ImportError: if it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"`{module}` is needed here. Received: {error}. "
            f"Install it with: pip install 'keras_dcat[{extra}]'"
        ) from error
