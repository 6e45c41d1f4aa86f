"""`keras-dcat`: from files of sensors to a model on a device, command by command.

It lies beside the package, whose import brings Keras and its backend: help is there
without them. What a command needs it imports when it is called.
"""

import contextlib
import json
import math
import os
import pathlib

try:
    import click
except ModuleNotFoundError as error:  # of who calls `keras-dcat`: words, no traceback
    raise SystemExit(
        f"Error: the command line needs `click`. Received: {error}. "
        "Install it with: pip install 'keras_dcat[cli]'"
    ) from None

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

    The commands read an EXPERIMENT, a YAML file such as

    \b
        data: {dataset: watch}             # or your own files, see `inspect --help`
        source: imu                        # the sensor that teaches
        target: accelerometer              # the sensor that stays
        windows: {length: 4.0, stride: 2.0}          # seconds
        split: {test: [2, 5, 9], validation: [3, 7]} # subjects
        transfer: {recipe: extended}       # how it teaches, as `DCATModel` has it
        output: outputs/watch

    `new` writes one, `keys` explains it, and the others go on from what the one before
    has written to its `output`:

    \b
        keras-dcat new recordings/         # asks five questions, and writes it
        keras-dcat keys                    # all that it may say
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
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=pathlib.Path)
)
@click.option(
    "--experiment",
    type=click.Path(path_type=pathlib.Path),
    default="experiment.yaml",
    show_default=True,
    help="What is written, beside the table of recordings.",
)
def new(folder, experiment):
    """Asks five questions about a folder of CSV files, and writes the experiment.

    Also writes sessions.csv in the folder, a table with a row for each recording.
    Columns, clocks and rates are found in the files. Return takes what stands in
    brackets.
    """
    _load_keras()
    from keras_dcat.cli.asking import ask

    for words in ask(folder, experiment):
        _warn(words)
    click.echo(f"\n{experiment} is written. Next: keras-dcat inspect {experiment}")


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
    from keras_dcat import plots
    from keras_dcat.cli.inspecting import longest, told

    prepared = _prepared(plan, only_looked_at=True)
    click.echo(told(plan, prepared))
    plan.output.mkdir(parents=True, exist_ok=True)
    picture = plan.output / "timeline.png"
    plots.plot_timeline(longest(plan, prepared), prepared.index, path=picture)
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
    from keras_dcat.cli.training import train_all

    seed = plan.training.seeds[0] if seed is None else seed
    trained = train_all(plan, _prepared(plan), seed)
    with click.progressbar(trained, length=3, label="training") as models:
        scores = {name: score for name, _, score in models}
    click.echo("\nmacro F1 of the test subjects, one seed: `compare` says more")
    for name, score in scores.items():
        click.echo(f"  {name:8} {score:.3f}")
    for name in (_SOURCE, _TARGET):
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
    from keras_dcat.cli.models import model_of
    from keras_dcat.cli.searching import searched, told_best

    prepared = _prepared(plan)
    if prepared.validation is None:
        raise click.ClickException(
            f"{experiment}: a search needs subjects to judge by. "
            "Name some in `split`: `validation: [3, 7]`."
        )
    models = [model_of(plan, name) for name in (_SOURCE, _TARGET)]
    with click.progressbar(length=trials, label="trials") as bar:
        tuner = searched(plan, prepared, models, trials, epochs, lambda: bar.update(1))
    click.echo(told_best(tuner, plan.search))
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
    from keras_dcat.cli.models import model_of, read_model
    from keras_dcat.export import export_target
    from keras_dcat.export.formats import USUAL

    prepared = _prepared(plan)
    target = model_of(plan, _TARGET) if model is None else read_model(model)
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
    default="0",
    help="`median:5`, of so many windows; `markov:2`, so many windows late, by how "
    "classes follow each other in the training; or the share of those before.",
)
@click.option("--page", is_flag=True, help="Show it on a web page of this machine.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where the page is; 0.0.0.0 lets a phone in the same network look on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Of the page; 0 for any that is free.",
)
def stream(experiment, artefact, session, speed, smoothing, page, host, port):
    """What an exported target says of recordings of the test, as samples come in."""
    plan = _read(experiment)
    from keras_dcat.cli.checks import warnings_told
    from keras_dcat.cli.replaying import artefact_of, replayed, sensors_of, smoothing_of
    from keras_dcat.streaming import LivePage, StreamingClassifier, print_replay

    artefact, own = artefact_of(plan, artefact), replayed(plan, session)
    rate = own[0].streams[plan.target].rate
    smoothing = smoothing_of(plan, smoothing)
    classifier = StreamingClassifier(artefact, rate, smoothing=smoothing)
    shown = contextlib.nullcontext()
    if page:
        sensors = sensors_of(plan, own[0])
        shown = LivePage(classifier.description, host, port, sensors=sensors)
    with warnings_told(_warn), shown as looked_at:
        if looked_at:
            click.echo(looked_at.url)
        print_replay(classifier, own, speed=speed, page=looked_at)


@main.command()
@click.argument("part", default="")
@click.option("--json", "as_json", is_flag=True, help="As a JSON schema, for editors.")
def keys(part, as_json):
    """Every key of the experiment file: what it may be, and what it means.

    PART is the beginning of those to be shown, or a format of files:

    \b
        keras-dcat keys windows
        keras-dcat keys edf
        keras-dcat keys --json > keras-dcat.schema.json

    Editors that know YAML check a file that begins with the line

    \b
        # yaml-language-server: $schema=keras-dcat.schema.json
    """
    _load_keras()
    from keras_dcat.cli.keys import keys_page, schema

    if as_json:
        click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
        return
    click.echo(keys_page(part))


def _load_keras():
    with _without_first_lines():
        import keras_dcat  # noqa: F401  and with it the backend of Keras


def _read(experiment):
    _load_keras()
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
    from keras_dcat.cli.checks import prepare_checked

    return prepare_checked(plan, _warn, stops=not only_looked_at)


def _warn(words):
    click.echo(f"Warning: {words}", err=True)
