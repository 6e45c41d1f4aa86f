"""Keras's loops over pairs of windows, whose data are checked before use."""

import contextlib
import os
from typing import Any

import keras

from keras_dcat.transfer.caching import cache_source
from keras_dcat.transfer.callbacks.first_epoch import watched
from keras_dcat.transfer.gradient_step import carried_state
from keras_dcat.transfer.models.quantized import (
    check_trainable,
    fresh_optimizer,
    kinds_of_weights,
)
from keras_dcat.transfer.recovery import weights_kept


class PairLoops:
    """What `DCATModel` does around the loops of `keras.Model`, which comes after it.

    Expects `_batch_format`, a `BatchFormat`, and `_pair`, a `ModelPair`.
    """

    _weights_seen: tuple | None = None  # of which kinds the weights were, when last looked at

    def stateless_compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras, which carries the state of what `compute_loss` assigns."""
        with carried_state():
            return super().stateless_compute_loss(*args, **kwargs)

    def predict_step(self, *state_and_batch: Any) -> Any:
        """One batch of predictions: of a pair, only the target is looked at."""
        *state, batch = state_and_batch
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        pair = self._batch_format.as_pair(inputs)
        inputs = inputs if pair is None else pair[1]
        return super().predict_step(*state, (inputs,))

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
                or a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of
                batches `(pair, labels)` or `(pair, labels, sample_weight)`.
            y: labels, with arrays: integers `(windows,)` or one-hot.
            *args: as in Keras.
            callbacks: as in Keras. There always is a `NegativeTransferGuard`, which sets
                `transfer_weight` to 0 if the source has nothing to teach.
            **kwargs: as in Keras. `sample_weight` and `class_weight` weigh both
                parts of the loss. Of windows without a label, `class_weight` takes
                integers −1 in arrays, and weighs them 1.

        Returns:
            the `History`. Its `loss` is `classification_loss + transfer_weight ·
            transfer`, the weighted sum of the transfer losses, each in the history as
            `<name>_loss`; `labelled_share` is the share of windows with a label,
            `unmasked_share` that of windows that may teach, and `source_accuracy` how
            often the source was right: NaN where nothing tells, and with several also
            of each, `source_accuracy_0`, ….

        Raises:
            ValueError: before the first step, if the data are not pairs, do not
                fit the two models, are empty, hold NaN, have labels that say no class,
                or none where `class_weight` needs them; at the batch in question, for
                data that come in batches. If nothing of the target can be trained, as
                all of it is frozen or quantized. Of several machines on TensorFlow,
                which need the JAX backend.
        """
        _check_strategy(self)
        check_trainable(self.target)
        self._notice_other_weights()
        x, y = self._batch_format.checked(
            x,
            y,
            pairs_only=True,
            sample_weight=kwargs.get("sample_weight"),
            weighs_classes=kwargs.get("class_weight") is not None,
        )
        if kwargs.get("validation_data") is not None:
            kwargs["validation_data"] = self._batch_format.checked_validation(
                kwargs["validation_data"]
            )
        if y is None and not isinstance(x, keras.utils.PyDataset):
            # Keras warns of its own default where the data come in order.
            kwargs.setdefault("shuffle", False)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = watched(callbacks, x)
        _build_optimizer(self)
        with self._batch_format.readable_errors(), weights_kept(self):
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
        if "_use_cached_eval_dataset" not in kwargs:
            weights = kwargs.get("sample_weight", args[2] if len(args) > 2 else None)
            x, y = self._batch_format.checked(
                x, y, pairs_only=False, sample_weight=weights
            )
        self._notice_other_weights()
        with self._batch_format.readable_errors():
            results = super().evaluate(x, y, *args, **kwargs)
        # Numbers, which older Keras gives only where all metrics have a value.
        return keras.tree.map_structure(
            lambda x: x if len(getattr(x, "shape", ())) else float(x), results
        )

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predicts with the target, as `keras.Model.predict`.

        Args:
            *args: as in Keras. Of pairs, only the target's part is looked at.
            **kwargs: as in Keras.

        Returns:
            as in Keras.
        """
        self._notice_other_weights()
        return super().predict(*args, **kwargs)

    def save(self, filepath: str | os.PathLike, *args: Any, **kwargs: Any) -> Any:
        """Saves source, target and training, as `keras.Model.save`.

        Args:
            filepath: str or path.
            *args: as in Keras.
            **kwargs: as in Keras.
        """
        self._notice_other_weights()
        return super().save(filepath, *args, **kwargs)

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


def _build_optimizer(model):
    """Before the first step: what it makes there TensorFlow would trace, and slowly."""
    if keras.backend.backend() == "tensorflow" and not model.optimizer.built:
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
