"""Attention: queries look up values by how well they match keys. Source: Vaswani et al., 2017."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn import init
from minigrad.nn.dropout import dropout
from minigrad.nn.layers import Linear, as_input, checked_size, linear
from minigrad.nn.module import Module, Parameter
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.joining import cat
from minigrad.tensors.tensor import Tensor


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    """softmax(Q Kᵀ scale), without what a boolean mask forbids (False) or with a mask of floats added.

    A row in which everything is forbidden has the weights 0, as in PyTorch's function.
    """
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.mT
    if mask is None:
        return scores.softmax(-1)
    if mask.dtype.kind == "b":
        allowed = mask.any(-1, keepdim=True)
        scores = scores.masked_fill(~mask & allowed, -math.inf)
    else:
        mask = mask.to(query.dtype)
        allowed = (mask != -math.inf).any(-1, keepdim=True)
        scores = scores + mask.masked_fill(~allowed, 0.0)
    weights = scores.softmax(-1)
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
    """softmax(Q Kᵀ / sqrt(E)) V: for each query the mean of the values, weighted by how well their keys match.

    Args:
        query: of shape (..., L, E).
        key: of shape (..., S, E).
        value: of shape (..., S, Ev).
        attn_mask: of a shape that broadcasts to (..., L, S): booleans, True where a query may look; or floats, which
            are added to the scores.
        dropout_p: the probability of dropout of the weights; applied whenever it is above 0.
        is_causal: each query may look at keys up to its own place only.
        scale: in place of 1 / sqrt(E).
        enable_gqa: the heads, dimension -3, of key and value are fewer, and each serves several of the queries'.

    Returns:
        A tensor of shape (..., L, Ev).

    Raises:
        ValueError: for shapes that do not fit, or both a mask and `is_causal`.
    """
    name = "scaled_dot_product_attention"
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"{name}: takes (..., L, E), (..., S, E), (..., S, Ev); got {shapes}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"{name}: query and key must have the same last dimension, key and value the same number of places; "
            f"got {shapes}"
        )
    if attn_mask is not None and is_causal:
        raise ValueError(f"{name}: give attn_mask or is_causal=True, not both")
    if enable_gqa:
        heads, groups = query.shape[-3], key.shape[-3]
        if heads % groups or value.shape[-3] != groups:
            raise ValueError(f"{name}: the heads of the queries are no multiple of the others': {shapes}")
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
            raise TypeError(f"{name}: attn_mask is of booleans or floats, not {attn_mask.dtype}; .bool() converts it")
    weights = _weights(query, key, attn_mask, scale)
    return dropout(weights, dropout_p) @ value if dropout_p else weights @ value


class MultiheadAttention(Module):
    """Attention in `num_heads` heads side by side, each on its own projection of queries, keys and values.

    Args:
        embed_dim: the size E of the model; each head has E / num_heads.
        num_heads: the number of heads.
        dropout: the probability of dropout of the attention weights.
        bias: whether the projections have biases.
        add_bias_kv: whether a learnt key and value are added to each sequence.
        add_zero_attn: whether a key and value of 0 are added to each sequence.
        kdim, vdim: the sizes of keys and values, if not E.
        batch_first: whether inputs and outputs are (N, L, E) instead of (L, N, E).
        dtype: of the parameters.

    Raises:
        ValueError: when num_heads does not divide embed_dim.
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
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.embed_dim = checked_size("MultiheadAttention", "embed_dim", embed_dim)
        self.num_heads = checked_size("MultiheadAttention", "num_heads", num_heads)
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim={embed_dim} does not divide into num_heads={num_heads}")
        self.head_dim = embed_dim // num_heads
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self._same = self.kdim == self.vdim == embed_dim

        def weight(*shape: int) -> Parameter:
            return Parameter(init.xavier_uniform_(zeros(*shape, dtype=dtype)))

        if self._same:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(zeros(3 * embed_dim, dtype=dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = (
                Parameter(init.xavier_normal_(zeros(1, 1, embed_dim, dtype=dtype))) for _ in range(2)
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
        """Attention of the queries to the keys.

        Args:
            query: of shape (L, N, E), with `batch_first` (N, L, E), or (L, E).
            key, value: of shapes (S, N, kdim) and (S, N, vdim), arranged likewise.
            key_padding_mask: of shape (N, S), or (S,): True where a key is to be ignored; or floats, to be added.
            need_weights: whether to give the attention weights.
            attn_mask: of shape (L, S) or (N * num_heads, L, S): True where a query may not look (the opposite of
                `scaled_dot_product_attention`'s, as in PyTorch); or floats, to be added.
            average_attn_weights: whether the weights are the mean over the heads.
            is_causal: says that attn_mask is a causal mask.

        Returns:
            The result, of the query's shape; and the weights of shape (N, L, S), with all heads (N, num_heads, L, S),
            or None.

        Raises:
            ValueError: for shapes that do not fit, and is_causal without attn_mask.
        """
        if is_causal and attn_mask is None:
            raise ValueError("MultiheadAttention: is_causal says what attn_mask is; give that too")
        query, key, value = (as_input("MultiheadAttention", t) for t in (query, key, value))
        self._check(query, key, value)
        single = query.ndim == 2

        def arranged(t: Tensor) -> Tensor:
            return t.unsqueeze(0) if single else t if self.batch_first else t.transpose(0, 1)

        q = arranged(query)
        k = q if key is query else arranged(key)
        v = k if value is key else arranged(value)
        n, length, _ = q.shape
        q, k, v = self._projected(q, k, v)
        mask = self._mask(attn_mask, key_padding_mask, n, length, k.shape[1], q.dtype)
        if self.bias_k is not None and self.bias_v is not None:
            k, v = (cat([t, b.expand(n, 1, -1)], dim=1) for t, b in ((k, self.bias_k), (v, self.bias_v)))
        q, k, v = (t.reshape(n, t.shape[1], self.num_heads, self.head_dim).transpose(1, 2) for t in (q, k, v))
        if self.add_zero_attn:
            nothing = as_tensor(np.zeros((n, self.num_heads, 1, self.head_dim), q.dtype))
            k, v = cat([k, nothing], dim=2), cat([v, nothing], dim=2)
        more = k.shape[2] - mask.shape[-1] if mask is not None else 0
        if mask is not None and more:
            mask = cat([mask, as_tensor(np.zeros((*mask.shape[:-1], more), mask.dtype))], dim=-1)
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
            raise ValueError(f"MultiheadAttention: takes three tensors of 3 dimensions, or of 2; got {shapes}")
        if tuple(t.shape[-1] for t in (query, key, value)) != sizes:
            raise ValueError(
                f"MultiheadAttention: the last dimensions of query, key and value should be {sizes} "
                f"(embed_dim, kdim, vdim); got {shapes}"
            )
        if key.shape[:-1] != value.shape[:-1]:
            raise ValueError(f"MultiheadAttention: key and value should be of the same length and batch; got {shapes}")
        batch = 0 if self.batch_first else 1
        if query.ndim == 3 and query.shape[batch] != key.shape[batch]:
            other = " With batch_first=True the batch is the first dimension" if not self.batch_first else ""
            raise ValueError(
                f"MultiheadAttention: the batches, dimension {batch}, of query and key differ; got {shapes}.{other}"
            )

    def _projected(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        e = self.embed_dim
        bias = self.in_proj_bias
        if self._same and q is k is v:
            joint = linear(q, self.in_proj_weight, bias)
            return joint[..., :e], joint[..., e : 2 * e], joint[..., 2 * e :]
        if self._same:
            weights = tuple(self.in_proj_weight[i * e : (i + 1) * e] for i in range(3))
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = [None] * 3 if bias is None else [bias[i * e : (i + 1) * e] for i in range(3)]
        projected = [linear(t, w, b) for t, w, b in zip((q, k, v), weights, biases)]
        return projected[0], projected[1], projected[2]

    def _mask(self, attn_mask: Any, padding: Any, n: int, length: int, keys: int, dtype: np.dtype) -> Tensor | None:
        """Both masks as one of floats, to be added to the scores (N, num_heads, L, S)."""
        mask: Tensor | None = None
        if attn_mask is not None:
            mask = _added("attn_mask", attn_mask, dtype)
            if mask.shape == (n * self.num_heads, length, keys):
                mask = mask.reshape(n, self.num_heads, length, keys)
            elif mask.shape == (length, keys):
                mask = mask.reshape(1, 1, length, keys)
            else:
                raise ValueError(
                    f"MultiheadAttention: attn_mask should have the shape {(length, keys)}, or "
                    f"{(n * self.num_heads, length, keys)}; got {mask.shape}"
                )
        if padding is not None:
            more = _added("key_padding_mask", padding, dtype)
            if more.shape not in ((n, keys), (keys,)) or (more.ndim == 1 and n != 1):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask should have the shape {(n, keys)}, one for each key; "
                    f"got {more.shape}"
                )
            more = more.reshape(n, 1, 1, keys)
            mask = more if mask is None else mask + more
        return mask


def _added(name: str, mask: Any, dtype: np.dtype) -> Tensor:
    """A mask as floats that are added: -inf where booleans say True, not allowed."""
    mask = as_tensor(mask)
    if mask.dtype.kind == "b":
        return as_tensor(np.where(mask._array, -math.inf, 0.0).astype(dtype))
    if mask.dtype.kind != "f":
        raise TypeError(f"MultiheadAttention: {name} is of booleans or floats, not {mask.dtype}; .bool() converts it")
    return mask.to(dtype)
