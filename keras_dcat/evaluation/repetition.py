"""One seed on one split: models are built and trained the same way in every method."""

import contextlib
import pathlib
from typing import Any

import keras
import numpy as np

from keras_dcat.evaluation.stream_pairs import sources_of
from keras_dcat.evaluation.study import Study
from keras_dcat.evaluation.study_labels import answers, check_head
from keras_dcat.metrics import macro_f1
from keras_dcat.storage import stored_arrays, written_whole
from keras_dcat.transfer.gating.predictions import class_probabilities
from keras_dcat.transfer.models.heads import find_head
from keras_dcat.windows import WindowIndex, group_folds


class Repetition:
    """What the methods of a comparison share for one seed on one split.

    Models that several methods need, such as the trained source, are trained once,
    and kept in a folder if there is one.

    Args:
        study: `Study`.
        split: str. Name of the split.
        seed: int. Of weights, orders and augmentations.
        folder: path for what has been trained, or `None`.
    """

    def __init__(
        self, study: Study, split: str, seed: int, folder: pathlib.Path | None = None
    ):
        self.study = study
        self.split = split
        self.seed = seed
        self.train, self.test = study.splits[split]
        self.folder = folder
        self._unimodal: dict[tuple, tuple] = {}
        self._out_of_fold: dict[tuple, np.ndarray] = {}

    @property
    def judge(self) -> WindowIndex:
        """Labelled windows that neither train nor test.

        Raises:
            ValueError: if the study has none of this split.
        """
        if self.split not in self.study.judges:
            raise ValueError(
                "To choose by held-out windows a study must have some as `judges`. "
                f"Received: none of split {self.split!r}. "
                "Take them from the training windows."
            )
        return self.study.judges[self.split]

    def part(self, fraction: float) -> WindowIndex:
        """A share of the training windows, the same of every class and subject.

        Args:
            fraction: float above 0, up to 1.

        Returns:
            `WindowIndex`.
        """
        if fraction == 1:
            return self.train
        subjects = np.unique(self.train.subjects, return_inverse=True)[1]
        groups = subjects * (len(self.study.class_names) + 1) + self.train.labels
        order = np.random.default_rng(self.seed).permutation(len(groups))
        # Rank of each window within its group, in a random order.
        by_group = order[np.argsort(groups[order], kind="stable")]
        _, first, counts = np.unique(
            groups[by_group], return_index=True, return_counts=True
        )
        rank = np.empty(len(groups), int)
        rank[by_group] = np.arange(len(groups)) - np.repeat(first, counts)
        size = np.repeat(counts, counts)[np.argsort(by_group)]
        return self.train.subset(rank < np.maximum(np.rint(fraction * size), 1))

    def labelled(self, fraction: float) -> WindowIndex:
        """Those windows of such a share that have a label.

        Args:
            fraction: float above 0, up to 1.

        Returns:
            `WindowIndex`.
        """
        index = self.part(fraction)
        return index.subset(index.is_labelled)

    def with_unlabelled_people(self, index: WindowIndex, number: int) -> WindowIndex:
        """The windows of all who have labels, and of some who have none.

        Args:
            index: `WindowIndex`.
            number: int. How many have none, drawn by the seed; those of a smaller
                number are among those of a larger.

        Returns:
            `WindowIndex`.

        Raises:
            ValueError: if there are not so many.
        """
        known = np.unique(index.subjects[index.is_labelled])
        others = np.setdiff1d(index.subjects, known)
        if not 0 <= number <= len(others):
            raise ValueError(
                "There must be as many people without a label as are asked for. "
                f"Received: {number} of {len(others)} in split {self.split!r}. "
                "Ask for fewer, or take away the labels of more."
            )
        drawn = np.random.default_rng(self.seed).permutation(others)
        return index.subset(~np.isin(index.subjects, drawn[number:]))

    def build(
        self, stream: str, index: WindowIndex, *, seed: int | None = None, **options
    ) -> keras.Model:
        """A new model of a stream: the same seed gives the same weights.

        Args:
            stream: str.
            index: `WindowIndex` that it will be trained on.
            seed: int. The repetition's unless given.
            **options: for the `build` of the modality.

        Returns:
            `keras.Model`.
        """
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(self.seed if seed is None else seed)
        model = self.study.modalities[stream].build(index, **options)
        check_head(model, len(self.study.class_names), len(self.study.labels or ()))
        return model

    def pairs(
        self,
        source,
        target: str,
        index: WindowIndex,
        batch_size: int,
        transfer_mask=None,
        vary_source: bool = True,
    ):
        """Varied, shuffled batches of pairs with one-hot labels, or rows of several.

        Args:
            source: str. Stream of the source; or its `SourceStatistics` of the windows;
                or a tuple with one of these for each of several sources.
            target: str. Stream of the target.
            index: `WindowIndex`.
            batch_size: int.
            transfer_mask: float array `(windows,)`, `(windows, sources)` or `None`, as
                in `pair_dataset`.
            vary_source: bool. Whether the source is varied by itself, too; the target
                is the same either way.

        Returns:
            `tf.data.Dataset`.
        """
        import tensorflow as tf

        from keras_dcat.windows import augmentation as vary
        from keras_dcat.windows import pair_dataset

        # The seeds of tf.data count from the global one, which others may have set.
        keras.utils.set_random_seed(self.seed)
        dataset = pair_dataset(
            index,
            source,
            target,
            batch_size,
            shuffle=True,
            seed=self.seed,
            transfer_mask=transfer_mask,
        )
        # Video comes as integers, which cannot be varied.
        dataset = dataset.map(
            lambda x, y: (tf.nest.map_structure(lambda v: tf.cast(v, tf.float32), x), y)
        )
        modalities = self.study.modalities
        own = [
            modalities[each].augmentation
            if vary_source and isinstance(each, str)
            else None
            for each in sources_of(source)
        ]
        together: Any = self.study.training.together
        dataset = vary.augment_pairs(
            dataset,
            source=own if type(source) is tuple else own[0],
            target=modalities[target].augmentation,
            together=together,
            fewest_steps=self.study.fewest_steps(index),
            seed=self.seed,
        )
        if self.study.labels:
            rows = tf.constant(answers(self.study.labels), tf.float32)
            # −1, no label, is the last.
            return dataset.map(lambda x, y: (x, tf.gather(rows, y % len(rows))))
        classes = len(self.study.class_names)
        return dataset.map(lambda x, y: (x, tf.one_hot(y, classes)))

    def windows(self, stream: str, index: WindowIndex, batch_size: int):
        """Batches of one stream, in the order and with the variations of `pairs`.

        Args:
            stream: str.
            index: `WindowIndex`.
            batch_size: int.

        Returns:
            `tf.data.Dataset`.
        """
        pairs = self.pairs(stream, stream, index, batch_size, vary_source=False)
        return pairs.map(lambda x, y: (x["target"], y))

    def unimodal(
        self, stream: str, fraction: float = 1.0
    ) -> tuple[keras.Model, np.ndarray]:
        """A model trained on what has labels in its own stream: source or baseline.

        Args:
            stream: str.
            fraction: float. Share of the training windows.

        Returns:
            `(model, losses)`: the trained `keras.Model`, and its loss by epoch.
        """
        key = (stream, fraction)
        if key not in self._unimodal:
            index, training = self.labelled(fraction), self.study.training
            model = self.build(stream, index)
            path = self._kept("unimodal", (stream,), "weights.h5", fraction=fraction)
            losses_path = path and path.with_name(path.name + ".npy")
            if path and path.exists() and losses_path.exists():
                with _as_kept(path):
                    model.load_weights(path)
                losses = _kept_numbers(losses_path, training.epochs)
            else:
                dataset = self.windows(stream, index, training.batch_size)
                losses = training.fit(model, dataset)
                if path:
                    with written_whole(losses_path) as part:
                        np.save(part, losses)
                    with written_whole(path) as part:
                        model.save_weights(part)
            self._unimodal[key] = model, losses
        return self._unimodal[key]

    def out_of_fold(self, stream: str, fraction: float = 1.0) -> np.ndarray:
        """What a source says of training windows of subjects that it has not seen.

        Training subjects are left out in up to 4 folds; each is predicted by a model
        that was trained on the others. Windows without a label are predicted by the
        source itself, which was not trained on them.

        Args:
            stream: str.
            fraction: float. Share of the training windows.

        Returns:
            float array `(windows, classes)`, probabilities; `(windows, labels, 2)` of
            several labels.
        """
        key = (stream, fraction)
        if key not in self._out_of_fold:
            index = self.part(fraction)
            path = self._kept("out_of_fold", (stream,), "npy", fraction=fraction)
            if path and path.exists():
                shape = len(index), *self.study.belief_shape
                self._out_of_fold[key] = _kept_numbers(path, *shape)
                return self._out_of_fold[key]
            training, labelled = self.study.training, self.labelled(fraction)
            unknown = np.flatnonzero(~index.is_labelled)
            probabilities = np.zeros((len(index), *self.study.belief_shape))
            if len(unknown):
                model, _ = self.unimodal(stream, fraction)
                rest = index.subset(unknown)
                probabilities[unknown] = self.predict(model, stream, rest)
            folds = min(4, len(np.unique(labelled.subjects)))
            for seen, left_out in group_folds(labelled, folds, seed=self.seed):
                model = self.build(stream, seen)
                training.fit(model, self.windows(stream, seen, training.batch_size))
                known = np.isin(index.subjects, left_out.subjects) & index.is_labelled
                probabilities[known] = self.predict(model, stream, left_out)
            if path:
                with written_whole(path) as part:
                    np.save(part, probabilities)
            self._out_of_fold[key] = probabilities
        return self._out_of_fold[key]

    def predict(
        self, model: keras.Model, stream: str, index: WindowIndex | None = None
    ) -> np.ndarray:
        """Class probabilities of windows, those of the test unless told otherwise.

        Args:
            model: `keras.Model` of the stream.
            stream: str.
            index: `WindowIndex`.

        Returns:
            float32 array `(windows, classes)`: of one sigmoid no and yes; `(windows,
            labels, 2)` of several.
        """
        index = self.test if index is None else index
        # Batches by hand: `predict` would be traced anew for every model.
        outputs = np.concatenate(
            [
                keras.ops.convert_to_numpy(model(index.gather(stream, rows)))
                for rows in np.array_split(np.arange(len(index)), -(-len(index) // 256))
            ]
        )
        return class_probabilities(find_head(model), outputs)

    def macro_f1(self, model: keras.Model, stream: str, index: WindowIndex) -> float:
        """Macro F1 of a model on windows that have a label.

        Args:
            model: `keras.Model` of the stream.
            stream: str.
            index: `WindowIndex`.

        Returns:
            float.
        """
        labels, believed = self.study.targets(index), self.predict(model, stream, index)
        size, several = believed.shape[1], labels.ndim > 1
        return macro_f1(labels, believed.argmax(axis=-1), size, multi_label=several)

    def _kept(self, kind, streams, suffix, **options: Any):
        """Path of something trained that is kept, or `None` where nothing is."""
        if self.folder is None:
            return None
        about = {"kind": kind, "seed": self.seed, **options}
        digest = self.study.fingerprint(self.split, streams, about)
        name = f"{self.split}.{'.'.join(streams)}.{self.seed}.{digest}.{suffix}"
        return self.folder / kind / name


def _kept_numbers(path, *shape):
    """An array that is kept, of the shape that it was written in."""
    with _as_kept(path):
        numbers: Any = stored_arrays(path)
        if numbers.dtype.kind != "f" or numbers.shape != shape:
            raise ValueError(f"{numbers.dtype} of shape {numbers.shape}")
    return numbers


@contextlib.contextmanager
def _as_kept(path):
    """One error for whatever is raised over a file that is not as it was written."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # of h5py, NumPy or Keras
        raise ValueError(
            "What a comparison has kept must be as it was written. "
            f"Received: {str(path)!r} ({type(error).__name__} {error}). "
            "Delete it; it is then trained again."
        ) from error
