"""The transformer: stacks of layers, each of attention and a small network.

Source: Vaswani et al., "Attention is all you need", 2017.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.nn import init
from minigrad.nn.activations import gelu, relu
from minigrad.nn.arguments import check_bool, check_int, check_positive, refuse
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.containers import ModuleList
from minigrad.nn.dropout import Dropout
from minigrad.nn.layers import Linear, as_input
from minigrad.nn.module import Module
from minigrad.nn.normalization import LayerNorm
from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import default
from minigrad.tensors.tensor import Tensor

Activation = str | Callable[[Tensor], Tensor]


def _activation(activation: Activation) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    known: dict[str, Callable[[Tensor], Tensor]] = {"relu": relu, "gelu": gelu}
    if not isinstance(activation, str) or activation not in known:
        raise ValueError(f"activation must be 'relu', 'gelu' or a function, got {activation!r}")
    return known[activation]


class _Layer(Module):
    """The base class of encoder and decoder layers: the network after the attention, and the residual connections."""

    norm_first: bool
    activation: Callable[[Tensor], Tensor]
    linear1: Linear
    linear2: Linear
    dropout: Dropout

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _residual(self, x: Tensor, part: Callable[[Tensor], Tensor], norm: LayerNorm, drop: Dropout) -> Tensor:
        """Return norm(x + part(x)), or with `norm_first` x + part(norm(x))."""
        return x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a network of two linear layers, each with a residual connection and layer norm.

    x = norm1(x + dropout(attention(x, x, x)))
    y = norm2(x + dropout(linear2(dropout(activation(linear1(x))))))

    With `norm_first`, x + dropout(part(norm(x))) instead of norm(x + dropout(part(x))).

    Args:
        d_model: the size E of the vectors.
        nhead: the number of attention heads, a divisor of E.
        dim_feedforward: the hidden size of the network (default 2048; usual: 4 E).
        dropout: the probability of dropout, after each part and inside (default 0.1).
        activation: of the network: 'relu', 'gelu' or a function (default relu).
        layer_norm_eps: the eps of the layer norms (default 1e-5).
        batch_first: whether inputs and outputs are (N, L, E) instead of (L, N, E) (default False).
        norm_first: normalize before each part instead of after, "pre-norm" (default False).
        bias: whether linear layers and layer norms have biases (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the parameters (default float32).

    Shape: (L, N, E) -> (L, N, E), with L positions and N sequences.

    Raises:
        ValueError: if nhead does not divide d_model, or `activation` is unknown.

    >>> from minigrad import nn, ones
    >>> layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(ones(5, 3, 8)).shape
    (5, 3, 8)

    Source: Vaswani et al., 2017; `norm_first`: Xiong et al., "On layer normalization in the transformer
    architecture", 2020.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_bool(class_name(self), norm_first=norm_first)
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias=bias, batch_first=batch_first, device=device, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, device=device, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.activation = _activation(activation)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return the layer's output.

        Args:
            src: of shape (L, N, E), with `batch_first` (N, L, E); or (L, E) for one sequence.
            src_mask, src_key_padding_mask, is_causal: attn_mask, key_padding_mask and is_causal of
                `MultiheadAttention`.

        Shape: (L, N, E) -> (L, N, E).
        """

        def attend_to_self(x: Tensor) -> Tensor:
            return self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        x = self._residual(src, attend_to_self, self.norm1, self.dropout1)
        return self._residual(x, self._feed_forward, self.norm2, self.dropout2)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output (`memory`), then a network of two linear layers.

    x = norm1(x + dropout(attention(x, x, x)))
    x = norm2(x + dropout(attention(x, memory, memory)))
    y = norm3(x + dropout(linear2(dropout(activation(linear1(x))))))

    With `norm_first`, x + dropout(part(norm(x))) instead of norm(x + dropout(part(x))).

    Args:
        d_model: the size E of the vectors.
        nhead: the number of attention heads, a divisor of E.
        dim_feedforward: the hidden size of the network (default 2048; usual: 4 E).
        dropout: the probability of dropout, after each part and inside (default 0.1).
        activation: of the network: 'relu', 'gelu' or a function (default relu).
        layer_norm_eps: the eps of the layer norms (default 1e-5).
        batch_first: whether inputs and outputs are (N, L, E) instead of (L, N, E) (default False).
        norm_first: normalize before each part instead of after, "pre-norm" (default False).
        bias: whether linear layers and layer norms have biases (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the parameters (default float32).

    Shape: (L, N, E) and memory (S, N, E) -> (L, N, E).

    Raises:
        ValueError: if nhead does not divide d_model, or `activation` is unknown.

    >>> from minigrad import nn, ones
    >>> layer = nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(ones(5, 3, 8), ones(7, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_bool(class_name(self), norm_first=norm_first)
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias=bias, batch_first=batch_first, device=device, dtype=dtype
        )
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout, bias=bias, batch_first=batch_first, device=device, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, device=device, dtype=dtype)
        self.norm_first = norm_first
        self.norm1, self.norm2, self.norm3 = (
            LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype) for _ in range(3)
        )
        self.dropout1, self.dropout2, self.dropout3 = (Dropout(dropout) for _ in range(3))
        self.activation = _activation(activation)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the layer's output.

        Args:
            tgt: the decoder's sequence, of shape (L, N, E), with `batch_first` (N, L, E); or (L, E).
            memory: the encoder's output, of shape (S, N, E), or arranged as tgt.
            tgt_mask, tgt_key_padding_mask, tgt_is_causal: attn_mask, key_padding_mask and is_causal of the
                self-attention; see `MultiheadAttention`.
            memory_mask, memory_key_padding_mask, memory_is_causal: those of the attention to memory.

        Shape: (L, N, E) and (S, N, E) -> (L, N, E).
        """

        def attend_to_self(x: Tensor) -> Tensor:
            return self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def attend_to_memory(x: Tensor) -> Tensor:
            mask, padding = memory_mask, memory_key_padding_mask
            return self.multihead_attn(x, memory, memory, padding, False, mask, is_causal=memory_is_causal)[0]

        x = self._residual(tgt, attend_to_self, self.norm1, self.dropout1)
        x = self._residual(x, attend_to_memory, self.norm2, self.dropout2)
        return self._residual(x, self._feed_forward, self.norm3, self.dropout3)


class _Stack(Module):
    """The base class of encoder and decoder: copies of one layer in sequence."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        check_int(class_name(self), num_layers=num_layers)
        check_positive(class_name(self), num_layers=num_layers)
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm


class TransformerEncoder(_Stack):
    """Apply `num_layers` copies of an encoder layer in sequence, then a normalization if there is one.

    Args:
        encoder_layer: a `TransformerEncoderLayer`; each layer starts as a copy of it, with weights of its own.
        num_layers: the number of layers.
        norm: a module for the result, as a `LayerNorm` after pre-norm layers (default None).
        enable_nested_tensor, mask_check: for PyTorch's signature; they have no effect.

    Shape: (L, N, E) -> (L, N, E).

    >>> from minigrad import nn, ones
    >>> layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> nn.TransformerEncoder(layer, num_layers=2)(ones(5, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Return the output of the last layer, normalized.

        Args:
            src: of shape (L, N, E), with `batch_first` layers (N, L, E); or (L, E).
            mask, src_key_padding_mask, is_causal: passed to every layer; see `MultiheadAttention`.

        Shape: (L, N, E) -> (L, N, E).
        """
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(_Stack):
    """Apply `num_layers` copies of a decoder layer in sequence, then a normalization if there is one.

    Args:
        decoder_layer: a `TransformerDecoderLayer`; each layer starts as a copy of it, with weights of its own.
        num_layers: the number of layers.
        norm: a module for the result, as a `LayerNorm` after pre-norm layers (default None).

    Shape: (L, N, E) and memory (S, N, E) -> (L, N, E).

    >>> from minigrad import nn, ones
    >>> layer = nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> nn.TransformerDecoder(layer, num_layers=2)(ones(5, 3, 8), ones(7, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the output of the last layer, normalized.

        Args:
            tgt: the decoder's sequence, of shape (L, N, E), with `batch_first` layers (N, L, E); or (L, E).
            memory: the encoder's output, of shape (S, N, E), or arranged as tgt.
            tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal:
                passed to every layer; see `TransformerDecoderLayer`.

        Shape: (L, N, E) and (S, N, E) -> (L, N, E).
        """
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, *masks, tgt_is_causal=bool(tgt_is_causal), memory_is_causal=memory_is_causal)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder of the source sequence and a decoder, which attends to it: y = decoder(tgt, encoder(src)).

    Weight matrices start as by `init.xavier_uniform_`.

    Args:
        d_model: the size E of the vectors (default 512).
        nhead: the number of attention heads, a divisor of E (default 8).
        num_encoder_layers, num_decoder_layers: the numbers of layers (default 6).
        dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, dtype: as in
            `TransformerEncoderLayer`.
        custom_encoder, custom_decoder: modules to use instead of the standard ones (default None).

    Shape: (S, N, E) and (L, N, E) -> (L, N, E), with S source and L target positions, and N sequences.

    Raises:
        ValueError: if nhead does not divide d_model, or `activation` is unknown.

    >>> from minigrad import nn, ones
    >>> net = nn.Transformer(d_model=8, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> net(ones(7, 3, 8), ones(5, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for argument, custom in {"custom_encoder": custom_encoder, "custom_decoder": custom_decoder}.items():
            if custom is not None and not isinstance(custom, Module):
                refuse("Transformer", argument, "a module", custom)
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*settings, device=device, dtype=dtype)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*settings, device=device, dtype=dtype)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        for p in self._all_parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoder's output.

        Args:
            src: the source sequence, of shape (S, N, E), with `batch_first` (N, S, E); or (S, E).
            tgt: the target sequence, of shape (L, N, E), or arranged as src.
            src_mask, src_key_padding_mask, src_is_causal: passed to the encoder; see `TransformerEncoder`.
            tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal:
                passed to the decoder; see `TransformerDecoder`.

        Shape: (S, N, E) and (L, N, E) -> (L, N, E).

        Raises:
            ValueError: if the shapes do not fit.
        """
        batch = 0 if self.batch_first else 1
        src, tgt = as_input("Transformer", src), as_input("Transformer", tgt)
        if src.shape[-1:] != (self.d_model,) or tgt.shape[-1:] != (self.d_model,):
            raise ValueError(
                f"Transformer: the last dimensions of src and tgt must be d_model={self.d_model}, got {src.shape} and "
                f"{tgt.shape}"
            )
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise ValueError(
                f"Transformer: src and tgt must have the same batch size, dimension {batch}, got {src.shape} and "
                f"{tgt.shape}"
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self.decoder(tgt, memory, *masks, tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: Any = None) -> Tensor:
        """Return a causal mask (sz, sz), to be added to scores: 0 on and below the diagonal, -inf above.

        With it, each position attends to itself and those before it.

        >>> from minigrad import nn
        >>> nn.Transformer.generate_square_subsequent_mask(2).tolist()
        [[0.0, -inf], [0.0, 0.0]]
        """
        allowed = np.tri(sz, dtype=bool)
        return as_tensor(np.where(allowed, 0.0, -math.inf).astype(dtype or default.dtype))
