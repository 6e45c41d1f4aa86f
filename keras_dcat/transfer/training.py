"""Keras's loops over pairs of windows, whose data are checked before use."""

import contextlib
import math
import os
import types
from typing import Any

import keras

from keras_dcat.transfer import gradient_step
from keras_dcat.transfer.caching import cache_source
from keras_dcat.transfer.callbacks.first_epoch import watched
from keras_dcat.transfer.compiled_step import CompiledStep
from keras_dcat.transfer.input_batches import with_each_batch
from keras_dcat.transfer.input_values import readable_errors
from keras_dcat.transfer.models.quantized import (
    check_trainable,
    fresh_optimizer,
    kinds_of_weights,
)
from keras_dcat.transfer.on_device import OnDevice, steps_on_device
from keras_dcat.transfer.recovery import weights_kept


class PairLoops:
    """What `DCATModel` does around the loops of `keras.Model`, which comes after it.

    Expects `_batch_format`, a `BatchFormat`, and `_pair`, a `ModelPair`.
    """

    # Of which kinds the weights were, when last looked at.
    _weights_seen: tuple | None = None
    train_function: Any

    def __setattr__(self, name: str, value: Any) -> None:
        # Keras puts the state here at each step on JAX, and would search it for layers.
        if name == "_jax_state":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def stateless_compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras, which carries the state of what `compute_loss` assigns."""
        with gradient_step.carried_state():
            return super().stateless_compute_loss(*args, **kwargs)

    def make_train_function(self, force: bool = False) -> None:
        """As in Keras, with the step of this package where JAX compiles it."""
        if self.train_function is not None and not force:
            return
        if gradient_step.is_compiled_by_jax(self):
            self.train_function = CompiledStep(self)
        else:
            super().make_train_function(force)

    def predict_step(self, *state_and_batch: Any) -> Any:
        """One batch of predictions: of a pair, only the target is looked at."""
        *state, batch = state_and_batch
        return super().predict_step(*state, (self._batch_format.target_of(batch),))

    def cache_source(
        self,
        x: Any,
        path: str | os.PathLike | None = None,
        dtype: str = "float32",
        batch_size: int = 256,
        verbose: int | str = "auto",
    ) -> Any:
        """Runs the source once over windows, for `fit` to read what it said of them.

        Args:
            x: `tf.data.Dataset` of batches as in `fit`, whose windows of the source
                come in the same order in every pass; the target's may vary. Or a pair
                of arrays; or windows of the source alone, arrays or a dataset.
            path: file to keep the results in and to read them from the next time;
                memory if not given. With several sources, one each: `<path>.0`, ….
            dtype: `"float32"`, or `"float16"` for half the size.
            batch_size: int. For arrays.
            verbose: as in Keras.

        Returns:
            the same dataset or pair with `SourceStatistics` in place of the source's
            windows; of windows alone, the `SourceStatistics`: NumPy arrays, one row
            for each window, memory-mapped if there is a `path`.

        Raises:
            ValueError: if the source's windows do not fit it, change from pass to
                pass, or never end; if a file is damaged, cut off, or of another source,
                of other windows or of another dtype.
            OSError: if the file cannot be written. A further call goes on from there.
        """
        with weights_kept(self):
            return cache_source(
                self._pair, self._batch_format, x, path, dtype, batch_size, verbose
            )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        callbacks: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Trains the target, as `keras.Model.fit`.

        Args:
            x: pairs `(source, target)` or `{"source": …, "target": …}` of arrays;
                or batches `(pair, labels)` or `(pair, labels, sample_weight)` from a
                `tf.data.Dataset`, `keras.utils.PyDataset`, generator, `DataLoader` of
                torch, or `MapDataset`, `IterDataset` or `DataLoader` of Grain.
            y: labels, with arrays: integers `(windows,)` or one-hot.
            *args: as in Keras.
            callbacks: as in Keras. There always is a `NegativeTransferGuard`, which
                sets `transfer_weight` to 0 if the source has nothing to teach. Threads
                may train targets of one source; on JAX, whose loops take the weights
                out of a model, one waits for the other.
            **kwargs: as in Keras. `sample_weight` and `class_weight` weigh both
                parts of the loss, and how right a source is. `class_weight` is taken
                with all kinds of data; a class that it does not name weighs 1, and so
                does a window without a label.

        Returns:
            the `History`. Its `loss` is `classification_loss + transfer_weight ·
            transfer`, the weighted sum of the transfer losses, each in the history as
            `<name>_loss`; `labelled_share` is the share of windows with a label,
            `unmasked_share` that of windows that may teach, and `source_accuracy` how
            often the source was right: NaN where nothing tells, and with several also
            of each, `source_accuracy_0`, …. Of sigmoids `source_balanced_accuracy`
            stands beside it, and of a regression there are `source_error` and
            `source_r2`: by what share its squared error is below that of the mean
            label.

        Raises:
            ValueError: before the first step, if the data are not pairs, do not
                fit the two models, are empty, hold NaN, or have labels that say no
                class; at the batch in question, for data that come in batches. At the
                end of an epoch whose loss is no number: the weights are then those of
                before it, unless `TerminateOnNaN` trains along. If
                `class_weight` names a class that there is not, or a weight is negative
                or not finite. If nothing of the target can be trained, as all of it is
                frozen or quantized. Of several machines on TensorFlow, which need the
                JAX backend.
        """
        _check_strategy(self)
        check_trainable(self.target)
        self._notice_other_weights()
        on_device = isinstance(x, OnDevice)
        if on_device:
            x, y, kwargs["sample_weight"] = _arrays_of(x, y, kwargs)
        class_weight = kwargs.pop("class_weight", None)
        refusals: list[str] = []
        x, y, weights = self._batch_format.checked(
            x,
            y,
            pairs_only=True,
            sample_weight=kwargs.get("sample_weight"),
            class_weight=class_weight,
            refusals=refusals,
        )
        if kwargs.get("validation_data") is not None:
            epochs = kwargs.get("epochs", args[1] if len(args) > 1 else 1)
            if kwargs.get("validation_steps") is None:
                _check_lasts(
                    kwargs["validation_data"], epochs - kwargs.get("initial_epoch", 0)
                )
            kwargs["validation_data"] = self._batch_format.checked_validation(
                kwargs["validation_data"], refusals
            )
        elif class_weight is not None and weights is not None:
            _weigh_alike(weights, kwargs.get("validation_split"))
        if weights is not None:
            kwargs["sample_weight"] = weights
        if y is None and not isinstance(x, keras.utils.PyDataset):
            # Keras warns of its own default where the data come in order.
            kwargs.setdefault("shuffle", False)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = watched(callbacks, x)
        _build_optimizer(self)
        with contextlib.ExitStack() as stack:
            stack.enter_context(readable_errors(self._batch_format.head, refusals))
            stack.enter_context(weights_kept(self))
            if on_device:
                windows = (x, y) if weights is None else (x, y, weights)
                rows = stack.enter_context(steps_on_device(self, windows))
                if rows is not None:
                    x, y = rows, None
                    kwargs["sample_weight"] = None
            return super().fit(x, y, *args, callbacks=callbacks, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Scores the target, as `keras.Model.evaluate`, and changes no state.

        Args:
            x: pairs as in `fit`, or the target's inputs alone.
            y: labels, with arrays.
            *args: as in Keras.
            **kwargs: as in Keras.

        Returns:
            as in Keras. Pairs also give the values of the transfer.
        """
        refusals: list[str] = []
        if "_use_cached_eval_dataset" not in kwargs:
            weights = kwargs.get("sample_weight", args[2] if len(args) > 2 else None)
            x, y, _ = self._batch_format.checked(
                x, y, pairs_only=False, sample_weight=weights, refusals=refusals
            )
        self._notice_other_weights()
        with readable_errors(self._batch_format.head, refusals), weights_kept(self):
            results = super().evaluate(x, y, *args, **kwargs)
        # Numbers, which older Keras gives only where all metrics have a value.
        return keras.tree.map_structure(
            lambda x: x if len(getattr(x, "shape", ())) else float(x), results
        )

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Predictions of the target, as `keras.Model.predict`.

        Args:
            x: the target's inputs or pairs as in `fit`, with labels or without.
            *args: as in Keras.
            **kwargs: as in Keras.

        Returns:
            as in Keras.
        """
        self._notice_other_weights()
        batches = with_each_batch(x, self._target_alone)
        x = x if batches is None else batches
        with readable_errors(self._batch_format.head, []), weights_kept(self):
            return super().predict(x, *args, **kwargs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        **kwargs: Any,
    ) -> Any:
        """One step of training, as `keras.Model.train_on_batch`.

        Args:
            x: pair of arrays, as in `fit`.
            y: labels.
            sample_weight: `(windows,)`.
            class_weight: as in `fit`.
            **kwargs: as in Keras.

        Returns:
            as in Keras.

        Raises:
            ValueError: as `fit`.
        """
        self._notice_other_weights()
        x, y, sample_weight = self._batch_format.checked(
            x,
            y,
            pairs_only=True,
            sample_weight=sample_weight,
            class_weight=class_weight,
        )
        return super().train_on_batch(*_of_numpy(x, y, sample_weight), **kwargs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """Scores one batch, as `keras.Model.test_on_batch`.

        Args:
            x: pair of arrays, or the target's inputs alone.
            y: labels.
            sample_weight: `(windows,)`.
            **kwargs: as in Keras.

        Returns:
            as in Keras.

        Raises:
            ValueError: as `evaluate`.
        """
        self._notice_other_weights()
        x, y, _ = self._batch_format.checked(
            x, y, pairs_only=False, sample_weight=sample_weight
        )
        return super().test_on_batch(*_of_numpy(x, y, sample_weight), **kwargs)

    def save(self, filepath: str | os.PathLike, *args: Any, **kwargs: Any) -> Any:
        """Saves source, target and training, as `keras.Model.save`.

        Args:
            filepath: str or path.
            *args: as in Keras.
            **kwargs: as in Keras.
        """
        self._notice_other_weights()
        return super().save(filepath, *args, **kwargs)

    def _target_alone(self, batch):
        return (keras.tree.lists_to_tuples(self._batch_format.target_of(batch)),)

    def _notice_other_weights(self):
        """Forgets what was compiled and counted for weights that are no more.

        `model.target.quantize` replaces variables, and this model does not know of it.
        """
        before, self._weights_seen = (
            self._weights_seen,
            kinds_of_weights([*self.sources, self.target]),
        )
        if before in (None, self._weights_seen):
            return
        self.train_function = self.test_function = self.predict_function = None
        if self.optimizer.built:
            with _strategy_scope(self):
                fresh = fresh_optimizer(self.optimizer, self.trainable_variables)
            # Not through Keras, which would track it as a part of the model.
            object.__setattr__(self, "optimizer", fresh)


def _arrays_of(windows, y, kwargs):
    """The arrays of `OnDevice`, with which nothing else says what they are."""
    also = [n for n in ("sample_weight", "validation_split") if n in kwargs]
    also += [] if y is None else ["y"]
    if also:
        raise ValueError(
            "`OnDevice` holds the labels and weights of all its windows. "
            f"Received: also {also}. Give them to `OnDevice`, and hold windows back "
            "as validation_data=(x, y)."
        )
    return windows.x, windows.y, windows.sample_weight


def _check_lasts(validation_data, epochs):
    """Refuses a generator that ends with the first of several epochs.

    Keras would judge the others by the two batches with which it began.
    """
    if isinstance(validation_data, types.GeneratorType) and epochs > 1:
        raise ValueError(
            "`validation_data` must last for all epochs. "
            f"Received: a generator, which ends with the first of {epochs} epochs. "
            "Pass arrays, a tf.data.Dataset or a keras.utils.PyDataset; or, if it "
            "never ends, say how much of it is an epoch: validation_steps=…."
        )


def _of_numpy(*parts):
    """A batch whose series and tables of pandas are arrays, as Keras takes it."""
    return keras.tree.map_structure(
        lambda x: x.to_numpy() if hasattr(x, "to_numpy") else x, parts
    )


def _weigh_alike(weights, validation_split):
    """Weighs 1 what Keras is to split off, which `class_weight` does not weigh."""
    if validation_split:
        weights[math.floor(len(weights) * (1 - validation_split)) :] = 1


def _build_optimizer(model):
    """Before the first step: what it makes there TensorFlow would trace, and slowly.

    On JAX `weights_kept` is to know of it.
    """
    if keras.backend.backend() == "torch" or model.optimizer.built:
        return
    with _strategy_scope(model):
        model.optimizer.build(model.trainable_variables)


def _strategy_scope(model):
    """Where a model's variables are made: TensorFlow has several devices."""
    if keras.backend.backend() == "tensorflow":
        return model.distribute_strategy.scope()
    return contextlib.nullcontext()


def _check_strategy(model):
    """Refuses what Keras cannot train: `PerReplica` batches of several workers."""
    if keras.backend.backend() != "tensorflow":
        return
    resolver = getattr(model.distribute_strategy, "cluster_resolver", None)
    workers = resolver.cluster_spec().as_dict().get("worker", []) if resolver else []
    if len(workers) > 1:
        raise ValueError(
            "Several machines must train on the JAX backend of Keras. "
            f"Received: {len(workers)} workers of a tf.distribute strategy. "
            "Set KERAS_BACKEND=jax, and use keras.distribution as "
            "examples/distributed.py does."
        )
