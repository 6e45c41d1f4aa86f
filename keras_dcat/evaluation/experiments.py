"""Several comparisons in a row, with one report that grows."""

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from keras_dcat.evaluation.comparison import compare
from keras_dcat.evaluation.foresight import foresight as foretell
from keras_dcat.evaluation.methods import METHODS, Method
from keras_dcat.evaluation.published_runs import export_runs, import_runs
from keras_dcat.evaluation.report import write_report
from keras_dcat.evaluation.results import Results
from keras_dcat.evaluation.stream_pairs import arrow
from keras_dcat.evaluation.study import Study
from keras_dcat.shown import counted, few, shown_as_printed
from keras_dcat.storage import written_whole


@shown_as_printed
class Experiment(NamedTuple):
    """A comparison that has not been run: the arguments of `compare`.

    Attributes:
        study: `Study`.
        pairs: list of `(source, target)`, of which a source may be a tuple of several;
            all ordered pairs if `None`.
        methods: dict from a label to a `Method`.
    """

    study: Study
    pairs: list[tuple] | None = None
    methods: Mapping[str, Method] = METHODS

    def __str__(self) -> str:
        pairs = "all pairs" if self.pairs is None else few(map(arrow, self.pairs), 3)
        methods = counted(len(self.methods), "method")
        return f"<Experiment {pairs}, {methods}: {few(self.methods)}\n  {self.study}>"


def run_experiments(
    experiments: Mapping[str, Experiment],
    path: str | os.PathLike,
    seeds: Iterable[int] = range(5),
    *,
    only: Iterable[str] | None = None,
    methods: Iterable[str] | None = None,
    packed: str | os.PathLike | None = None,
    foresight: bool = False,
    title: str = "",
    about: str = "",
    scheduler: str | None = None,
) -> dict[str, Results]:
    """Runs comparisons, prints their tables, and writes a report after each.

    Finished runs are read and not repeated, as in `compare`.

    Args:
        experiments: dict from a heading to an `Experiment`.
        path: folder of the runs, of `report.html`, of its tables in `report.md`, and
            of every run's scores in `report.csv`.
        seeds: ints.
        only: headings of those to run, in this order; all unless given.
        methods: labels of those to compare; all unless given. An experiment that has
            none of them is left out.
        packed: path of a file as `export_runs` writes it. What it holds is read before,
            if it exists, and it is written anew with what has been added, at the end.
        foresight: bool. Whether every pair is diagnosed, too, in the end, and it is
            printed how often `diagnose` was right about the gain of "D-CAT".
        title: str. Title of the report.
        about: str. What stands under it.
        scheduler: as in `compare`.

    Returns:
        dict from a heading to `Results`.

    Raises:
        ValueError: as `compare`, or if there is no such heading or label.
        ImportError: if Jinja2 or matplotlib, which make the report, are missing, or
            KerasTuner, if it is to share runs out.
    """
    folder, seeds, done, tables = pathlib.Path(path), list(seeds), {}, ""
    chosen = _chosen(experiments, only, methods)
    if packed is not None and pathlib.Path(packed).exists():
        import_runs(packed, folder)
    for heading, (study, pairs, own_methods) in chosen.items():
        done[heading] = compare(
            study, pairs, own_methods, seeds, folder, scheduler=scheduler
        )
        own = f"\n## {heading}\n"
        for pair in done[heading].pairs:
            own += f"\n### {arrow(pair)}\n\n{done[heading].table(pair)}\n"
        own += _leads(done[heading])
        print(own)
        tables += own
        write_report(folder / "report.html", done, title=title, about=about)
        with written_whole(folder / "report.md") as part:
            heading = title or "Results"
            part.write_text(f"# {heading}\n\n{about.strip()}\n{tables}", "utf-8")
    print(f"The report is in {folder / 'report.html'}")
    if packed is not None:
        export_runs(folder, packed)
    for heading, results in done.items():
        if foresight and "D-CAT" in results.baselines:
            foretold = foretell(chosen[heading].study, results, path=folder)
            print(f"\n{heading}\n{foretold}")
    return done


def _leads(results):
    """The lead of D-CAT over each other method, over all pairs."""
    if "D-CAT" not in results.baselines:
        return ""
    lines = [
        f"- {label}: {results.gain(results.pairs, 'D-CAT', label).signed}"
        for label in results.baselines
        if label != "D-CAT"
    ]
    return "\n".join(["\nOver all pairs, the lead of D-CAT over\n", *lines, ""])


def _chosen(experiments, only, methods):
    """The experiments that are named, with the methods that are."""
    labels = {label for each in experiments.values() for label in each.methods}
    only, methods = list(only or experiments), set(methods or labels)
    for argument, names, known in (
        ("only", set(only), set(experiments)),
        ("methods", methods, labels),
    ):
        if unknown := sorted(names - known):
            raise ValueError(
                f"`{argument}` must be of the experiments. "
                f"Received: {argument}={unknown}. Choose from {sorted(known)}."
            )
    return {
        heading: experiments[heading]._replace(
            methods={
                label: method
                for label, method in experiments[heading].methods.items()
                if label in methods
            }
        )
        for heading in only
        if not methods.isdisjoint(experiments[heading].methods)
    }
