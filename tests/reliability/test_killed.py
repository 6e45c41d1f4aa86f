"""Killed by the system in the middle: what existed is whole, and the work goes on."""

import json
import multiprocessing
import random
import signal
import time

import numpy as np
import pytest

from tests.reliability import works

# Processes that are forked from one which has imported everything, and done nothing.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.reliability.works", "keras_tuner", "h5py"])

WORKS = {
    each.__name__: each
    for each in (
        works.train,
        works.cache,
        works.shards,
        works.folds,
        works.search,
        works.export,
    )
}
KILLED = {-signal.SIGKILL, -signal.SIGXFSZ}


class Place:
    """A folder in which a work is done, killed, and done again."""

    def __init__(self, work, path):
        self.work = work
        self.folder = path / "folder"
        self.folder.mkdir(parents=True)
        (self.folder / "mine.txt").write_text("not of this work")
        self.result = path / "result.npz"

    def exit_code(self, seconds=300, **killed):
        process = FORKS.Process(
            target=works.run, args=(self.work, self.folder, self.result), kwargs=killed
        )
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    def finished(self):
        assert self.exit_code() == 0
        with np.load(self.result) as found:
            arrays = dict(found)
        return int(arrays.pop("operations")), arrays

    def names(self):
        names = (p.relative_to(self.folder) for p in self.folder.rglob("*"))
        # What is half written is in a folder whose name begins with a point.
        return {p for p in names if not any(x.startswith(".") for x in p.parts[:-1])}

    def unfinished(self):
        return [p for p in self.names() if p.name.startswith(".") and p.name != ".lock"]

    def assert_whole(self):
        """That whatever has a name of its own can be read to its end."""
        assert (self.folder / "mine.txt").read_text() == "not of this work"
        for name in self.names() - set(self.unfinished()):
            if name.suffix == ".npz":
                with np.load(self.folder / name) as arrays:
                    dict(arrays)
            elif name.suffix == ".json" and name.parts[0] != "search":  # KerasTuner's
                json.loads((self.folder / name).read_text())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Of a work that is not killed: its result, and what it leaves; how long it is."""
    known = {}

    def run(work):
        if work not in known:
            place, began = (
                Place(WORKS[work], tmp_path_factory.mktemp(work)),
                time.time(),
            )
            operations, arrays = place.finished()
            known[work] = operations, arrays, place.names(), time.time() - began
        return known[work]

    return run


def assert_goes_on(place, undisturbed):
    _, expected, names, _ = undisturbed(place.work.__name__)
    place.assert_whole()
    _, found = place.finished()
    assert found.keys() == expected.keys()
    # To the bit; a source may be rounded otherwise in a smaller batch.
    rounding = 1e-6 if place.work.__name__ == "cache" else 0
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rounding, rounding, name)
    assert place.names() == names


@pytest.mark.parametrize(
    ("work", "killed"),
    [
        ("train", {"after_batch": (1, 1)}),
        ("cache", {"at_byte": 6000}),
        ("shards", {"before_operation": 29}),
    ],
    ids=["epoch", "cache", "shards"],
)
def test_what_is_killed_in_the_middle_ends_as_if_it_was_not(
    work, killed, undisturbed, tmp_path
):
    place = Place(WORKS[work], tmp_path)
    assert place.exit_code(**killed) in KILLED
    assert_goes_on(place, undisturbed)


@pytest.mark.parametrize(("work", "at_byte"), [("folds", 100), ("shards", 2000)])
def test_what_is_killed_often_leaves_no_more_than_what_is_killed_once(
    work, at_byte, tmp_path
):
    place = Place(WORKS[work], tmp_path)
    for _ in range(3):
        assert place.exit_code(at_byte=at_byte) in KILLED
        place.assert_whole()
        assert 1 <= len(place.unfinished()) <= 2  # two threads write shards


def points():
    """Ways to die, some for each work: between two changes, in a write, anywhere."""
    chance = random.Random(0)
    for work in WORKS:
        if work != "search":  # whose writes are not Python's
            for share in sorted(chance.random() for _ in range(4)):
                yield pytest.param(work, {"operation": share}, id=f"{work}-{share:.2f}")
        for at_byte in (10, 700, 3000):
            yield pytest.param(work, {"at_byte": at_byte}, id=f"{work}-{at_byte}")
        for share in sorted(chance.uniform(0.1, 1) for _ in range(3)):
            yield pytest.param(work, {"time": share}, id=f"{work}-at-{share:.2f}")


@pytest.mark.slow
@pytest.mark.parametrize(("work", "killed"), list(points()))
def test_wherever_it_is_killed_it_ends_as_if_it_was_not(
    work, killed, undisturbed, tmp_path
):
    operations, _, _, seconds = undisturbed(work)
    place = Place(WORKS[work], tmp_path)
    if "time" in killed:
        place.exit_code(killed["time"] * seconds)
    elif "operation" in killed:
        at = int(killed["operation"] * operations)
        assert place.exit_code(before_operation=at) in KILLED
    else:
        assert place.exit_code(**killed) in {0, *KILLED}  # some files are small
    assert_goes_on(place, undisturbed)
