"""What both sides believe together of windows that have no label."""

import math

import keras
from keras import ops

# By how much the evidence for a class moves, if it is believed in twice as often as it
# should be; and what is left of a count of labels one step later.
_RATE = 0.05
_KEPT = 0.999
# The same of a count of pseudo-labels: of some fifty steps. So many of a class must be
# due in it before the class may be called neglected.
_RECENT, _DUE = 0.98, 30
# The share of recent labels of a class that a target must get right to have learned it.
_LEARNED = 0.5


class DistributionAlignment(keras.layers.Layer):
    """What source and target believe, multiplied, with classes as frequent as labels.

    `q(c) ∝ p_source(c) · p_target(c) · exp(b_c)`. Two sensors err on different windows,
    so that their product is right more often than either. What is left of their errors
    are mostly classes that both prefer to others in people whom neither has seen; `b`
    takes that back: it is moved, batch by batch, until on windows without a label every
    class is believed in as often as the labels of the others have it. That is the
    gradient of the dual of an optimal transport of windows to classes.

    Where no window at all has a label, nothing says how frequent classes are, and `b`
    stays 0.

    What a target has not learned it cannot be sure of. A window's class waits until the
    target gets half of the recent labels right, both of that class and of the one that
    the source finds likeliest; until then all classes are equally probable.

    It also counts which classes become pseudo-labels, in `accepted`: a class that is
    believed in as often as it should be, but never surely, is taught by nobody.

    Args:
        num_sources: int.
        num_classes: int.
        num_labels: int. Of several labels each has class frequencies of its own; their
            decisions follow each other in the rows of a batch.
        threshold: float. How probable a class must be to become a pseudo-label.
        **kwargs: as for any layer.

    Call args:
        sources: float tensor `(sources, batch, classes)`. Their log-probabilities.
        target: float tensor `(batch, classes)`. The target's.
        labels: int tensor `(batch,)`, −1 where there is none.
        shares: float tensor `(sources, batch)`. By how much each may teach.
        state: float tensor, as of `state()`, in this pass; what it is now unless given.
        weights: float tensor `(batch,)`. How much each label counts; all alike unless
            given.
        training: bool. Whether the batch moves `b`.

    Returns:
        float32 tensor `(sources, batch, classes)`, log-probabilities that have no
        gradient.

    Example:

    >>> fuse = DistributionAlignment(num_sources=1, num_classes=2)
    >>> source, target = ops.array([[[0.6, 0.4]]]), ops.array([[0.9, 0.1]])
    >>> unknown, shares = ops.array([-1]), ops.ones((1, 1))
    >>> found = fuse(ops.log(source), ops.log(target), unknown, shares)
    >>> round(float(ops.exp(found)[0, 0, 0]), 3)  # 0.54 to 0.04
    0.931

    Reference:
        Berthelot et al., 2020, [ReMixMatch](https://arxiv.org/abs/1911.09785), for the
        alignment of class frequencies; Cuturi, 2013, [Sinkhorn
        distances](https://arxiv.org/abs/1306.0895), for the dual.
    """

    def __init__(
        self,
        num_sources: int,
        num_classes: int,
        num_labels: int = 1,
        threshold: float = 0.9,
        **kwargs,
    ):
        super().__init__(dtype="float32", **kwargs)
        self.num_labels = num_labels
        self.threshold = threshold
        self.bias = self._state("bias", (num_sources, num_labels * num_classes))
        self.counts = self._state("counts", (num_labels * num_classes,))
        self.accepted = self._state("accepted", (num_labels * num_classes,))
        self.recent = self._state("recent", (2, num_labels * num_classes))
        self.built = True

    def _state(self, name, shape):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer="zeros",
            trainable=False,
            aggregation="mean",  # over replicas, of which each sees a part of a batch
        )

    def call(
        self, sources, target, labels, shares, state=None, weights=None, training=False
    ):
        evidence = self._by_label(ops.stop_gradient(sources + target))
        state = self.state() if state is None else state
        bias = ops.reshape(state[:-2], (-1, 1, *evidence.shape[2:]))
        believed = ops.log_softmax(evidence + bias, axis=-1)
        ready = self._ready(state[-2:], believed, self._by_label(sources))
        if training:
            known = self._known(labels, weights, believed.shape[-1])
            shares = ops.stop_gradient(shares)
            self._observe(ops.exp(believed), ready, known, labels, shares)
            self._judge(ops.stop_gradient(target), known)
        believed = ops.where(ready, believed, -math.log(believed.shape[-1]))
        return ops.reshape(believed, ops.shape(sources))

    def _ready(self, recent, believed, sources):
        """Whether the target has learned what is in question, `(sources, …, 1)`."""
        recent = ops.reshape(recent, (2, self.num_labels, -1))
        right, seen = recent[0], recent[1]
        learned = (right >= _LEARNED * seen) & (seen > 0)
        learned = learned | (ops.sum(seen, axis=-1, keepdims=True) == 0)
        learned = ops.cast(learned, "float32")
        both = [
            ops.one_hot(ops.argmax(each, axis=-1), each.shape[-1]) * learned
            for each in (believed, sources)
        ]
        return (
            ops.sum(both[0], -1, keepdims=True) * ops.sum(both[1], -1, keepdims=True)
            > 0
        )

    def _known(self, labels, counted, classes):
        """Labels `(batch, labels, classes)`: 1 or a weight; 0 where there is none."""
        known = ops.one_hot(self._by_label(labels[None])[0], classes, dtype="float32")
        if counted is not None:
            known = known * self._by_label(counted[None])[0][..., None]
        return known

    def _judge(self, target, known):
        """Counts which labels the target gets right."""
        target = self._by_label(target[None])[0]
        chosen = ops.one_hot(ops.argmax(target, -1), target.shape[-1], dtype="float32")
        found = ops.stack([ops.sum(known * chosen, axis=0), ops.sum(known, axis=0)])
        found = ops.reshape(found, ops.shape(self.recent))
        self.recent.assign(_RECENT * self.recent + found)

    def state(self):
        """What a pass reads of its variables.

        Returns:
            float32 tensor `(sources + 2, labels · classes)`: `b`, and then how many of
            the recent labels the target got right, and how many there were.
        """
        return ops.concatenate([self.bias, self.recent], axis=0)

    def _by_label(self, rows):
        """`(sources, decisions, …)` as `(sources, batch, labels, …)`."""
        return ops.reshape(rows, (rows.shape[0], -1, self.num_labels, *rows.shape[2:]))

    def _observe(self, probabilities, ready, known, labels, shares):
        """Moves `b` towards classes that are believed in too rarely."""
        classes = probabilities.shape[-1]
        labels = self._by_label(labels[None])[0]
        before = ops.reshape(self.counts, (self.num_labels, classes))
        counts = _KEPT * before + ops.sum(known, axis=0)
        seen = ops.sum(counts, axis=-1, keepdims=True)
        frequency = (counts + 1) / (seen + classes)
        weights = self._by_label(shares) * ops.cast(labels < 0, "float32")
        total = ops.sum(weights, axis=1)[..., None]
        believed = ops.einsum("sbl,sblc->slc", weights, probabilities)
        missing = frequency - believed / ops.maximum(total, 1e-6)
        tells = ops.cast((total > 0) & (seen > 0), "float32")
        sure = ready & (
            ops.max(probabilities, axis=-1, keepdims=True) >= self.threshold
        )
        chosen = ops.one_hot(ops.argmax(probabilities, axis=-1), classes)
        chosen = ops.cast(sure, "float32") * ops.cast(chosen, "float32")
        accepted = ops.mean(ops.sum(chosen * weights[..., None], axis=1), axis=0)
        accepted = _RECENT * self.accepted + ops.reshape(accepted, (-1,))
        moved = ops.reshape(_RATE * classes * tells * missing, ops.shape(self.bias))
        self.counts.assign(ops.reshape(counts, ops.shape(self.counts)))
        self.accepted.assign(accepted)
        self.bias.assign(self.bias + moved)

    def neglected(self):
        """Classes that far too few pseudo-labels name, beside the labels.

        Returns:
            list of `(label, class, share of the labels, share of the pseudo-labels)`:
            those of which a fifth is named of what the labels lead to expect, where
            that is 30 at least.
        """
        shape = (self.num_labels, -1)
        counts, accepted = (
            ops.convert_to_numpy(each).reshape(shape).astype("float64")
            for each in (self.counts, self.accepted)
        )
        found = []
        for number, (known, named) in enumerate(zip(counts, accepted, strict=True)):
            if not known.sum() or not named.sum():
                continue
            due, share = known / known.sum(), named / named.sum()
            few = (due * named.sum() >= _DUE) & (share < due / 5)
            found += [(number, int(c), due[c], share[c]) for c in few.nonzero()[0]]
        return found
