"""A search that can be killed at any moment."""

import json
import pathlib
import shutil
from typing import Any

from keras_dcat import windows
from keras_dcat.extras import require
from keras_dcat.storage import JSON_ERRORS, seal, written_whole

keras_tuner: Any = require("keras_tuner", extra="tuner")


class WholeSearch(keras_tuner.RandomSearch):
    """A random search, by one process, that goes on from the last trial that is done.

    KerasTuner tells the state of a search in several files, and writes each in place:
    one that was killed meanwhile cannot be read, or has lost the trial that ran. So
    after each trial all of them are kept in one file, which is replaced as a whole, and
    put back at the start. The trial that ran is run again.

    Args:
        *args: of `keras_tuner.RandomSearch`.
        directory: path of the folder.
        project_name: str. Name of the folder in it that is this search's.
        **kwargs: of `keras_tuner.RandomSearch`.

    Raises:
        ValueError: if what was kept is damaged.
    """

    def __init__(self, *args, directory: pathlib.Path, project_name: str, **kwargs):
        self._folder = pathlib.Path(directory) / project_name
        self._kept = self._folder.with_name(f"{self._folder.name}.json")
        self._put_back()
        super().__init__(
            *args, directory=str(directory), project_name=project_name, **kwargs
        )

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        files = {
            path.relative_to(self._folder).as_posix(): path.read_text("utf-8")
            for path in self._folder.rglob("*.json")
        }
        with written_whole(self._kept) as part:
            content = {"files": files, "sha256": seal(files)}
            part.write_text(json.dumps(content), "utf-8")

    def _put_back(self):
        files = self._read() if self._kept.exists() else {}
        trials = {pathlib.PurePosixPath(name).parts[0] for name in files}
        if self._folder.exists():
            for path in self._folder.iterdir():
                if path.is_dir() and path.name not in trials:
                    shutil.rmtree(path)
                elif path.suffix == ".json" and path.name not in files:
                    path.unlink()
        for name, text in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def _read(self):
        try:
            content = json.loads(self._kept.read_bytes())
            if content["sha256"] != seal(content["files"]):
                raise ValueError("its SHA-256 is another")
        except JSON_ERRORS as error:
            raise ValueError(
                "What a search has kept must be as it was written. "
                f"Received: {str(self._kept)!r} ({type(error).__name__} {error}). "
                "Delete it; the search begins anew."
            ) from error
        return content["files"]


def with_pairs(hypermodel, index, pair, batch_size: int):
    """Gives a search its pairs, of whose source it runs each window once.

    Args:
        hypermodel: `DCATHyperModel`, whose `data` is set.
        index: `WindowIndex`.
        pair: `(source, target)`, two names of streams.
        batch_size: int.
    """
    source, target = pair
    known = hypermodel.cache_source(index.gather(source), verbose=0)

    def pairs(hp, model):
        """Anew for each trial: the orders are those of the first in all of them."""
        batches = windows.pair_dataset(
            index, known, target, batch_size, shuffle=True, seed=0
        )
        return {"x": batches}

    hypermodel.data = pairs
