"""Experiments as one page that opens anywhere, and a table for other programs."""

import csv
import os
import pathlib
import re
from collections.abc import Mapping

import numpy as np

from keras_dcat.evaluation import figures
from keras_dcat.evaluation.remarks import references, remarks
from keras_dcat.evaluation.results import Results
from keras_dcat.evaluation.stream_pairs import arrow, named
from keras_dcat.extras import require
from keras_dcat.storage import written_whole


def write_report(
    path: str | os.PathLike,
    experiments: Mapping[str, Results],
    *,
    title: str = "",
    about: str = "",
) -> None:
    """Writes a page of tables and figures, and beside it a CSV of every run.

    The page needs no network and no other file. The same results give the same bytes.

    Args:
        path: str or path of the page, which ends in `.html`. The CSV has the same name
            with `.csv`. Each is written as a whole or not at all.
        experiments: dict from a heading to the `Results` below it.
        title: str. Heading of the page.
        about: str. What a reader should know first. Empty lines part paragraphs.

    Raises:
        ValueError: if `path` does not end in `.html`, or there is no experiment.
        ImportError: if Jinja2 or matplotlib are not installed.
    """
    path = pathlib.Path(path)
    if path.suffix != ".html" or not experiments:
        raise ValueError(
            "A report must have a name that ends in .html, and an experiment. "
            f"Received: {path.name!r} and {len(experiments)} experiments. "
            "Give it such a name, and what `compare` returns under a heading."
        )
    environment = require("jinja2", extra="plots").Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["signed"] = _signed
    template = pathlib.Path(__file__).with_suffix(".html").read_text("utf-8")
    table = path.with_suffix(".csv")
    html = environment.from_string(template).render(
        title=title or "Results",
        about=[part for part in re.split(r"\n\s*\n", about.strip()) if part],
        sections=[_section(*each) for each in experiments.items()],
        environment=_environment(experiments),
        table=table.name,
    )
    with written_whole(path) as page, written_whole(table) as runs:
        page.write_text(html, "utf-8")
        _write_csv(runs, experiments)


def _write_csv(path, experiments):
    lines = [
        {"experiment": heading, **line}
        for heading, results in experiments.items()
        for line in results.lines()
    ]
    # Experiments may differ in their classes.
    names = dict.fromkeys(name for line in lines for name in line)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(lines)


def _section(heading, results):
    """What the page says and shows of an experiment."""
    rows = results.rows()
    gains: dict = {}
    for row in rows:
        if row["gain"] is not None:
            pair = row["source"], row["target"]
            gains.setdefault(pair, {})[row["method"]] = row["gain"]
    verdicts = [gain.verdict for each in gains.values() for gain in each.values()]
    return {
        "heading": heading,
        "answer": _answer(results),
        "facts": _facts(results),
        "verdicts": {
            word: verdicts.count(word) for word in ("gain", "loss", "unclear")
        },
        "folds": len(results.splits) > 1,
        "overview": list(_overview(heading, results, rows, gains)),
        "pairs": [
            {
                "name": arrow(pair),
                "rows": [r for r in rows if (r["source"], r["target"]) == pair],
                "events": any(
                    r["event F1"] is not None
                    for r in rows
                    if (r["source"], r["target"]) == pair
                ),
                "references": references(results, pair),
                "remarks": remarks(results, pair),
                "details": list(_details(heading, results, pair)),
            }
            for pair in results.pairs
        ],
    }


def _overview(heading, results, rows, gains):
    """Captions and figures of what is to be seen first."""
    shown = _shown(results)
    if shown and len(gains) > 1:
        matrix = {(named(s), t): each[shown] for (s, t), each in gains.items()}
        caption = f"Who teaches whom: the gain of {shown}, and its interval."
        yield caption, figures.transfer_matrix(f"{heading}: who teaches whom", matrix)
    if gains:
        groups = {arrow(pair): each for pair, each in gains.items()}
        caption = "Gains with their intervals. ▲ gain, ▼ loss, ● unclear."
        yield caption, figures.gain_intervals(f"{heading}: gains", groups)
    name, arms = _settings(results.baselines)
    if len(arms) > 1:
        for pair, own in gains.items():
            yield (
                f"{arrow(pair)}: gains of several methods; the bands are intervals.",
                figures.gain_curves(
                    f"{heading}, {arrow(pair)}: gain by {name}",
                    name,
                    [*next(iter(arms.values())).values()],
                    {arm: [own[label] for label in arms[arm]] for arm in arms},
                ),
            )
        return
    scores = {(r["source"], r["target"], r["method"]): r["macro F1"] for r in rows}
    for settings in arms.values():
        for pair in gains:
            taught = [scores[*pair, label] for label in settings]
            alone = [scores[*pair, results.baselines[label]] for label in settings]
            title = f"{heading}, {arrow(pair)}: macro F1 by {name}"
            yield (
                f"{arrow(pair)}: macro F1 taught and alone; the bands are intervals.",
                figures.setting_curve(title, name, [*settings.values()], taught, alone),
            )


def _details(heading, results, pair):
    """Captions and figures of one pair that are to be seen on demand."""
    shown, about = _shown(results), f"{heading}, {arrow(pair)}"
    if shown:
        baseline = results.baselines[shown]
        new, old = (results.f1_by_class(pair, label) for label in (shown, baseline))
        changes = dict(zip(results.class_names, new - old, strict=True))
        yield (
            f"F1 of {shown} less that of {baseline}, class by class.",
            figures.class_changes(f"{about}: classes", changes),
        )
    losses = {
        label: np.array(
            [
                np.mean([run.losses for run in runs], 0)
                for runs in results.of(pair, label)
            ]
        )
        for label in results.baselines
    }
    # Of one epoch there is no curve, and of what is not trained by epochs neither.
    losses = {label: each for label, each in losses.items() if each.shape[1] > 1}
    baselines = set(results.baselines.values()) & losses.keys()
    if losses:
        yield (
            "Training: mean loss, and its standard deviation over seeds as a band.",
            figures.training_curves(f"{about}: training", losses, baselines),
        )
    # Of several labels none is taken for another: F1 says how often each is missed.
    confused = shown and not results.are_several_labels
    for label in (baseline, shown) if confused else ():
        svg = figures.confusion(
            f"{about}: confusion of {label}",
            results.class_names,
            results.confusion(pair, label),
        )
        yield f"{label}: which class is taken for which, in % of the true one.", svg


def _shown(results):
    """The method that classes are shown of: D-CAT, or the only one, if there is."""
    others = [label for label, own in results.baselines.items() if label != own]
    if "D-CAT" in others:
        return "D-CAT"
    return others[0] if len(others) == 1 else None


def _settings(baselines):
    """Axis and `{method: {label: number}}`, if labels hold numbers of one unit.

    The methods have the same numbers, three at least. What stands before a comma names
    the method: `paper, people = 2`.
    """
    found: dict = {}
    for label, own in baselines.items():
        match = re.fullmatch(r"(\D*?)([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(\D*)", label)
        if match and label != own:
            arm, _, name = match[1].strip(" =").rpartition(", ")
            unit = match[3].strip()
            name = " ".join([name, "in", unit] if unit else [name]).strip()
            found.setdefault(name, {}).setdefault(arm, {})[label] = float(match[2])
    lengths = {name: max(map(len, arms.values())) for name, arms in found.items()}
    longest = max(lengths, key=lambda name: lengths[name], default="")
    numbers = lengths.get(longest, 0)
    if numbers < 3:
        return longest, {}
    return longest, {a: own for a, own in found[longest].items() if len(own) == numbers}


def _answer(results):
    """In one sentence, whether it helps; nothing where nobody was taught."""
    shown = _shown(results)
    if not shown:
        return ""
    gain = results.gain(results.pairs, shown)
    says = {
        "gain": "is better than",
        "loss": "is worse than",
        "unclear": "does not differ significantly from",
    }[gain.verdict]
    over = f" over {len(results.pairs)} pairs" if len(results.pairs) > 1 else ""
    return (
        f"{shown} {says} {results.baselines[shown]}: {_signed(gain.mean)} macro F1 "
        f"[{_signed(gain.low)}, {_signed(gain.high)}]{over}, on "
        f"{_count(len(_people(results)), 'subject')}."
    )


def _people(results):
    """The subjects of the tests of all splits; sessions, where there is one subject."""
    tested = results.of(results.pairs[0], next(iter(results.baselines)))[0]
    return {person for run in tested for person in run.subjects.tolist()}


def _facts(results):
    """In one sentence, what was compared."""
    splits, seeds, pairs = results.splits, results.seeds, len(results.pairs)
    epochs = sorted({len(run.losses) for run in results.runs.values()})
    budget = f"{epochs[0]} to " if len(epochs) > 1 else ""
    tested = results.of(results.pairs[0], next(iter(results.baselines)))[0]
    windows = sum(len(run.labels) for run in tested)
    facts = [
        _count(len(results.baselines), "method"),
        *([_count(pairs, "pair")] if pairs > 1 else []),
        f"{_count(len(splits), 'split')} ({', '.join(splits)})",
        f"{_count(len(seeds), 'seed')} ({', '.join(map(str, seeds))})",
        f"{budget}{_count(epochs[-1], 'epoch')}",
        f"tested on {_count(windows, 'window')} of "
        f"{_count(len(_people(results)), 'subject')} (or sessions)",
    ]
    return ", ".join(facts)


def _environment(experiments):
    """Versions and machine; where runs differ, all of them."""
    found: dict = {}
    for results in experiments.values():
        for run in results.runs.values():
            for name, value in run.environment.items():
                found.setdefault(name, set()).add(value)
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _signed(number):
    return f"{number:+.3f}".replace("-", "\N{MINUS SIGN}")


def _count(number, name):
    return f"{number} {name}{'' if number == 1 else 's'}"
