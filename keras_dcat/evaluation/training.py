"""The budget that every model of a study gets."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_dcat.evaluation.study_labels import second_of_two
from keras_dcat.transfer.models.heads import find_head


@dataclasses.dataclass(frozen=True)
class Training:
    """The budget that every model of a study gets.

    AdamW with a linear warm-up over the first tenth of the steps and a cosine decay to
    0. With few labelled windows a budget in epochs alone would be a few hundred steps.
    Models have not learned then, and a gain over them means little.

    Attributes:
        epochs: int. At least so often is every window seen.
        min_steps: int. At least so many steps: where that is more, an epoch goes
            through the windows several times.
        batch_size: int.
        learning_rate: float. The highest it gets.
        weight_decay: float.
        label_smoothing: float from 0 to 1.
        together: `TimeWarp` or `Crop` that both sides of a pair go through alike,
            and a single stream, too.
        run_eagerly: bool. Whether steps are taken without being traced: training
            starts sooner and takes longer, which pays for some dozen steps.
    """

    epochs: int = 80
    min_steps: int = 1500
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    together: Callable | None = None
    run_eagerly: bool = False

    def steps_per_epoch(self, num_batches: int) -> int:
        """How many steps an epoch has.

        Args:
            num_batches: int. Of all windows.

        Returns:
            int.

        Example:

        >>> Training(epochs=80, min_steps=1500).steps_per_epoch(4)
        19
        """
        return max(num_batches, math.ceil(self.min_steps / self.epochs))

    def fit(
        self,
        model: keras.Model,
        dataset: Any,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> np.ndarray:
        """Trains a model, or a transfer, on batches with one-hot labels.

        One sigmoid is told the second of two classes, several are told rows of 0 and 1;
        their loss is the binary cross-entropy, smoothed alike.

        Args:
            model: `keras.Model`, or one whose `target` is trained.
            dataset: `tf.data.Dataset` of `(inputs, one-hot labels)`.
            callbacks: as in Keras.

        Returns:
            float array `(epochs,)`, the classification loss.
        """
        head = find_head(getattr(model, "target", model))
        loss = keras.losses.CategoricalCrossentropy
        if head.task != "multiclass":
            loss = keras.losses.BinaryCrossentropy
        if head.task == "binary":
            dataset = dataset.map(second_of_two)
        per_epoch = self.steps_per_epoch(len(dataset))
        steps = self.epochs * per_epoch
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            steps,
            warmup_target=self.learning_rate,
            warmup_steps=steps // 10,
        )
        model.compile(
            keras.optimizers.AdamW(rate, weight_decay=self.weight_decay),
            loss(from_logits=head.from_logits, label_smoothing=self.label_smoothing),
            metrics=[],
            run_eagerly=self.run_eagerly,
            jit_compile=_jit_compile(),
        )
        # Now, or TensorFlow traces how its variables are made in the first step.
        model.optimizer.build(model.trainable_variables)
        if per_epoch > len(dataset):
            dataset = dataset.repeat()
        history = model.fit(
            dataset,
            epochs=self.epochs,
            steps_per_epoch=per_epoch,
            callbacks=list(callbacks),
            shuffle=False,
            verbose=0,
        )
        losses = history.history
        return np.array(losses.get("classification_loss", losses["loss"]))


def _jit_compile():
    """On a CPU, XLA compiles for longer than it saves; without it JAX is not traced."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
