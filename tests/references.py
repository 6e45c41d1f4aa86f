"""The mathematics of the package in NumPy float64, written from the paper.

Nothing here imports the package: what it computes is compared with this.
"""

import numpy as np


def key_value_product(key, value, mask=None):
    """`KᵀV` of one window: keys `(time, d_k)`, values `(time, d_v)`."""
    key, value = np.asarray(key, "float64"), np.asarray(value, "float64")
    if mask is not None:
        key, value = key[mask], value[mask]
    return key.T @ value


def distance(source, target, normalization, lengths):
    """Distance of two key-value products `(d_k, d_v)`."""
    if normalization == "none":
        return np.linalg.norm(target - source)
    if normalization == "unit":
        source = source / np.linalg.norm(source)
        return np.linalg.norm(target / np.linalg.norm(target) - source)
    source, target = source / lengths[0], target / lengths[1]
    if normalization == "length":
        return np.sqrt(np.mean((target - source) ** 2))
    return np.linalg.norm(target - source) / np.linalg.norm(source)


def loss(source, target, normalization, masks=(None, None)):
    """Per-window loss `(batch,)`, of projections `(batch, time, heads, dim)`."""
    losses = []
    for window in range(len(source[0])):
        products, lengths = [], []
        for (key, value), mask in zip((source, target), masks, strict=True):
            kept = None if mask is None else mask[window]
            lengths.append(key.shape[1] if mask is None else kept.sum())
            products.append(
                [
                    key_value_product(
                        key[window, :, head], value[window, :, head], kept
                    )
                    for head in range(key.shape[2])
                ]
            )
        per_head = [
            distance(a, b, normalization, lengths)
            for a, b in zip(*products, strict=True)
        ]
        losses.append(np.mean(per_head))
    return np.array(losses)


def softmax_attention(query, key, value):
    """One window and head: `(time, d_k)`, `(time, d_k)`, `(time, d_v)`."""
    scores = query @ key.T / np.sqrt(query.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ value


def cross_entropy(logits, labels):
    """Mean over the batch, of logits `(batch, classes)` and int labels."""
    logits = np.asarray(logits, "float64")
    log_sum = np.log(np.exp(logits).sum(axis=-1))
    return np.mean(log_sum - logits[np.arange(len(labels)), labels])


def divergence(source_logits, target_logits, temperature):
    """`T² · KL` of softened class probabilities, per window."""
    softened = []
    for logits in (source_logits, target_logits):
        scores = np.exp(np.asarray(logits, "float64") / temperature)
        softened.append(scores / scores.sum(axis=-1, keepdims=True))
    source, target = softened
    return temperature**2 * np.sum(source * np.log(source / target), axis=-1)
