"""Parts of an experiment file whose names are the options of a public function."""

import inspect
from collections.abc import Callable, Container
from typing import Any, ClassVar

from keras_dcat.extras import require

pydantic: Any = require("pydantic", extra="cli")


class Section(pydantic.BaseModel):
    """A part of the file: nothing but what it names may stand in it."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Options(Section):
    """A section of which some names are options of one function, by `taking`."""

    function: ClassVar[Callable]
    options: ClassVar[frozenset[str]] = frozenset()

    def given(self) -> dict[str, Any]:
        """The options of the function that the file says, to be passed on.

        Returns:
            dict from an option to its value.
        """
        said = self.options & self.model_fields_set
        return {name: getattr(self, name) for name in sorted(said)}


def taking(
    function: Callable,
    without: Container[str] = (),
    base: type[Options] = Options,
    **kinds: Any,
) -> type[Options]:
    """A section with a name for each option of a function, as the function has them.

    An option that the function gains is one of the file's at once. One that has no
    default must be there.

    Args:
        function: function with annotated options. Its first argument is what it works
            on, which no section says.
        without: names of options that a file does not say.
        base: section that has what is no option of the function.
        **kinds: name of an option to what a file may say there, where that is less than
            the function takes.

    Returns:
        class to derive a `Section` from.

    Example:

    >>> def cut(values, *, length: float = 2.0, pad: bool = False): ...
    >>> taking(cut, without=["pad"])(length=3).given()
    {'length': 3.0}
    """
    _, *parameters = inspect.signature(function).parameters.items()
    fields = {
        name: (
            kinds.get(name, each.annotation),
            ... if each.default is each.empty else each.default,
        )
        for name, each in parameters
        if name not in without
    }
    made = pydantic.create_model(f"{function.__name__}_", __base__=base, **fields)
    made.function, made.options = staticmethod(function), frozenset(fields)
    return made
