"""Attention: each query takes the mean of the values, weighted by how well their keys match it.

Source: Vaswani et al., "Attention is all you need", 2017.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn import init
from minigrad.nn.arguments import check_bool, check_number, check_probability, check_tensor
from minigrad.nn.dropout import dropout
from minigrad.nn.layers import Linear, as_input, checked_size, linear
from minigrad.nn.module import Module, Parameter
from minigrad.tensors.creation import as_tensor, where, zeros
from minigrad.tensors.joining import cat
from minigrad.tensors.tensor import Tensor


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    """Return softmax(scale * Q @ K.T): over the keys that a boolean mask allows (True), or plus a float mask.

    The weights of a query that may attend to no key are 0, as in PyTorch's function.
    """
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.mT
    if mask is None:
        return scores.softmax(-1)
    if mask.dtype.kind == "b":
        allowed = mask.any(-1, keepdim=True)
        mask = where(mask | ~allowed, 0.0, -math.inf).to(query.dtype)
    else:
        mask = mask.to(query.dtype)
        allowed = (mask != -math.inf).any(-1, keepdim=True)
        mask = mask.masked_fill(~allowed, 0.0)
    weights = (scores + mask).softmax(-1)
    return weights if allowed.all() else weights.masked_fill(~allowed, 0.0)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(Q @ K.T / sqrt(E) + mask) @ V: for each query the weighted mean of the values.

    Args:
        query: Q, of shape (..., L, E): L positions of size E.
        key: K, of shape (..., S, E).
        value: V, of shape (..., S, Ev).
        attn_mask: of a shape that broadcasts to (..., L, S): booleans, True where a query may attend to a key; or
            floats, which are added to the scores (default None).
        dropout_p: the probability of dropping a weight, applied in evaluation, too (default 0.0).
        is_causal: let each query attend only to keys up to its own position (default False).
        scale: the factor of Q @ K.T (default 1 / sqrt(E)).
        enable_gqa: grouped-query attention: key and value have fewer heads (dimension -3) than query, and each serves
            several query heads (default False).

    Shape: (..., L, E), (..., S, E) and (..., S, Ev) -> (..., L, Ev).

    Raises:
        ValueError: if the shapes do not fit, or both `attn_mask` and `is_causal` are given.
        TypeError: if the mask is neither of booleans nor of floats.

    >>> from minigrad import nn, tensor
    >>> x = tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    check_tensor("scaled_dot_product_attention", query=query, key=key, value=value)
    name = "scaled_dot_product_attention"
    check_number(name, dropout_p=dropout_p)
    check_bool(name, is_causal=is_causal, enable_gqa=enable_gqa)
    if scale is not None:
        check_number(name, scale=scale)
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"{name}: the inputs must be (..., L, E), (..., S, E) and (..., S, Ev), got {shapes}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"{name}: query and key must have the same last dimension, key and value the same number of positions; "
            f"got {shapes}"
        )
    if attn_mask is not None and is_causal:
        raise ValueError(f"{name}: pass attn_mask or is_causal=True, not both")
    if enable_gqa:
        heads, groups = query.shape[-3], key.shape[-3]
        if heads % groups or value.shape[-3] != groups:
            raise ValueError(
                f"{name}: key and value must have the same number of heads, which divides the queries'; got {shapes}"
            )
        key, value = (t.repeat_interleave(heads // groups, -3) for t in (key, value))
    if is_causal:
        attn_mask = as_tensor(np.tri(query.shape[-2], key.shape[-2], dtype=bool))
    elif attn_mask is not None:
        attn_mask = as_tensor(attn_mask)
        try:
            np.broadcast_shapes(attn_mask.shape, (*query.shape[:-1], key.shape[-2]))
        except ValueError:
            raise ValueError(
                f"{name}: attn_mask of shape {attn_mask.shape} does not broadcast to (..., L, S), "
                f"{(*query.shape[:-1], key.shape[-2])}"
            ) from None
        if attn_mask.dtype.kind not in "bf":
            raise TypeError(
                f"{name}: attn_mask must be of booleans or floats, got {attn_mask.dtype}; .bool() converts it"
            )
    weights = _weights(query, key, attn_mask, scale)
    return dropout(weights, dropout_p) @ value if dropout_p else weights @ value


class MultiheadAttention(Module):
    """Attend in several heads side by side, each on its own linear projections of queries, keys and values.

    Head i computes softmax(q @ k.T / sqrt(head_dim)) @ v with q = query @ Wq[i].T + bq[i], and k and v likewise; the
    outputs of all heads, concatenated, go through a last linear layer.

    Args:
        embed_dim: the size E of queries and outputs; each head has head_dim = E / num_heads.
        num_heads: the number of heads.
        dropout: the probability of dropping an attention weight in training (default 0.0).
        bias: whether the projections have biases (default True).
        add_bias_kv: add a learned key and value to each sequence (default False).
        add_zero_attn: add a key and value of 0 to each sequence (default False).
        kdim, vdim: the sizes of keys and values (default E).
        batch_first: whether inputs and outputs are (N, L, E) instead of (L, N, E) (default False).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the parameters (default float32).

    Shape: (L, N, E), (S, N, kdim) and (S, N, vdim) -> (L, N, E) and weights (N, L, S), with N sequences; see `forward`.

    Raises:
        ValueError: if num_heads does not divide embed_dim.

    >>> from minigrad import nn, ones
    >>> x = ones(5, 2, 8)  # 5 positions, 2 sequences
    >>> output, weights = nn.MultiheadAttention(embed_dim=8, num_heads=2)(x, x, x)
    >>> output.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))

    Source: Vaswani et al., "Attention is all you need", 2017, section 3.2.2.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_probability("MultiheadAttention", dropout=dropout)
        check_bool("MultiheadAttention", bias=bias, add_bias_kv=add_bias_kv, add_zero_attn=add_zero_attn)
        check_bool("MultiheadAttention", batch_first=batch_first)
        self.embed_dim = checked_size("MultiheadAttention", "embed_dim", embed_dim)
        self.num_heads = checked_size("MultiheadAttention", "num_heads", num_heads)
        if embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim must be a multiple of num_heads, got embed_dim={embed_dim} and "
                f"num_heads={num_heads}"
            )
        self.head_dim = embed_dim // num_heads
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self.kdim = embed_dim if kdim is None else checked_size("MultiheadAttention", "kdim", kdim)
        self.vdim = embed_dim if vdim is None else checked_size("MultiheadAttention", "vdim", vdim)
        self._same_sizes = self.kdim == self.vdim == embed_dim

        def weight(*shape: int) -> Parameter:
            return Parameter(init.xavier_uniform_(zeros(*shape, device=device, dtype=dtype)))

        if self._same_sizes:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(zeros(3 * embed_dim, device=device, dtype=dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = (
                Parameter(init.xavier_normal_(zeros(1, 1, embed_dim, device=device, dtype=dtype))) for _ in range(2)
            )

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from the queries to the keys.

        Args:
            query: of shape (L, N, E), with `batch_first` (N, L, E); or (L, E) for one sequence.
            key, value: of shapes (S, N, kdim) and (S, N, vdim), or arranged as the query.
            key_padding_mask: of shape (N, S), or (S,): True where a key is padding, to be ignored; or floats, which
                are added to the scores (default None).
            need_weights: whether to return the attention weights (default True).
            attn_mask: of shape (L, S) or (N * num_heads, L, S): True where a query must not attend to a key (the
                opposite of `scaled_dot_product_attention`, as in PyTorch); or floats, which are added to the scores
                (default None).
            average_attn_weights: return the weights' mean over the heads (default True).
            is_causal: a hint that attn_mask, which is required then, is a causal mask (default False).

        Returns:
            The output, of the query's shape; and the weights, of shape (N, L, S), or of each head, (N, num_heads, L,
            S), or None. For one sequence they are without N.

        Raises:
            ValueError: if the shapes do not fit, or `is_causal` is given without `attn_mask`.
            TypeError: if a mask is neither of booleans nor of floats.
        """
        name = "MultiheadAttention"
        check_bool(name, need_weights=need_weights, average_attn_weights=average_attn_weights, is_causal=is_causal)
        if is_causal and attn_mask is None:
            raise ValueError(
                f"{name}: is_causal=True is only a hint about attn_mask, which is missing; pass the causal mask too, "
                "Transformer.generate_square_subsequent_mask(L)"
            )
        query, key, value = (as_input(name, t) for t in (query, key, value))
        self._check(query, key, value)
        single = query.ndim == 2

        def batch_first(t: Tensor) -> Tensor:
            return t.unsqueeze(0) if single else t if self.batch_first else t.transpose(0, 1)

        q = batch_first(query)
        k = q if key is query else batch_first(key)
        v = k if value is key else batch_first(value)
        n, length, _ = q.shape
        q, k, v = self._project(q, k, v)
        mask = self._mask(attn_mask, key_padding_mask, n, length, k.shape[1], q.dtype)
        if self.bias_k is not None and self.bias_v is not None:
            k, v = (cat([t, b.expand(n, 1, -1)], dim=1) for t, b in ((k, self.bias_k), (v, self.bias_v)))
        q, k, v = (t.reshape(n, t.shape[1], self.num_heads, self.head_dim).transpose(1, 2) for t in (q, k, v))
        if self.add_zero_attn:
            zero = as_tensor(np.zeros((n, self.num_heads, 1, self.head_dim), q.dtype))
            k, v = cat([k, zero], dim=2), cat([v, zero], dim=2)
        added_keys = k.shape[2] - mask.shape[-1] if mask is not None else 0
        if mask is not None and added_keys:
            mask = cat([mask, as_tensor(np.zeros((*mask.shape[:-1], added_keys), mask.dtype))], dim=-1)
        weights = _weights(q, k, mask, None)
        if self.training and self.dropout:
            weights = dropout(weights, self.dropout)
        out = (weights @ v).transpose(1, 2).reshape(n, length, self.embed_dim)
        out = self.out_proj(out)
        out = out.squeeze(0) if single else out if self.batch_first else out.transpose(0, 1)
        if not need_weights:
            return out, None
        weights = weights.mean(1) if average_attn_weights else weights
        return out, weights.squeeze(0) if single else weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        sizes = (self.embed_dim, self.kdim, self.vdim)
        shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
        if not query.ndim == key.ndim == value.ndim or query.ndim not in (2, 3):
            raise ValueError(f"MultiheadAttention: the three inputs must all have 3 dimensions, or 2; got {shapes}")
        if tuple(t.shape[-1] for t in (query, key, value)) != sizes:
            raise ValueError(
                f"MultiheadAttention: the last dimensions of query, key and value must be {sizes} "
                f"(embed_dim, kdim, vdim); got {shapes}"
            )
        if key.shape[:-1] != value.shape[:-1]:
            raise ValueError(
                f"MultiheadAttention: key and value must have the same length and batch size; got {shapes}"
            )
        batch = 0 if self.batch_first else 1
        if query.ndim == 3 and query.shape[batch] != key.shape[batch]:
            hint = "" if self.batch_first else ". If the batch is the first dimension, pass batch_first=True"
            raise ValueError(
                f"MultiheadAttention: query and key must have the same batch size, dimension {batch}, got {shapes}"
                f"{hint}"
            )

    def _project(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the linear projections of queries, keys and values.

        If all three are the same, it is one product, unless they are larger than a projection's weights: then the
        gradients of slices of the product would cost more than those of slices of the weights.
        """
        e = self.embed_dim
        bias = self.in_proj_bias
        if self._same_sizes and q is k is v and q.numel() <= e * e:
            joint = linear(q, self.in_proj_weight, bias)
            return joint[..., :e], joint[..., e : 2 * e], joint[..., 2 * e :]
        if self._same_sizes:
            weights = tuple(self.in_proj_weight[i * e : (i + 1) * e] for i in range(3))
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = [None] * 3 if bias is None else [bias[i * e : (i + 1) * e] for i in range(3)]
        projected = [linear(t, w, b) for t, w, b in zip((q, k, v), weights, biases)]
        return projected[0], projected[1], projected[2]

    def _mask(self, attn_mask: Any, padding: Any, n: int, length: int, keys: int, dtype: np.dtype) -> Tensor | None:
        """Return the sum of both masks as floats, to be added to the scores (N, num_heads, L, S)."""
        mask: Tensor | None = None
        if attn_mask is not None:
            mask = _float_mask("attn_mask", attn_mask, dtype)
            if mask.shape == (n * self.num_heads, length, keys):
                mask = mask.reshape(n, self.num_heads, length, keys)
            elif mask.shape == (length, keys):
                mask = mask.reshape(1, 1, length, keys)
            else:
                raise ValueError(
                    f"MultiheadAttention: attn_mask must have shape {(length, keys)} or "
                    f"{(n * self.num_heads, length, keys)}, got {mask.shape}"
                )
        if padding is not None:
            padding = _float_mask("key_padding_mask", padding, dtype)
            if padding.shape not in ((n, keys), (keys,)) or (padding.ndim == 1 and n != 1):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask must have shape {(n, keys)}, one value per key, "
                    f"got {padding.shape}"
                )
            padding = padding.reshape(n, 1, 1, keys)
            mask = padding if mask is None else mask + padding
        return mask


def _float_mask(name: str, mask: Any, dtype: np.dtype) -> Tensor:
    """Return the mask as floats, to be added to scores: -inf where a boolean mask is True, which forbids the key."""
    mask = as_tensor(mask)
    if mask.dtype.kind == "b":
        return as_tensor(np.where(mask._array, -math.inf, 0.0).astype(dtype))
    if mask.dtype.kind != "f":
        raise TypeError(
            f"MultiheadAttention: {name} must be of booleans or floats, got {mask.dtype}; .bool() converts it"
        )
    return mask.to(dtype)
