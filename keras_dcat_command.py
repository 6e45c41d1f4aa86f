"""`keras-dcat`: from files of sensors to a model on a device, command by command.

It lies beside the package, whose import brings Keras and its backend: help is there
without them. What a command needs it imports when it is called.
"""

import contextlib
import math
import os
import pathlib

try:
    import click
except ModuleNotFoundError as error:
    raise ImportError(
        f"`click` is needed here. Received: {error}. "
        "Install it with: pip install 'keras_dcat[cli]'"
    ) from error

_EXPERIMENT = click.argument(
    "experiment", type=click.Path(dir_okay=False, path_type=pathlib.Path)
)
_SOURCE, _TARGET = "source.keras", "target.keras"
_TOLD = (ValueError, OSError, ImportError, RuntimeError, MemoryError)


class _Commands(click.Group):
    """What the public names refuse is an error of the command line, not a traceback."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except _TOLD as error:
            if isinstance(error, click.exceptions.Exit | click.Abort):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keras_dcat")
def main():
    """A sensor that is only there while you collect data teaches the one that stays.

    Every command reads an EXPERIMENT, a YAML file such as

    \b
        data: {dataset: watch}             # or your own files, see `inspect --help`
        source: imu                        # the sensor that teaches
        target: accelerometer              # the sensor that stays
        windows: {length: 4.0, stride: 2.0}          # seconds
        split: {test: [2, 5, 9], validation: [3, 7]} # subjects
        transfer: {recipe: extended}       # how it teaches, as `DCATModel` has it
        output: outputs/watch

    and goes on from what the one before has written to its `output`:

    \b
        keras-dcat inspect watch.yaml      # what is in these recordings?
        keras-dcat train   watch.yaml      # a source, and a target taught by it
        keras-dcat search  watch.yaml      # which settings, by the validation subjects
        keras-dcat compare watch.yaml      # does it help? over seeds, with intervals
        keras-dcat export  watch.yaml      # SavedModel, LiteRT, int8, ONNX; checked
        keras-dcat stream  watch.yaml      # what it says as samples come in

    Paths in the file are as seen from the working folder.
    """
    # What TensorFlow logs as it starts is not what a command has to tell.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@main.command()
@_EXPERIMENT
def inspect(experiment):
    """What is in these recordings, and how well are the clocks aligned?

    Counts recordings, subjects and classes, says of every window that was possible what
    became of it, and estimates by what moves in both sensors how late the target's
    clock is. Draws a timeline of the longest recording.

    Your own files are named in a CSV table with a row for each recording:

    \b
        session,subject,label,imu,watch
        001,anna,walk,001_imu.csv,001_watch.csv
        002,ben,,002_imu.csv,002_watch.csv

    Where there is no label, its cell stays empty: a source teaches such windows, too.
    Files of labels stand in a column `labels`, and `data.labels` says how they are
    read; formats other than CSV, and clocks that begin elsewhere, are in the pages.

    \b
        data:
          recordings: sessions.csv         # its files are as seen from where it lies
          streams:
            imu: {columns: [x, y, z], rate: 50}
            watch: {columns: [x, y, z], time: ms, time_unit: 0.001, rate: 50}
    """
    plan = _read(experiment)
    import numpy as np

    from keras_dcat import plots, recordings
    from keras_dcat.cli.inspecting import clocks_table, windows_table

    prepared = _prepared(plan, only_looked_at=True)
    own = prepared.recordings
    subjects = {str(each.subject) for each in own}
    click.echo(f"{len(own)} recordings of {len(subjects)} subjects\n")
    for name in (plan.source, plan.target):
        seconds = sum(each.streams[name].duration for each in own)
        first = own[0].streams[name]
        click.echo(
            f"{name}: {seconds / 60:.1f} min at about {1 / first.step:.4g} Hz, "
            f"{' × '.join(map(str, np.shape(first.values)[1:]))} values a sample"
        )
    for table in (clocks_table(prepared), windows_table(plan, prepared)):
        click.echo(f"\n{table}" if table else "", nl=bool(table))
    click.echo(f"\n{prepared.index.report}\n")
    longest = max(own, key=lambda each: each.streams[plan.target].duration)
    pair = [longest.streams[name] for name in (plan.source, plan.target)]
    try:
        found = recordings.estimate_offset(*pair)
        click.echo(
            f"In the longest recording the {plan.target} is {found.offset:+.3f} s "
            f"late (uncertain by {1e3 * found.uncertainty:.0f} ms), with a confidence "
            f"of {found.confidence:.2f}."
        )
    except ValueError as error:
        click.echo(f"The clocks cannot be compared: {error}")
    plan.output.mkdir(parents=True, exist_ok=True)
    picture = plan.output / "timeline.png"
    plots.plot_timeline(longest, prepared.index, path=picture)
    click.echo(f"{picture}: what of it became windows")


@main.command()
@_EXPERIMENT
@click.option("--seed", type=int, help="The first of the experiment's unless given.")
def train(experiment, seed):
    """Trains a source, the target alone, and the target taught by the source.

    Writes the source, and the target that was taught, to the experiment's `output`, as
    source.keras and target.keras. A source that was trained before, for the same
    experiment, is read and not trained again.
    """
    plan = _read(experiment)
    from keras_dcat import metrics
    from keras_dcat.cli.data import methods, study
    from keras_dcat.evaluation.repetition import Repetition
    from keras_dcat.storage import written_whole

    taught = methods(plan)["D-CAT"]
    prepared = _prepared(plan)
    seed = plan.training.seeds[0] if seed is None else seed
    repetition = Repetition(study(plan, prepared), "test", seed, plan.output)
    models = {}
    with click.progressbar(("source", "alone", "D-CAT"), label="training") as names:
        for name in names:
            if name == "D-CAT":
                models[name], _ = taught.train(repetition, (plan.source,), plan.target)
            else:
                stream = plan.source if name == "source" else plan.target
                models[name], _ = repetition.unimodal(stream)
    click.echo("\nmacro F1 of the test subjects, one seed: `compare` says more")
    for name, model in models.items():
        stream = plan.source if name == "source" else plan.target
        predicted = repetition.predict(model, stream)
        score = metrics.macro_f1(
            prepared.test.labels, predicted, len(prepared.class_names)
        )
        click.echo(f"  {name:8} {score:.3f}")
    for name, model in ((_SOURCE, models["source"]), (_TARGET, models["D-CAT"])):
        with written_whole(plan.output / name) as part:
            model.save(part)
        click.echo(f"{plan.output / name}")


@main.command()
@_EXPERIMENT
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="How many to try.",
)
@click.option("--epochs", type=click.IntRange(1), help="The experiment's unless given.")
def search(experiment, trials, epochs):
    """Which settings are best for the validation subjects? The test stays unseen.

    The settings are those in `search` of the experiment, λ unless given:

    \b
        search: [transfer_weight, gate]

    The others are what its `transfer` says. Takes the architectures of source.keras and
    target.keras. The source is trained anew, for it must not know the validation
    subjects. A search that was killed goes on.
    """
    plan = _read(experiment)
    from keras_dcat import plots
    from keras_dcat.cli.searching import searched

    prepared = _prepared(plan)
    if prepared.validation is None:
        raise click.ClickException(
            f"{experiment}: a search needs subjects to judge by. "
            "Name some in `split`: `validation: [3, 7]`."
        )
    models = [_loaded(plan, name) for name in (_SOURCE, _TARGET)]
    with click.progressbar(length=trials, label="trials") as bar:
        tuner = searched(plan, prepared, models, trials, epochs, lambda: bar.update(1))
    best = tuner.oracle.get_best_trials()[0]
    found = [
        f"{name} = {_short(best.hyperparameters.get(name))}" for name in plan.search
    ]
    click.echo(
        f"{', '.join(found)}: macro F1 {best.score:.3f} of the validation subjects"
    )
    for name in plan.search:
        picture = plan.output / f"search_{name}.png"
        plots.plot_search(tuner, name, path=picture)
        click.echo(f"{picture}: all trials")


@main.command()
@_EXPERIMENT
@click.option("--controls", is_flag=True, help="Also what must not help.")
@click.option("--rivals", is_flag=True, help="Also other ways to use both sensors.")
def compare(experiment, controls, rivals):
    """Does the source help? The target alone and taught, over seeds, with intervals.

    Writes report.html to the experiment's `output`. A comparison that was killed goes
    on where it stopped.
    """
    plan = _read(experiment)
    from keras_dcat import evaluation
    from keras_dcat.cli.data import methods, study

    compared = methods(plan)
    compared |= evaluation.CONTROLS if controls else {}
    compared |= evaluation.RIVALS if rivals else {}
    pair = (plan.source, plan.target)
    heading = " → ".join(pair)
    evaluation.run_experiments(
        {
            heading: evaluation.Experiment(
                study(plan, _prepared(plan)), [pair], compared
            )
        },
        plan.output,
        plan.training.seeds,
        title=heading,
        about=plan.about.get("Data", ""),
    )


@main.command()
@_EXPERIMENT
@click.option(
    "--model",
    type=click.Path(path_type=pathlib.Path),
    help="Another than target.keras.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["saved_model", "litert", "litert_int8", "onnx", "micro"]),
    help="All but micro unless given; may be given several times.",
)
def export(experiment, model, formats):
    """Writes the target for a device, in four formats, each checked in a new process.

    A fifth, micro, is for microcontrollers: a C array, a sketch of the firmware, and
    its numbers.

    Writes the folder `device` in the experiment's `output`, which must not be there,
    with a model card.
    """
    plan = _read(experiment)
    from keras_dcat.cli.models import read_model
    from keras_dcat.export import export_target
    from keras_dcat.export.formats import USUAL

    prepared = _prepared(plan)
    target = _loaded(plan, _TARGET) if model is None else read_model(model)
    done = export_target(
        target,
        plan.output / "device",
        prepared.test,
        plan.target,
        prepared.class_names,
        stride=plan.windows.stride,
        calibration=prepared.train,
        formats=formats or USUAL,
        about=plan.about,
    )
    click.echo(f"\n{done}\n\n{done.path}")


@main.command()
@_EXPERIMENT
@click.option(
    "--artefact",
    type=click.Path(exists=True, path_type=pathlib.Path),
    help="Another than the LiteRT one in `device`.",
)
@click.option("--session", help="Name of a recording; all of the test unless given.")
@click.option("--speed", type=float, default=math.inf, help="Times real time.")
@click.option(
    "--smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Share of the decision before in each.",
)
@click.option("--page", is_flag=True, help="Show it on a web page of this machine.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Of the page; 0 for any that is free.",
)
def stream(experiment, artefact, session, speed, smoothing, page, port):
    """What an exported target says of recordings of the test, as samples come in."""
    from keras_dcat.cli.data import load
    from keras_dcat.streaming import LivePage, StreamingClassifier, print_replay

    plan = _read(experiment)
    artefact = artefact or plan.output / "device" / "target.tflite"
    if not artefact.exists():
        raise click.ClickException(f"{artefact} is not there. First: keras-dcat export")
    test = {str(who) for who in plan.split.test}
    own = [
        each
        for each in load(plan).recordings
        if (str(each.subject) in test if session is None else each.session == session)
    ]
    if not own:
        asked = sorted(test) if session is None else session
        raise click.ClickException(
            f"There is no recording of {asked}. "
            "`inspect` says who is there, and `split` who tests."
        )
    rate = own[0].streams[plan.target].rate
    classifier = StreamingClassifier(artefact, rate, smoothing=smoothing)
    shown = LivePage(classifier.description, port=port) if page else None
    with shown or contextlib.nullcontext():
        if shown:
            click.echo(shown.url)
        print_replay(classifier, own, speed=speed, page=shown)


def _read(experiment):
    with _without_first_lines():
        import keras_dcat  # noqa: F401  and with it the backend of Keras
    from keras_dcat.cli.experiment import read_experiment

    return read_experiment(experiment)


@contextlib.contextmanager
def _without_first_lines():
    """Drops what TensorFlow logs while it is loaded, before it reads its log level."""
    errors = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(errors, 2)
        os.close(errors)


def _prepared(plan, only_looked_at=False):
    """Data to work on; what looks wrong is told, and what is wrong stops a training."""
    from keras_dcat.cli.checks import cautions, problems, warnings_told
    from keras_dcat.cli.data import prepare

    def warn(words):
        click.echo(f"Warning: {words}", err=True)

    with warnings_told(warn):
        prepared = prepare(plan)
    found = problems(plan, prepared)
    if found and not only_looked_at:
        raise click.ClickException("\n".join(found))
    for words in (*found, *cautions(plan, prepared)):
        warn(words)
    return prepared


def _loaded(plan, name):
    from keras_dcat.cli.models import read_model

    path = plan.output / name
    if not path.exists():
        raise click.ClickException(f"{path} is not there. First: keras-dcat train")
    return read_model(path)


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else value
