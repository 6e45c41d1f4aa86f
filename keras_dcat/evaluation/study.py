"""What is compared: splits of windows, and a model for each modality."""

import dataclasses
import functools
import hashlib
import inspect
import itertools
import json
import warnings
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from keras_dcat.evaluation.study_labels import answers, check_labels
from keras_dcat.evaluation.training import Training
from keras_dcat.shown import counted, few, shown_as_printed, told
from keras_dcat.windows import WindowIndex, audit

_Sides = tuple[WindowIndex, WindowIndex]
# Of what all runs have in common. 1: a budget in epochs alone. 2: more epochs, not
# longer ones, where they were short.
_EDITION = 3


@dataclasses.dataclass(frozen=True)
class Modality:
    """Builder and augmentation of one stream's model.

    Attributes:
        build: function from the training windows to a new model of the stream, as
            `lambda train, **options: encoders.imu(train.shape("imu"), 27, **options)`.
            It ends in an output for each class, or of two classes in one sigmoid; in a
            study with `labels` in a sigmoid for each.
            What an ablation changes (`size`, `dropout`) comes as keyword arguments;
            `key_dim` must be the same for all, whatever their size.
        augmentation: what varies its windows in training, such as
            `windows.augmentation.Scaling(0.1)`. What changes time is said once for
            all modalities, in `Training`.
    """

    build: Callable[..., keras.Model]
    augmentation: Callable | None = None


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Study:
    """Splits of windows, a model for each modality, and the budget of all models.

    Attributes:
        splits: dict from a name to `(train, test)`, two `WindowIndex`: one official
            split, or the folds of a cross-validation. Training windows may lack a
            label: only a source teaches those. Windows without one are left out of
            a test, with a warning.
        modalities: dict from a stream to its `Modality`.
        class_names: list of str, in the order of the labels.
        training: `Training`.
        new_subjects: bool. Whether test subjects must not occur in training. False
            for in-distribution protocols; windows may never share samples.
        judges: dict from a split to a `WindowIndex` with labels, which neither trains
            nor tests there: for methods that choose by it.
        labels: for models of several labels: dict from the name of each to a 0 or 1 for
            each class, whether it holds there. What is predicted are then these:
            `class_names=["sit", "walk", "carry"]` with `labels={"moves": [0, 1, 1],
            "has load": [0, 0, 1]}`. Of arrays `rows` of 0 and 1 `(windows, labels)`,
            `classes, numbers = np.unique(rows, axis=0, return_inverse=True)` gives the
            classes and their numbers.

    Raises:
        ValueError: if splits share what they must not, or lack a stream, if a label
            has no name, or another one in the windows, or if nobody has a label; if
            `labels` have not one 0 or 1 for each class.
    """

    splits: Mapping[str, _Sides]
    modalities: Mapping[str, Modality]
    class_names: Sequence[str]
    training: Training = Training()
    new_subjects: bool = True
    judges: Mapping[str, WindowIndex] = dataclasses.field(default_factory=dict)
    labels: Mapping[str, Sequence[int]] | None = None
    _digests: dict = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __str__(self) -> str:
        def sizes(name):
            train, test = self.splits[name]
            return f"{told(name)} ({len(train):,} windows train, {len(test):,} test)"

        return (
            f"<Study {few(self.modalities)}; "
            f"{counted(len(self.class_names), 'class', 'classes')}; "
            f"{counted(len(self.splits), 'split')}: {few(self.splits, 2, sizes)}>"
        )

    def __post_init__(self):
        check_labels(self.labels, len(self.class_names))
        splits = {
            name: (train, _scored(test, f"tests of split {name!r}"))
            for name, (train, test) in self.splits.items()
        }
        judges = {
            name: _scored(judge, f"judges of split {name!r}")
            for name, judge in self.judges.items()
        }
        object.__setattr__(self, "splits", splits)
        object.__setattr__(self, "judges", judges)
        for name, (train, test) in splits.items():
            sides = [train, test, *self._judging(name)]
            for pair in itertools.combinations(sides, 2):
                audit(*pair, sessions=self.new_subjects, subjects=self.new_subjects)
            if not train.is_labelled.any():
                raise ValueError(
                    "Some training windows must have a label. "
                    f"Received: none in split {name!r}. Leave some subjects theirs."
                )
            labels = np.concatenate([each.labels[each.is_labelled] for each in sides])
            if labels.max() >= len(self.class_names):
                raise ValueError(
                    "`class_names` must name every label. "
                    f"Received: {len(self.class_names)} names, labels from "
                    f"{labels.min()} to {labels.max()} in split {name!r}. "
                    "Number the classes from 0, and name each."
                )
            named = {each.class_names for each in sides} - {None}
            if named - {tuple(self.class_names)}:
                raise ValueError(
                    "`class_names` must be those of the windows, in their order. "
                    f"Received: {list(self.class_names)}, and in split {name!r} "
                    f"{sorted(named)}. Give index.class_names, or cut all windows with "
                    "index_windows(…, class_names=…)."
                )
            missing = set(self.modalities) - set(train.samples)
            if missing:
                raise ValueError(
                    "`modalities` must be streams of the windows. "
                    f"Received: {sorted(missing)}. "
                    f"Choose from {sorted(train.samples)} in split {name!r}."
                )

    @property
    def output_names(self) -> tuple[str, ...]:
        """What models predict: the classes, or the labels if there are `labels`."""
        return tuple(self.labels or self.class_names)

    @property
    def belief_shape(self) -> tuple[int, ...]:
        """Shape of the probabilities of a window: `(classes,)`, or `(labels, 2)`."""
        return (len(self.labels), 2) if self.labels else (len(self.class_names),)

    def targets(self, index: WindowIndex) -> np.ndarray:
        """What models are to predict of windows.

        Args:
            index: `WindowIndex`.

        Returns:
            int array `(windows,)` of classes; `(windows, labels)` of 0 and 1 if there
            are `labels`. −1 without a label.
        """
        return answers(self.labels)[index.labels] if self.labels else index.labels

    def fewest_steps(self, index: WindowIndex) -> int:
        """Steps of the shortest stream: how finely time can be warped for all alike.

        Args:
            index: `WindowIndex`.

        Returns:
            int.
        """
        return min(index.steps[stream] for stream in self.modalities)

    def fingerprint(self, split: str, streams: Sequence[str], about: Mapping) -> str:
        """Of everything that a result depends on, but the values of the samples.

        Args:
            split: str. Name of the split.
            streams: the modalities that take part.
            about: what else the result depends on, as JSON can hold it.

        Returns:
            str of 12 hexadecimal digits.
        """
        digests = [self._digest(split, stream) for stream in streams]
        parts = [_EDITION, *digests, described(self.training), about]
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _judging(self, split):
        return [self.judges[split]] if split in self.judges else []

    def _digest(self, split, stream):
        """Of the windows of a split and the model of a stream, made once."""
        if (split, stream) not in self._digests:
            train, test = self.splits[split]
            digest = hashlib.sha256()
            for index in (train, test, *self._judging(split)):
                for column in (index.labels, index.times, *index.starts.values()):
                    digest.update(np.ascontiguousarray(column).tobytes())
                digest.update(json.dumps(index.subjects.tolist()).encode())
            digest.update(str(self.fewest_steps(train)).encode())
            if self.labels:
                digest.update(json.dumps(answers(self.labels).tolist()).encode())
            modality = self.modalities[stream]
            keras.utils.clear_session(free_memory=False)
            digest.update(modality.build(train).to_json().encode())
            digest.update(described(modality.augmentation).encode())
            self._digests[split, stream] = digest.hexdigest()
        return self._digests[split, stream]


def _scored(index, what):
    """The windows that have a label; the others cannot be right or wrong."""
    if index.is_labelled.all() or not len(index):
        return index
    count = np.count_nonzero(~index.is_labelled)
    if count == len(index):
        raise ValueError(
            "Tests and judges must have labels. "
            f"Received: {count} windows without any in the {what}. "
            "Choose people who have labels."
        )
    warnings.warn(
        f"{count} of {len(index)} windows have no label in the {what}, and are left "
        "out of it.",
        stacklevel=4,
    )
    return index.subset(index.is_labelled)


def changes(settings) -> dict:
    """What makes settings differ from the defaults of their class.

    New options with defaults so leave what has been run before as it was.

    Args:
        settings: instance of a dataclass.

    Returns:
        dict from a field to its value.

    Example:

    >>> changes(Training(epochs=5))
    {'epochs': 5}
    """
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) != _default(field)
    }


def _default(field):
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def described(value) -> str:
    """Words that are the same in another process, and others for what does otherwise.

    Args:
        value: a number or str, a list of some, a dataclass, a function, or a layer or
            loss of Keras.

    Returns:
        str.

    Raises:
        ValueError: if nothing tells it from others of its kind.

    Example:

    >>> described(Training(epochs=5))
    "Training({'epochs': '5'})"
    """
    if dataclasses.is_dataclass(value):
        fields = {name: described(each) for name, each in changes(value).items()}
        return f"{type(value).__name__}({fields})"
    if isinstance(value, (list, tuple)):
        return str([described(each) for each in value])
    if isinstance(value, functools.partial):
        parts = (value.func, *value.args, *value.keywords.items())
        return f"partial({described(parts)})"
    if inspect.isroutine(value):
        cells = getattr(value, "__closure__", None) or ()
        held = [cell.cell_contents for cell in cells]
        name = f"{value.__module__}.{value.__qualname__}"
        return f"{name}{described(held)}" if held else name
    if isinstance(value, (keras.layers.Layer, keras.losses.Loss)):
        config = {k: v for k, v in value.get_config().items() if k != "name"}
        return f"{type(value).__name__}({json.dumps(config, sort_keys=True)})"
    if callable(value):
        raise ValueError(
            "What varies windows must be a dataclass, a Keras layer or a function, so "
            f"that runs can be named by it. Received: a {type(value).__name__}. "
            "Make its class a dataclass: @dataclasses.dataclass(frozen=True)."
        )
    return repr(value)
