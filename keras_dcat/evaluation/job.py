"""One run of a comparison, before it is run."""

import dataclasses
import json
import pathlib
from typing import Any

from keras_dcat.evaluation.methods import Method
from keras_dcat.evaluation.stream_pairs import source_of, sources_of
from keras_dcat.evaluation.study import Study, changes, described


@dataclasses.dataclass(frozen=True)
class Job:
    """A method, for one seed on one split, with one pair of modalities.

    Attributes:
        split: str.
        seed: int.
        sources: tuple of str. Streams that teach; `()` where none takes part.
        target: str. The stream that learns.
        method: `Method`.
    """

    split: str
    seed: int
    sources: tuple[str, ...]
    target: str
    method: Method

    @classmethod
    def of_pair(cls, split: str, seed: int, pair: tuple, method: Method) -> "Job":
        """The job of a pair: where no source takes part, it is not named.

        Args:
            split: str.
            seed: int.
            pair: `(source, target)`, of which the source may be a tuple of several.
            method: `Method`.

        Returns:
            `Job`.
        """
        source, target = pair
        sources = sources_of(source) if method.needs_source else ()
        return cls(split, seed, sources, target, method)

    @property
    def repetition(self) -> tuple[str, int]:
        """The split and the seed: jobs that share them share trained models."""
        return self.split, self.seed

    @property
    def key(self) -> str:
        """What tells it from others of the same study."""
        return json.dumps(self.description(), sort_keys=True)

    def description(self) -> dict[str, Any]:
        """The job as a `Run` has it, in what JSON can hold.

        Returns:
            dict with `split`, `seed`, `source`, `target` and `method`.
        """
        settings = json.dumps(changes(self.method), default=described)
        return {
            "split": self.split,
            "seed": self.seed,
            "source": source_of(self.sources),
            "target": self.target,
            "method": {
                "name": type(self.method).__name__,
                "edition": self.method.edition,
                **json.loads(settings),
            },
        }

    def file(self, study: Study, folder: pathlib.Path) -> pathlib.Path:
        """Where its run is written, by all that it depends on.

        Args:
            study: `Study`.
            folder: path, that of the comparison.

        Returns:
            path.
        """
        streams = [*self.sources, self.target]
        digest = study.fingerprint(self.split, streams, self.description())
        shown = [*filter(None, ["+".join(self.sources)]), self.target]
        kind = type(self.method).__name__
        names = [self.split, *shown, kind, str(self.seed), digest]
        return folder / "runs" / (".".join(names).replace("/", "-") + ".npz")
