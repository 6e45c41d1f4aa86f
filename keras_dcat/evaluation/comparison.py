"""Methods side by side, over seeds and splits, in runs that can be interrupted."""

import datetime
import functools
import importlib.metadata
import itertools
import os
import pathlib
import platform
import time
from collections.abc import Iterable, Mapping

import keras
import numpy as np

from keras_dcat.evaluation.baselines import BASELINES
from keras_dcat.evaluation.job import Job
from keras_dcat.evaluation.methods import METHODS, Alone, Method, Outcome
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.results import Results
from keras_dcat.evaluation.run import Run
from keras_dcat.evaluation.scheduling import SCHEDULERS, share_out
from keras_dcat.evaluation.stream_pairs import arrow, ordered_pairs, sources_of
from keras_dcat.evaluation.study import Study
from keras_dcat.storage import written_whole
from keras_dcat.windows import stretches


def compare(
    study: Study,
    pairs: Iterable[tuple] | None = None,
    methods: Mapping[str, Method] = METHODS,
    seeds: Iterable[int] = range(5),
    path: str | os.PathLike | None = None,
    verbose: int = 1,
    scheduler: str | None = None,
    baselines: bool = False,
) -> Results:
    """Trains and tests every method for every pair, split and seed.

    Runs with one seed on one split start from the same weights of the target and see
    the same batches in the same order with the same budget; only the method differs.

    Args:
        study: `Study`.
        pairs: list of `(source, target)`; all ordered pairs of the study's modalities
            by default. A source may be a tuple of several, which then teach together.
        methods: dict from a label to a `Method`: `METHODS`, `CONTROLS`, `RIVALS`, what
            `ablation` gives, or your own. For each there must be its `baseline`.
        seeds: ints. Two or more give intervals.
        path: folder where each run is written as it ends. A comparison that died goes
            on where it stopped when it is called again, and one whose study has changed
            starts anew. Several processes may share it.
        verbose: 0 for no progress bar.
        scheduler: `None` to do all runs in this process, or `"keras_tuner"` to share
            them out among several, on one machine or many, which call this function
            alike and all get all results. Who hands out and who works is told by the
            variables of the environment that KerasTuner takes for its own searches:
            docs/scaling.md has the lines.
        baselines: bool. Whether the classifiers of `BASELINES`, which need no source,
            are among the methods.

    Returns:
        `Results`.

    Raises:
        ValueError: if there is no pair or seed, if a pair names another modality than
            the study's, if a method cannot take the several sources of a pair, or has
            no baseline to compare with, or if there is a scheduler and no path.
        ImportError: if KerasTuner is to share runs out, or scikit-learn and aeon are to
            give baselines, and are missing.
    """
    pairs = ordered_pairs(study.modalities) if pairs is None else pairs
    pairs = [(s if isinstance(s, str) else tuple(s), target) for s, target in pairs]
    seeds = list(seeds)
    if baselines:
        methods = {**methods, **BASELINES}
    _check(study, pairs, methods, seeds)
    _check_scheduler(scheduler, path)
    folder = None if path is None else pathlib.Path(path)
    asked, sources = {}, {}
    for split, seed in itertools.product(study.splits, seeds):
        for pair, label in itertools.product(pairs, methods):
            job = Job.of_pair(split, seed, pair, methods[label])
            asked[split, seed, pair, label] = job
            for source in job.sources:  # it is trained anyway, and what is it worth?
                own = Job(split, seed, (), source, Alone())
                sources[split, seed, source] = own
    # What shares a split and a seed shares trained models.
    in_turn = sorted(
        [*asked.values(), *sources.values()],
        key=lambda job: (list(study.splits).index(job.split), seeds.index(job.seed)),
    )
    jobs = {job.key: job for job in in_turn}
    if scheduler is not None:
        _run_in_turns(study, jobs.values(), folder, verbose)
    progress = keras.utils.Progbar(len(jobs), unit_name="run", verbose=verbose)
    runs, repetition = {}, None
    for key, job in jobs.items():
        file = None if folder is None else job.file(study, folder)
        if file is not None and file.exists():
            runs[key] = Run.load(file)
        else:
            here = repetition and (repetition.split, repetition.seed)
            if here != job.repetition:
                repetition = Repetition(study, *job.repetition, folder)
            runs[key] = _run(repetition, job)
            if file is not None:
                _save(runs[key], file)
        progress.add(1, [("accuracy", runs[key].accuracy)])
    found, of_sources = (
        {key: runs[job.key] for key, job in each.items()} for each in (asked, sources)
    )
    compared_with = {
        label: next(name for name, m in methods.items() if m == method.baseline())
        for label, method in methods.items()
    }
    return Results(found, compared_with, study.output_names, of_sources)


def environment() -> dict[str, str]:
    """Versions and machine that a result was made with.

    Returns:
        dict of str.

    Example:

    >>> "keras" in environment()
    True
    """
    packages = ("keras_dcat", "keras", "tensorflow", "jax", "torch", "numpy")
    versions = {}
    for name in packages:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        **versions,
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _check(study, pairs, methods, seeds):
    _check_people(study)
    if not pairs or not seeds:
        raise ValueError(
            "There must be a pair and a seed at least. "
            f"Received: pairs={pairs}, seeds={seeds}. "
            "Leave them out for all pairs and five seeds."
        )
    named = {s for source, target in pairs for s in (*sources_of(source), target)}
    unknown = named - set(study.modalities)
    if unknown:
        raise ValueError(
            "`pairs` must be of the study's modalities. "
            f"Received: {sorted(unknown)}. Choose from {sorted(study.modalities)}."
        )
    several = [pair for pair in pairs if isinstance(pair[0], tuple)]
    for source, _ in several:
        if len(set(source)) < max(len(source), 2):
            raise ValueError(
                "Sources that teach together must be two different streams or more. "
                f"Received: {source}. Name a single one by itself, not in a tuple."
            )
    for label, method in methods.items():
        if several and not method.takes_several_sources:
            raise ValueError(
                "Every method must be able to learn from all sources of a pair. "
                f"Received: {label!r}, which takes one, and {arrow(several[0])}. "
                "Leave it out, or compare it for pairs of one source."
            )
        if method.baseline() not in methods.values():
            raise ValueError(
                "Every method must be compared with its baseline. "
                f"Received: {label!r} without {method.baseline()}. "
                "Add the baseline to `methods`, as `ablation` does."
            )


def _check_people(study):
    tests = [test for _, test in study.splits.values()]
    counts = {
        name: len({who for test in tests for who in getattr(test, name).tolist()})
        for name in ("subjects", "sessions")
    }
    if max(counts.values()) < 2:
        raise ValueError(
            "A comparison must be tested on two subjects, or on two sessions of one: "
            f"intervals are over them. Received: {counts}. Hold out another."
        )


def _check_scheduler(scheduler, path):
    if scheduler not in (None, *SCHEDULERS):
        raise ValueError(
            f"`scheduler` must be None or one of {SCHEDULERS}. "
            f"Received: scheduler={scheduler!r}. Leave it out to run in this process."
        )
    if scheduler is not None and path is None:
        raise ValueError(
            "Processes that share runs must share a folder. "
            f"Received: scheduler={scheduler!r} without `path`. "
            "Give the path of one that all of them can write to."
        )


def _run_in_turns(study, jobs, folder, verbose):
    """Has all jobs run by this process and others, who find each other's files.

    What has the same split, seed and target is one piece of work: it shares models.
    """
    units: dict[str, list] = {}
    for job in sorted(jobs, key=lambda job: job.target):  # others take other seeds
        name = f"{job.target}, {job.split}, seed {job.seed}"
        units.setdefault(name, []).append(job)

    def missing(jobs):
        return [job for job in jobs if not job.file(study, folder).exists()]

    def run(jobs):
        split, seed = jobs[0].repetition
        repetition = Repetition(study, split, seed, folder)
        for job in missing(jobs):
            _save(_run(repetition, job), job.file(study, folder))

    share_out(
        {name: functools.partial(run, own) for name, own in units.items()},
        lambda: not any(map(missing, units.values())),
        verbose,
    )


def _save(run, file):
    with written_whole(file) as part:
        run.save(part)


def _run(repetition, job):
    """Trains and tests a method."""
    began = time.monotonic()
    outcome = Outcome(*job.method.run(repetition, job.sources, job.target))
    everybody = [test.subjects for _, test in repetition.study.splits.values()]
    several = len(np.unique(np.concatenate(everybody))) > 1
    people = repetition.test.subjects if several else repetition.test.sessions
    return Run(
        **job.description(),
        labels=repetition.study.targets(repetition.test),
        subjects=people.astype(str),
        probabilities=outcome.probabilities,
        losses=outcome.losses,
        training_f1=outcome.training_f1,
        stretches=stretches(repetition.test),
        seconds=time.monotonic() - began,
        environment=environment(),
    )
