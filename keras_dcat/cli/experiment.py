"""The schema of the experiment file, and errors that name its line."""

import os
import pathlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

from keras_dcat.cli.recording_formats import AnyFiles, AnyLabels, Positive
from keras_dcat.cli.sections import Section, taking
from keras_dcat.extras import require
from keras_dcat.file_kinds import kind_of
from keras_dcat.transfer.gating.gates import GATES
from keras_dcat.transfer.recipe_weights import names_of_losses
from keras_dcat.transfer.recipes import DEFAULT, RECIPES
from keras_dcat.windows import index_windows

pydantic = require("pydantic", extra="cli")
yaml = require("yaml", extra="cli")

OWN_COLUMNS = ("session", "subject", "label", "labels")  # of a table of recordings
_MOST_BYTES = 100_000
_DEEPEST = 20
_LONGEST = 100  # characters of what is no text
# What the other sections say.
_NOT_OF_WINDOWS = ("length", "stride", "rates", "class_names", "clips")
_TAGS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")

Share = Annotated[float, pydantic.Field(ge=0, lt=1)]
Weight = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
if TYPE_CHECKING:  # names that are found as the program runs are any str to a checker
    LossName = str
    Recipe = str
    Gate = str
    Setting = str
else:
    LossName = Literal[tuple(names_of_losses())]
    Recipe = Literal[tuple(RECIPES)]
    Gate = Literal[tuple(GATES)]
    # What `tuning.DCATHyperModel` can search.
    Setting = Literal[
        "recipe", "transfer_weight", "gate", *names_of_losses(), "learning_rate"
    ]
Count = Annotated[int, pydantic.Field(ge=1)]
Person = int | str
# What YAML takes for a number may be a name, too.
Name = Annotated[
    str, pydantic.BeforeValidator(lambda x: str(x) if type(x) is int else x)
]


class Data(Section):
    """Where recordings come from: a public data set, or a table of your own files.

    Attributes:
        dataset: name of a loader in `keras_dcat.datasets`, without `load_`.
        path: the file or folder of that data set; the watch data need none.
        recordings: CSV with a row for each recording. Its columns are `session`,
            `subject`, a file for each stream, and `label`, the class of the whole
            recording, or `labels`, a file of labels. Without a label the cell is empty,
            or the column is missing. `labels_start`, or the name of a stream with
            `_start`, is the time at which the clock of that file reads 0.
        streams: dict from a stream to how its files are read, `cli.formats.Files`.
        labels: how the files in the column `labels` are read, `cli.formats.Labels`.
        class_names: classes, in the order of the model's outputs; those in the table,
            sorted, unless given.
        max_lost: share of a stream's samples that may be dropped for their times;
            beyond it nothing is trained.
    """

    dataset: (
        Literal[
            "watch",
            "utd_mhad",
            "sp_sw_har",
            "spoken_digits",
            "uci_har",
            "uci_hapt",
            "mhealth",
            "pamap2",
        ]
        | None
    ) = None
    path: pathlib.Path | None = None
    recordings: pathlib.Path | None = None
    streams: dict[str, AnyFiles] = {}
    labels: AnyLabels | None = None
    class_names: Annotated[list[Name], pydantic.Field(min_length=1)] | None = None
    max_lost: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.05

    @pydantic.model_validator(mode="after")
    def _one_kind(self):
        if (self.dataset is None) == (self.recordings is None):
            raise ValueError("name either a `dataset` or a table of `recordings`")
        if bool(self.streams) != (self.recordings is not None):
            raise ValueError("`streams` say how the files in `recordings` are read")
        if self.dataset is None and self.path is not None:
            raise ValueError("`path` belongs to a `dataset`")
        if self.dataset not in (None, "watch") and self.path is None:
            raise ValueError(f"`dataset: {self.dataset}` needs a `path`")
        if self.class_names is not None and self.recordings is None:
            raise ValueError("`class_names` belong to `recordings` of your own")
        if self.labels is not None and self.recordings is None:
            raise ValueError("`labels` belong to `recordings` of your own")
        if taken := sorted(set(self.streams) & set(OWN_COLUMNS)):
            raise ValueError(f"no stream can have the name {taken[0]}: it is a column")
        if len(set(self.class_names or ())) != len(self.class_names or ()):
            raise ValueError("`class_names` must be different")
        return self


_OfWindows: Any = taking(index_windows, without=_NOT_OF_WINDOWS)


class Windows(_OfWindows):
    """How recordings are cut: the options of `windows.index_windows`.

    Attributes:
        length: seconds.
        stride: seconds from window to window.
        rates: dict from a stream to the rate, in Hz, that its windows have.
    """

    length: Positive
    stride: Positive
    rates: dict[str, Positive] = {}


class Split(Section):
    """The test subjects. All others train.

    Attributes:
        test: subjects that no training and no search sees.
        validation: subjects by which a search decides.
        labelled: training subjects whose labels are used; all, unless given. The
            windows of the others count as unlabelled.
    """

    test: Annotated[list[Person], pydantic.Field(min_length=1)]
    validation: list[Person] = []
    labelled: Annotated[list[Person], pydantic.Field(min_length=1)] | None = None

    @pydantic.model_validator(mode="after")
    def _apart(self):
        test, validation = set(map(str, self.test)), set(map(str, self.validation))
        if both := sorted(test & validation):
            raise ValueError(f"subjects {', '.join(both)} cannot do both")
        training = set(map(str, self.labelled or ()))
        if wrong := sorted(training & (test | validation)):
            raise ValueError(
                f"`labelled` says who of those that train: not {', '.join(wrong)}, who "
                "test and keep their labels"
            )
        return self


class Encoder(Section):
    """The model of a stream.

    Attributes:
        kind: an encoder of `keras_dcat.encoders`; by the shape of its windows unless
            given.
        size: as in `keras_dcat.encoders`.
        dropout: dropout rate; the encoder's own unless given.
    """

    kind: Literal["imu", "skeleton", "video", "audio"] | None = None
    size: Literal["tiny", "small", "base"] = "small"
    dropout: Share | None = None


class Transfer(Section):
    """How the source teaches: arguments of `DCATModel`.

    Attributes:
        recipe: name of a set of transfer losses.
        transfer_weight: λ; that of the recipe unless given.
        gate: which windows may be taught; the usual one of each loss unless given.
        loss_weights: dict from the name of a loss to a weight other than the recipe's;
            0 leaves the loss out.
    """

    recipe: Recipe = DEFAULT
    transfer_weight: Weight | None = None
    gate: Gate | None = None
    loss_weights: dict[LossName, Weight] = {}


class Training(Section):
    """The budget of every model, as in `keras_dcat.evaluation.Training`.

    Attributes:
        epochs: minimum number of epochs.
        min_steps: minimum number of steps; short epochs are repeated to reach it.
        batch_size: windows with a label in a step.
        learning_rate: its maximum.
        key_dim: size of keys and values of the attention, the same for all models.
        seeds: one run of a comparison each; `train` takes the first.
    """

    epochs: Count = 40
    min_steps: Count = 1500
    batch_size: Count = 32
    learning_rate: Positive = 3e-3
    key_dim: Count = 32
    seeds: Annotated[list[int], pydantic.Field(min_length=1)] = [0, 1, 2]


class Experiment(Section):
    """All settings of the commands.

    Attributes:
        data: `Data`.
        source: stream of the teacher, which exists in training only.
        target: stream of the student, which is used alone.
        windows: `Windows`.
        split: `Split`.
        encoders: dict from a stream to its `Encoder`.
        transfer: `Transfer`.
        training: `Training`.
        search: settings that `search` tries, by their names in
            `tuning.DCATHyperModel`; `transfer` has the others.
        about: headings and texts of the model card.
        output: folder of all results.
    """

    data: Data
    source: str
    target: str
    windows: Windows
    split: Split
    encoders: dict[str, Encoder] = {}
    transfer: Transfer = Transfer()
    training: Training = Training()
    search: Annotated[list[Setting], pydantic.Field(min_length=1)] = ["transfer_weight"]
    about: dict[str, str] = {}
    output: pathlib.Path

    @pydantic.model_validator(mode="after")
    def _two_streams(self):
        if self.source == self.target:
            raise ValueError("`source` and `target` must be two streams")
        return self


class ExperimentError(ValueError):
    """An error in an experiment file, with its line and the remedy."""


def read_experiment(path: str | os.PathLike) -> Experiment:
    """Reads and checks an experiment file, whose paths are as seen from here.

    Args:
        path: str or path of a YAML file.

    Returns:
        `Experiment`.

    Raises:
        ExperimentError: if it cannot be read, or says what it may not; with file and
            line.
    """
    path = pathlib.Path(path)
    root = _parsed(path)
    try:
        return Experiment.model_validate(_plain(root, path))
    except pydantic.ValidationError as error:
        lines = [_described(each, root, path) for each in error.errors()]
        raise ExperimentError("\n".join(dict.fromkeys(lines))) from None


def _parsed(path):
    try:
        found = kind_of(os.path.realpath(path))
        if found:
            raise ExperimentError(f"{path} must be an experiment file, not {found}.")
        if path.stat().st_size > _MOST_BYTES:
            raise ExperimentError(f"{path} is too large for an experiment file.")
        text = path.read_text("utf-8")
        _check_events(yaml.parse(text), path)
        root = yaml.compose(text, yaml.SafeLoader)
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path} is not text in UTF-8: {error}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else f"{path}"
        problem = getattr(error, "problem", None) or error
        raise ExperimentError(f"{where}: not YAML: {problem}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise ExperimentError(f"{path}, line 1: an experiment is a list of `name: …`.")
    return root


def _check_events(events, path):
    """Stops at an alias, or where it is too deep, before more of the text is read."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise ExperimentError(_at(path, event.start_mark, "write it out: no `*`"))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ExperimentError(_at(path, event.start_mark, "nested too deeply"))


def _plain(node, path):
    """What a node stands for; a name that is there twice is an error."""
    if node.tag.rpartition(":")[2] not in _TAGS:
        raise ExperimentError(_at(path, node.start_mark, f"no tags: `{node.tag}`"))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, path) for each in node.value]
    if isinstance(node, yaml.MappingNode):
        values = {}
        for key, value in node.value:
            name = _name(key)
            if name in values:
                raise ExperimentError(_at(path, key.start_mark, f"`{name}` is twice"))
            values[name] = _plain(value, path)
        return values
    if len(node.value) > _LONGEST and not node.tag.endswith(":str"):
        raise ExperimentError(
            _at(path, node.start_mark, f"no number has over {_LONGEST} characters")
        )
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        problem = getattr(error, "problem", None) or error
        raise ExperimentError(_at(path, node.start_mark, problem)) from error


def _described(error, root, path):
    """One of pydantic's errors, in the file's words."""
    node, names = root, []
    for step in error["loc"]:
        found = _inside(node, step)
        if found is not None:
            node = found
            names.append(str(step))
    kind, last = error["type"], error["loc"][-1] if error["loc"] else ""
    name = ".".join(names)
    if kind == "extra_forbidden":
        problem = f"`{name}` is not known here. Take it out, or see: keras-dcat keys"
    elif kind == "missing":
        problem = f"`{last}` is missing" + (f" in `{name}`" if name else "")
    elif kind == "value_error":
        problem = f"{name}: {error['ctx']['error']}" if name else error["ctx"]["error"]
    else:
        message = error["msg"].removeprefix("Input should be ")
        problem = f"`{name}` must be {message}. Received: {_short(error['input'])}"
    return _at(path, node.start_mark, problem)


def _inside(node, step):
    if isinstance(node, yaml.MappingNode):
        found = [v for k, v in node.value if _name(k) == str(step)]
        return found[0] if found else None
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step]
    return None


def _name(key):
    return key.value if isinstance(key, yaml.ScalarNode) else "?"


def _short(value):
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _at(path, mark, problem):
    return f"{path}, line {mark.line + 1}: {problem}."
