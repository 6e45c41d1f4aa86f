"""A search for the settings of a transfer, by KerasTuner."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_dcat.extras import require
from keras_dcat.metrics import MacroF1
from keras_dcat.transfer import DCATModel
from keras_dcat.transfer.chosen_losses import tell_left_out, why_not
from keras_dcat.transfer.gating.gates import GATES
from keras_dcat.transfer.models.joining import joined
from keras_dcat.transfer.recipe_weights import (
    names_of_losses,
    usual_weight,
    weighed_losses,
    weights_of,
)
from keras_dcat.transfer.recipes import DEFAULT, RECIPES, named

keras_tuner: Any = require("keras_tuner", extra="tuner")

# What a search should be judged by: macro F1 of windows of people held out.
MACRO_F1 = keras_tuner.Objective("val_macro_f1", direction="max")

_LOSSES = tuple(names_of_losses())


def _all_losses(recipe, loss_weights):
    """The losses of a recipe, and one of each kind beside, so that all is read.

    Args:
        recipe: str.
        loss_weights: dict from the name of each loss of the recipes to its weight.

    Returns:
        dict from a loss to its weight.
    """
    losses = weighed_losses(recipe, loss_weights)
    for make in (make for each in RECIPES.values() for make in each.losses):
        loss = make()
        if loss.reads not in {own.reads for own in losses}:
            # One with its name reads something else.
            loss.name = f"{loss.reads}_{loss.name}"
            losses[loss] = 0.0
    return losses


def _transfer_weight(hp, name, recipe):
    usual = named(recipe).transfer_weight
    return hp.Float(name, 1e-3, 10.0, sampling="log", default=usual)


def _gate(hp, name, recipe):
    return hp.Choice(name, ["usual", *GATES], default="usual")


def _loss_weight(hp, name, recipe):
    own = weights_of(recipe).get(name, 0.0)
    usual = own or usual_weight(name)
    choices = [share * usual for share in (0.0, 0.5, 1.0, 2.0)]
    return hp.Choice(name, choices, default=own)


def _learning_rate(hp, name, recipe):
    return hp.Float(name, 3e-4, 1e-2, sampling="log", default=1e-3)


# How each setting but the recipe is declared, with the default of a recipe.
_SPACE = {
    "transfer_weight": _transfer_weight,
    "gate": _gate,
    **dict.fromkeys(_LOSSES, _loss_weight),
    "learning_rate": _learning_rate,
}

# What options of `DCATModel` say of the models.
_OF_MODELS = (
    "task",
    "source_output",
    "source_attention",
    "target_attention",
    "adapt_sizes",
)


class DCATHyperModel(keras_tuner.HyperModel):
    """The search space for KerasTuner: source, target and transfer.

    Any tuner of KerasTuner takes it. To search another range, or to fix a setting,
    declare it under its name in the `hyperparameters` of the tuner, as in KerasTuner. A
    trial is judged by the best epoch of `MACRO_F1` on `validation_data`, which should
    be windows of people who are neither among the training's nor in the test.

    Args:
        source: trained `keras.Model`, or a list of several; or a function of the
            `keras_tuner.HyperParameters` that returns them, where what is searched
            changes their windows.
        build_target: function of the `keras_tuner.HyperParameters` that returns a new,
            built target. What it declares is searched, too: `encoder_options` declares
            size, size of keys and dropout.
        search: names of the settings to search: `"recipe"` (of `transfer.RECIPES`,
            those by which the models can be compared: without `AttentionKV` none whose
            only loss reads `KᵀV`), `"transfer_weight"` (λ, 0.001 to 10, logarithmic),
            `"gate"` (`"usual"`, or a name as for `DCATModel`), the name of a loss
            (`"info_nce"`, `"agreement"`, `"fused"`, `"cross_attention"` or
            `"distillation"`: 0, a half, once and twice what it weighs in the recipe, or
            in the first that has it) and `"learning_rate"` (0.0003 to 0.01,
            logarithmic). The others are what `hyperparameters` fix, or keep the default
            of the recipe, and 0.001.
        data: function of the `keras_tuner.HyperParameters` and the `DCATModel` that
            returns arguments of `fit`, where what is searched changes the data, as the
            length of windows does. Let it cache the source in a file for each length.
        optimizer: function of a learning rate that returns an optimizer.
        jit_compile: as for `DCATModel.compile`. On a CPU, XLA compiles for longer than
            it saves in a trial of some hundred steps: False is faster there.
        seed: int. Every trial starts from the same weights; `None` for others each
            time, as where a tuner repeats a trial.
        **options: of `DCATModel`, but for what a trial sets: `recipe`,
            `transfer_weight`, `gate`, `loss` and `loss_weights`. `adapt_sizes=True` is
            needed where sizes of keys are searched.

    Raises:
        ValueError: if there is no such setting, or if a trial sets an option itself.

    Example:

    >>> from keras_dcat.encoders import imu
    >>> source = imu((50, 6), num_classes=3, size="tiny", key_dim=8)
    >>> hypermodel = DCATHyperModel(
    ...     source, lambda hp: imu((50, 3), num_classes=3, size="tiny", key_dim=8)
    ... )
    >>> hp = keras_tuner.HyperParameters()
    >>> model = hypermodel.build(hp)
    >>> hp.values["transfer_weight"], hp.values["gate"]
    (0.1, 'usual')
    """

    def __init__(
        self,
        source: keras.Model | list[keras.Model] | Callable,
        build_target: Callable,
        search: Sequence[str] = (
            "recipe",
            "transfer_weight",
            "gate",
            "learning_rate",
        ),
        *,
        data: Callable | None = None,
        optimizer: Callable = keras.optimizers.Adam,
        jit_compile: bool | str = "auto",
        seed: int | None = 0,
        **options: Any,
    ):
        super().__init__()
        settings = ["recipe", *_SPACE]
        unknown = sorted(set(search) - set(settings))
        if unknown:
            raise ValueError(
                f"`search` must be some of {settings}. Received: {unknown}. "
                "Declare what belongs to the target in `build_target`."
            )
        set_by_trial = {"recipe", "transfer_weight", "gate", "loss", "loss_weights"}
        own = sorted(set_by_trial & set(options))
        if own:
            raise ValueError(
                "What a trial sets by itself must not be an option of its model. "
                f"Received: {own}. Leave it out of `search`, and fix it in the "
                "`hyperparameters` of the tuner."
            )
        self.source: Any = source
        self.build_target = build_target
        self.search = tuple(search)
        self.data = data
        self.optimizer = optimizer
        self.jit_compile = jit_compile
        self.seed = seed
        self.options = options

    def build(self, hp: Any) -> DCATModel:
        """A compiled `DCATModel` with the settings of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            `DCATModel`.

        Raises:
            ValueError: if the models cannot be compared by the recipe, or by a loss
                that is searched, or fixed at more than 0; or if their `AttentionKV`
                have other sizes.
        """
        self._set_seed()
        source = self._source(hp)
        recipe = self._recipe(hp, source)
        self._set_seed()  # looking for recipes may have built a target
        chosen = {name: self._setting(hp, name, recipe) for name in _SPACE}
        gate = named(recipe).gate if chosen["gate"] == "usual" else chosen["gate"]
        target = self.build_target(hp)
        pair = self._joined(source, target)
        losses = self._losses(hp, recipe, chosen, pair, gate)
        model = DCATModel(
            source,
            target,
            transfer_weight=chosen["transfer_weight"],
            gate=gate,
            loss=list(losses),
            loss_weights=list(losses.values()),
            **self.options,
        )
        classes: Any = model.num_classes
        model.compile(
            self.optimizer(chosen["learning_rate"]),
            weighted_metrics=["accuracy", MacroF1(classes)],
            jit_compile=self.jit_compile,
        )
        # Now, or the best model could not load the state with which to train on.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Trains the model of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: `DCATModel`, as of `build`.
            *args: of `DCATModel.fit`, as given to the tuner's `search`.
            **kwargs: likewise.

        Returns:
            the `History`.

        Raises:
            ValueError: if there is nothing to judge the trial by.
        """
        if self.data is not None:
            kwargs = {**self.data(hp, model), **kwargs}
        if kwargs.get("validation_data") is None:
            _refuse(
                "A trial must be judged by people who are held out. "
                "Received: no `validation_data`. "
                "Pass it to `search`, or return it from `data`."
            )
        return model.fit(*args, **kwargs)

    def cache_source(
        self, x: Any, path: str | os.PathLike | None = None, **options: Any
    ) -> Any:
        """Runs the source once over its windows, for all trials of a search.

        It keeps all that the models can be asked for: by any recipe and loss.

        Args:
            x: as for `DCATModel.cache_source`.
            path: file to keep the results in, so that several processes share it.
            **options: of `DCATModel.cache_source`.

        Returns:
            as `DCATModel.cache_source`.
        """
        model = self.build(keras_tuner.HyperParameters())
        return model.cache_source(x, path, **options)

    def _set_seed(self):
        if self.seed is not None:
            keras.utils.set_random_seed(self.seed)

    def _source(self, hp):
        is_model = isinstance(self.source, (keras.Model, list, tuple))
        return self.source if is_model else self.source(hp)

    def _joined(self, source, target):
        sources = tuple(source) if isinstance(source, (list, tuple)) else (source,)
        own = {k: v for k, v in self.options.items() if k in _OF_MODELS}
        return joined(sources, target, **own)

    def _recipe(self, hp, source):
        if "recipe" in hp.values or "recipe" not in self.search:
            return hp.values.get("recipe", DEFAULT)
        pair = self._joined(source, self.build_target(hp.copy()))
        names = [
            name
            for name, recipe in RECIPES.items()
            if any(why_not(pair, make(), recipe.gate) is None for make in recipe.losses)
        ]
        if not names:
            _refuse(why_not(pair, next(iter(named(DEFAULT).losses))(), None))
        default = DEFAULT if DEFAULT in names else names[0]
        return hp.Choice("recipe", names, default=default)

    def _losses(self, hp, recipe, chosen, pair, gate):
        """The losses by which the models of a trial can be compared, with weights.

        All of them in every trial, so that all read one cache; some weigh nothing.
        """
        losses = _all_losses(recipe, {name: chosen[name] for name in _LOSSES})
        problems = {loss: why_not(pair, loss, gate) for loss in losses}
        kept = {loss: w for loss, w in losses.items() if problems[loss] is None}
        left_out = {x.name: p for x, p in problems.items() if p and losses[x]}
        for loss, problem in problems.items():
            is_asked_for = loss.name in self.search or (
                loss.name in hp.values and losses[loss]
            )
            if problem is not None and (is_asked_for or _sizes_differ(pair, loss)):
                _refuse(problem)
        if left_out and not any(kept.values()):
            _refuse(next(iter(left_out.values())))
        tell_left_out(recipe, left_out)
        return kept

    def _setting(self, hp, name, recipe):
        declare = _SPACE[name]
        if name in self.search:
            return declare(hp, name, recipe)
        # What is not searched may be fixed, and is not to be declared.
        usual = declare(keras_tuner.HyperParameters(), name, recipe)
        return hp.values.get(name, usual)


def _sizes_differ(pair, loss):
    """Whether models have what a loss reads, but in other sizes: not in all trials."""
    lacking = [side.why_not(loss.reads) for side in (*pair.sources, pair.target)]
    return not any(lacking) and pair.why_not(loss.reads) is not None


def _refuse(problem):
    """Fatal, or KerasTuner would try again with other settings."""
    raise keras_tuner.errors.FatalValueError(problem)


def encoder_options(hp: Any) -> dict:
    """Declares the searched options of an encoder.

    Args:
        hp: `keras_tuner.HyperParameters`.

    Returns:
        dict of arguments for `encoders.imu` and the like: `size`, `key_dim` and
        `dropout`.

    Example:

    >>> encoder_options(keras_tuner.HyperParameters())
    {'size': 'small', 'key_dim': 32, 'dropout': 0.2}
    """
    return {
        "size": hp.Choice("size", ["tiny", "small", "base"], default="small"),
        "key_dim": hp.Choice("key_dim", [8, 16, 32, 64], default=32),
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
    }
