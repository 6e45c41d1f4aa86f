"""Changes one thing in a module at a time, and asks whether its tests notice.

`make mutants ARGS='transfer/gating/gates windows/index --sample 50'` shows what no test
at the same path noticed: whoever reads it decides whether a user could.

Files stay as they are: every change is tried in a fork of a process that has imported
what is slow to import, and there it is what Python finds in place of the module.
"""

import argparse
import importlib.abc
import importlib.util
import multiprocessing
import os
import pathlib
import random
import sys

import keras  # noqa: F401
import pytest
import tensorflow  # noqa: F401

from tests.reliability.changes import changes_of

ROOT = pathlib.Path(__file__).parents[2]
FORK = multiprocessing.get_context("fork")


class Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """A plugin of pytest: a changed module is found under the module's name."""

    def __init__(self, path, source):
        self.path, self.source = path, source
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)

    def pytest_sessionstart(self):
        sys.meta_path.insert(0, self)  # before pytest's own, which reads the file

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_source(self, name):
        return self.source


class QuickestFirst:
    """A plugin of pytest: what takes long is run when nothing else has failed."""

    def __init__(self, seconds):
        self.seconds = seconds

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: self.seconds.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report):
        before = self.seconds.get(report.nodeid, 0.0)
        self.seconds[report.nodeid] = before + report.duration


def run(tests, seconds, limit=None, change=None):
    """Whether tests fail, and how long each took; in a fork.

    Args:
        tests: list of paths.
        seconds: dict from a test to how long it took before.
        limit: seconds after which they count as failed.
        change: `(path, source)`, or `None` to leave everything as it is.
    """
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_in_fork, args=(there, tests, seconds, change))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(limit) else (True, {})
    except EOFError:  # it died
        return True, {}
    finally:
        process.kill()
        process.join()


def _in_fork(there, tests, seconds, change):
    taken = QuickestFirst(dict(seconds))
    plugins = [taken, *([Changed(*change)] if change else [])]
    if change:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
    options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    failed = pytest.main([*options, *map(str, tests)], plugins=plugins) != 0
    there.send((failed, taken.seconds))


def noticed(module, tests, sample):
    """Tries the changes of a module, and shows those that no test notices."""
    path = ROOT / "keras_dcat" / f"{module}.py"
    own = ROOT / "tests" / module
    tests = [*own.parent.glob(f"test_{own.name}*.py"), path, *tests]
    failed, seconds = run(tests, {})
    if failed:
        raise SystemExit(f"{module}: its tests fail without any change.")
    limit = 30 + 3 * sum(seconds.values())
    changes = list(changes_of(path.read_text()))
    count = min(sample or len(changes), len(changes))
    tried = sorted(random.Random(0).sample(changes, count))
    missed = 0
    for line, what, source in tried:
        if not run(tests, seconds, limit, (path, source))[0]:
            missed += 1
            print(f"{module}.py:{line}: {what}", flush=True)
    share = f"{count - missed} of {count} changes noticed"
    print(f"{module}.py: {share}; {len(changes)} are possible", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+", help="as in transfer/gating/gates")
    parser.add_argument("--tests", nargs="*", default=[], help="more of them to run")
    parser.add_argument("--sample", type=int, help="how many changes, drawn by a seed")
    options = parser.parse_args()
    for module in options.modules:
        noticed(module, options.tests, options.sample)
