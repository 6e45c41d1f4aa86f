"""Self-attention whose query, key and value projections can be read."""

import contextlib
import contextvars
import math
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import keras
from keras import ops

from keras_dcat.quantization import quantize_inside, quantized_inside
from keras_dcat.real_numbers import is_number
from keras_dcat.shown import formed, shown_as_printed
from keras_dcat.typing import Config, Shape, Tensor

_Captures: TypeAlias = tuple[tuple["AttentionKV", list["Projections"]], ...]

_LARGEST_FLOAT16 = 65504.0

_open_captures: contextvars.ContextVar[_Captures] = contextvars.ContextVar(
    "open_captures", default=()
)


@shown_as_printed
class Projections(NamedTuple):
    """What one call of `AttentionKV` projected its inputs to.

    Attributes:
        query: float tensor `(batch, time, heads, key_dim)`.
        key: float tensor `(batch, time, heads, key_dim)`, zero where masked.
        value: float tensor `(batch, time, heads, value_dim)`, zero where masked.
        mask: bool tensor `(batch, time)`, False at padding, or `None`.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None = None

    def __str__(self) -> str:
        parts = [f"{n} {formed(x)}" for n, x in self._asdict().items() if x is not None]
        return f"<Projections {', '.join(parts)}>"


@keras.saving.register_keras_serializable(package="keras_dcat")
class AttentionKV(keras.layers.Layer):
    """Self-attention whose key and value projections can be read.

    Two modalities are aligned by what their attention compares (keys) and
    passes on (values), so this layer hands both out instead of hiding them:

    - `attention.query`, `attention.key` and `attention.value` are the
      projection layers, with kernels `(features, heads, dim)`;
    - `attention.project(inputs)` applies them to tensors;
    - `with attention.capture() as captured:` reads them out of any model that
      holds this layer, however deep, from the pass that the model makes anyway.

    The heads are concatenated; there is no output projection, so what leaves
    the layer is made of `value` alone. Put a `Dense` behind it to mix heads.

    Args:
        key_dim: int. Size d_k of the query and key projections of a head.
        value_dim: int. Size d_v of the values of a head. Defaults to `key_dim`.
        num_heads: int. Number of heads, each with its own projections.
        attention: `"softmax"` for `softmax(scale · QKᵀ) V`, or `"linear"` for
            the softmax-free `scale · Q (KᵀV)` that the transfer loss is derived
            from. The latter grows with the number of steps: follow it with
            a `LayerNormalization`. Under `mixed_float16`, where it has no larger
            number, it stays at 65,504: give long windows a `scale` of 1 / steps.
        scale: finite float. Defaults to `1 / √key_dim` for `"softmax"`, as in
            `keras.layers.MultiHeadAttention`, and to 1 for `"linear"`.
        dropout: float. Share of attention weights dropped in training. There
            are none to drop with `"linear"`.
        use_bias: bool. Whether the projections have a bias.
        kernel_initializer: initializer of the three kernels.
        bias_initializer: initializer of the three biases.
        kernel_regularizer: regularizer of the three kernels.
        seed: int. Seed of the dropout.
        **kwargs: `name`, `dtype`, `trainable`, as for any layer.

    Call args:
        inputs: float tensor `(batch, time, features)`.
        mask: bool tensor `(batch, time)`. False marks padding, which counts
            neither in the attention nor in `KᵀV`. Taken from the layer before
            (`Masking`, `Embedding`) when it makes one.

    Returns:
        float tensor `(batch, time, num_heads · value_dim)`.

    Raises:
        ValueError: if a size is not positive, if `attention` is unknown, if `scale` is
            not finite, if `inputs` is not of rank 3, or if `mask` is not of its first
            two axes.

    Example:

    >>> windows = ops.ones((4, 50, 6))  # 4 windows of 1 s at 50 Hz
    >>> attention = AttentionKV(key_dim=16, value_dim=8)
    >>> ops.shape(attention(windows))
    (4, 50, 8)

    Keys and values of a layer inside a model, from one pass of the model:

    >>> model = keras.Sequential([keras.Input((50, 6)), attention])
    >>> with attention.capture() as captured:
    ...     outputs = model(windows)
    >>> ops.shape(captured[0].key), ops.shape(captured[0].value)
    ((4, 50, 1, 16), (4, 50, 1, 8))

    Reference:
        Daher et al., 2025, [D-CAT](https://arxiv.org/abs/2509.09747);
        Vaswani et al., 2017, [Attention](https://arxiv.org/abs/1706.03762).
    """

    def __init__(
        self,
        key_dim: int,
        value_dim: int | None = None,
        num_heads: int = 1,
        attention: str = "softmax",
        *,
        scale: float | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        value_dim = key_dim if value_dim is None else value_dim
        for name, size in [
            ("key_dim", key_dim),
            ("value_dim", value_dim),
            ("num_heads", num_heads),
        ]:
            if not isinstance(size, int) or size < 1:
                raise ValueError(
                    f"`{name}` must be a positive int. Received: {name}={size!r}. "
                    "Pass a size of at least 1."
                )
        if attention not in ("softmax", "linear"):
            raise ValueError(
                "`attention` must be 'softmax' or 'linear'. "
                f"Received: attention={attention!r}. "
                "Use 'softmax' unless you need Q(KᵀV) itself."
            )
        if attention == "linear" and dropout:
            raise ValueError(
                "`dropout` drops softmax attention weights. "
                f"Received: dropout={dropout} with attention='linear'. "
                "Put a `keras.layers.Dropout` behind the layer instead."
            )
        _check_scale(scale)
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.num_heads = num_heads
        self.attention = attention
        self.scale = None if scale is None else float(scale)
        self.dropout = dropout
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True
        self.query = self._projection("query", key_dim)
        self.key = self._projection("key", key_dim)
        self.value = self._projection("value", value_dim)
        self.attention_dropout = keras.layers.Dropout(
            dropout, seed=seed, dtype=self.dtype_policy, name="attention_dropout"
        )

    def _projection(self, name: str, size: int) -> keras.layers.Layer:
        layer = keras.layers.EinsumDense(
            "btf,fhd->bthd",
            output_shape=(None, self.num_heads, size),
            bias_axes="hd" if self.use_bias else None,
            # Clones: one unseeded initializer gives every kernel the same values.
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer.clone(),
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.supports_masking = True
        return layer

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) != 3:
            raise ValueError(
                "`inputs` must have shape (batch, time, features). "
                f"Received: shape {tuple(input_shape)}. "
                "Add a time axis, or flatten the extra ones into `features`."
            )
        for layer in (self.query, self.key, self.value):
            layer.build(input_shape)

    def project(self, inputs: Tensor, mask: Tensor | None = None) -> Projections:
        """Projects `inputs` as `call` does.

        Args:
            inputs: float tensor `(batch, time, features)`.
            mask: bool tensor `(batch, time)`. False marks padding.

        Returns:
            `Projections`: query, key, value, each `(batch, time, heads, dim)`,
            and the mask. Keys and values are zero where masked, so that `KᵀV`
            is a sum over real steps.
        """
        if not self.built:
            self.build(tuple(inputs.shape))
        key, value = self.key(inputs), self.value(inputs)
        if mask is not None:
            _check_mask(mask, inputs)
            kept = ops.cast(mask, "bool")[:, :, None, None]
            key = ops.where(kept, key, ops.zeros_like(key))
            value = ops.where(kept, value, ops.zeros_like(value))
        return Projections(self.query(inputs), key, value, mask)

    @contextlib.contextmanager
    def capture(self) -> Iterator[list[Projections]]:
        """Reads the projections of every call made inside the `with` block.

        Works wherever the layer sits (Functional, Sequential, nested and
        subclassed models) and wherever the block runs (eagerly, or while
        a `tf.function`, a `jax.jit` or a Keras step is being traced). The model
        must be built before: the pass that builds one is captured as well.

        Yields:
            list that gets one `Projections` per call of this layer.
        """
        captured: list[Projections] = []
        token = _open_captures.set((*_open_captures.get(), (self, captured)))
        try:
            yield captured
        finally:
            _open_captures.reset(token)

    def call(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        projections = self.project(inputs, mask)
        for layer, captured in _open_captures.get():
            if layer is self:
                captured.append(projections)
        if self.attention == "softmax":
            outputs = self._softmax_attention(projections, training)
        else:
            outputs = self._linear_attention(projections)
        if self.compute_dtype == "float16":
            # Of more there is no float16, and infinity would be NaN in the next layer.
            outputs = ops.clip(outputs, -_LARGEST_FLOAT16, _LARGEST_FLOAT16)
        batch, time = ops.shape(inputs)[:2]
        outputs = ops.reshape(outputs, (batch, time, self.num_heads * self.value_dim))
        return ops.cast(outputs, self.compute_dtype)

    def _softmax_attention(
        self, projections: Projections, training: bool | None
    ) -> Tensor:
        query, key, value, mask = projections
        scale = self.key_dim**-0.5 if self.scale is None else self.scale
        if _is_float16(key):  # its products are infinite from 65,520 on
            query, key = (ops.cast(x, "float32") for x in (query, key))
        scores = ops.einsum("bqhd,bkhd->bhqk", query * scale, key)
        # float32: -1e9 is infinite in float16, and a row of padding would be NaN
        scores = ops.cast(scores, _at_least_float32(scores))
        if mask is not None:
            kept = ops.cast(mask, "bool")[:, None, None, :]
            scores = ops.where(kept, scores, -1e9)
        weights = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
        weights = self.attention_dropout(weights, training=training)
        return ops.einsum("bhqk,bkhd->bqhd", weights, value)

    def _linear_attention(self, projections: Projections) -> Tensor:
        # float32: KᵀV sums over time and overflows float16 in long windows
        query, key, value = (ops.cast(x, _at_least_float32(x)) for x in projections[:3])
        scale = 1.0 if self.scale is None else self.scale
        product = ops.einsum("bkhd,bkhe->bhde", key, value)
        return ops.einsum("bqhd,bhde->bqhe", query * scale, product)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], self.num_heads * self.value_dim)

    def get_config(self) -> Config:
        quantized = quantized_inside(self)
        return {
            **super().get_config(),
            **({"quantized": quantized} if quantized else {}),
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "num_heads": self.num_heads,
            "attention": self.attention,
            "scale": self.scale,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: Config) -> "AttentionKV":
        config = dict(config)
        quantized = config.pop("quantized", {})
        layer = super().from_config(config)
        quantize_inside(layer, quantized)
        return layer


def find_attention(model: keras.Model, name: str | None = None) -> AttentionKV:
    """The one `AttentionKV` of a model, however deep it is nested.

    Args:
        model: a `keras.Model` of any kind.
        name: str. Name of the layer, for a model that has several.

    Returns:
        the `AttentionKV` layer.

    Raises:
        ValueError: if there is none, if there are several and no `name`, or
            if none has that name.
    """
    layers = [x for x in model._flatten_layers() if isinstance(x, AttentionKV)]
    if not layers:
        raise ValueError(
            "A model must hold a `keras_dcat.AttentionKV` layer to take part in "
            f"transfer. Received: {model.name!r}, which has no `AttentionKV`. "
            "Put an `AttentionKV` between its encoder and its classifier."
        )
    names = sorted(layer.name for layer in layers)
    chosen = [layer for layer in layers if name in (None, layer.name)]
    if not chosen:
        raise ValueError(
            f"No `AttentionKV` of {model.name!r} is named {name!r}. "
            f"Received: a model whose layers are named {names}. "
            "Pass one of these names."
        )
    if len(chosen) > 1:
        raise ValueError(
            f"A model must hold one `AttentionKV`, or the one to use must be named. "
            f"Received: {model.name!r} with layers named {names}. "
            "Pass `source_attention=` or `target_attention=` with a unique name."
        )
    return chosen[0]


def _check_scale(scale: float | None) -> None:
    if scale is None or (is_number(scale) and math.isfinite(scale)):
        return
    raise ValueError(
        "`scale` must be a finite number. "
        f"Received: scale={scale!r}. Leave it out for the usual one."
    )


def _check_mask(mask: Tensor, inputs: Tensor) -> None:
    shapes = [tuple(getattr(x, "shape", ())) for x in (mask, inputs)]
    sizes = zip(shapes[0], shapes[1][:2], strict=False)
    if len(shapes[0]) == 2 and all(a is None or b is None or a == b for a, b in sizes):
        return
    raise ValueError(
        "`mask` must have shape (batch, time), as the inputs have. "
        f"Received: shape {shapes[0]} for inputs of shape {shapes[1]}. "
        "Give one bool for each step, False at padding."
    )


def _is_float16(tensor: Tensor) -> bool:
    return keras.backend.standardize_dtype(tensor.dtype) == "float16"


def _at_least_float32(tensor: Tensor) -> str:
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float64" if dtype == "float64" else "float32"
