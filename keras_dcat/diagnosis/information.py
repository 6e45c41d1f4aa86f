"""How much the predictions of two models tell of the label, alone and together."""

import dataclasses
import itertools

import numpy as np

from keras_dcat.diagnosis.permutation import fold_of_windows, interval, units_of_windows


@dataclasses.dataclass(frozen=True)
class Information:
    """Information of predictions about the label, in nats, on held-out groups.

    Each is an estimate from below: by how much a logistic regression on predicted
    log-probabilities raises the log-likelihood over the frequencies of the classes.

    Attributes:
        source: float. `I(Y; S)`, what the source's prediction tells of the label.
        target: float. `I(Y; T)`.
        both: float. `I(Y; S, T)`.
        added: float. `I(Y; S | T)`, what the source adds to the target.
        added_interval: tuple of float. The 95 % interval of `added`, over groups.
        shared: float. `I(S; T)`, what the target's prediction tells of the source's.
    """

    source: float
    target: float
    both: float
    added: float
    added_interval: tuple[float, float]
    shared: float


def information(labels, source, target, groups=None, seed=0, kinds=None) -> Information:
    """What two classifiers tell of the label, alone and together.

    Args:
        labels: int array `(windows,)`.
        source: float array `(windows, classes)`. The source's log-probabilities.
        target: likewise.
        groups: int array `(windows,)`, numbered from 0, or `None`. Kept whole by folds.
        seed: int. Of folds, and of the interval.
        kinds: int array `(windows,)` or `None`. The label that each row is of: every
            label has a regression of its own, so that how often it holds tells nothing.

    Returns:
        `Information`.
    """
    fold = fold_of_windows(len(labels), groups, np.random.default_rng(seed))

    kinds = np.zeros(len(labels), int) if kinds is None else kinds

    def likelihood(classes, *scores):
        result = np.zeros(len(classes))
        for number, kind in itertools.product(range(fold.max() + 1), np.unique(kinds)):
            held = (fold == number) & (kinds == kind)
            seen = (fold != number) & (kinds == kind)
            model = LogisticFusion([x[seen] for x in scores], classes[seen])
            told = model.log_probabilities([x[held] for x in scores])
            result[held] = told[np.arange(len(told)), classes[held]]
        return result

    nothing = np.zeros_like(source)
    prior = likelihood(labels, nothing)
    by_source, by_target = likelihood(labels, source), likelihood(labels, target)
    by_both = likelihood(labels, source, target)
    believed = source.argmax(axis=-1)
    shared = likelihood(believed, target) - likelihood(believed, nothing)
    units = units_of_windows(len(labels), groups)
    sizes, gains = np.bincount(units), np.bincount(units, by_both - by_target)
    return Information(
        source=float(np.mean(by_source - prior)),
        target=float(np.mean(by_target - prior)),
        both=float(np.mean(by_both - prior)),
        added=float(np.mean(by_both - by_target)),
        added_interval=interval(lambda w: (w @ gains) / (w @ sizes), len(sizes), seed),
        shared=float(np.mean(shared)),
    )


class LogisticFusion:
    """`softmax(bias + Σ slope · log p)`: a slope for each classifier, a bias per class.

    So few numbers can be fitted to a small held-out set. A standard normal prior on
    each keeps those of a class that is not there finite.

    Args:
        scores: list of float array `(windows, classes)`, log-probabilities.
        labels: int array `(windows,)`.
    """

    def __init__(self, scores, labels):
        # Slopes are of order one, whatever the scale of the logits.
        spread = np.array([np.std(_centered(x)) if len(x) else 0.0 for x in scores])
        self._scale = np.where(spread > 1e-9, 1 / np.maximum(spread, 1e-9), 0.0)
        inputs, classes = self._inputs(scores), scores[0].shape[-1]
        hits = np.eye(classes)[labels]
        self.parameters = np.zeros(classes + len(scores))
        for _ in range(50):  # Newton's method: fewer than ten as a rule
            gradient, hessian = _derivatives(inputs, hits, self.parameters)
            step = np.linalg.solve(hessian, gradient)
            self.parameters = _uphill(inputs, hits, self.parameters, step)
            if gradient @ step < 1e-10:
                break

    def log_probabilities(self, scores):
        """What it believes of each class.

        Args:
            scores: as those that it was fitted to.

        Returns:
            float array `(windows, classes)`.
        """
        return _log_softmax(self._inputs(scores), self.parameters)

    def _inputs(self, scores):
        return (
            _centered(np.stack(scores).astype("float64")) * self._scale[:, None, None]
        )


def _centered(scores):
    return scores - scores.mean(axis=-1, keepdims=True)


def _log_softmax(inputs, parameters):
    classes = inputs.shape[-1]
    logits = np.tensordot(parameters[classes:], inputs, 1) + parameters[:classes]
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def _posterior(inputs, hits, parameters):
    fit = np.sum(hits * _log_softmax(inputs, parameters))
    return fit - 0.5 * parameters @ parameters


def _derivatives(inputs, hits, parameters):
    """Gradient of the log-posterior, and its Hessian with the sign changed."""
    classes = inputs.shape[-1]
    p = np.exp(_log_softmax(inputs, parameters))
    gradient = -parameters
    gradient[:classes] += np.sum(hits - p, axis=0)
    gradient[classes:] += np.einsum("nc,fnc->f", hits - p, inputs)
    around = inputs - np.einsum("nc,fnc->fn", p, inputs)[..., None]
    weighted = p * around
    hessian = np.eye(len(parameters))
    hessian[:classes, :classes] += np.diag(p.sum(axis=0)) - p.T @ p
    hessian[:classes, classes:] += weighted.sum(axis=1).T
    hessian[classes:, :classes] += weighted.sum(axis=1)
    hessian[classes:, classes:] += np.einsum("fnc,gnc->fg", weighted, around)
    return gradient, hessian


def _uphill(inputs, hits, parameters, step):
    """Where the longest of ever shorter steps leads that is not downhill."""
    before = _posterior(inputs, hits, parameters)
    for length in 0.5 ** np.arange(20):
        after = parameters + length * step
        if _posterior(inputs, hits, after) >= before:
            return after
    return parameters
