"""Recurrent layers and their cells, RNN, LSTM and GRU, with PyTorch's names, shapes and parameters."""

from __future__ import annotations

import math
import warnings
from typing import Any, Generic, TypeVar

import numpy as np

from minigrad.nn import init
from minigrad.nn.arguments import check_arguments
from minigrad.nn.dropout import dropout
from minigrad.nn.layers import as_input, checked_size, linear
from minigrad.nn.module import Module, Parameter
from minigrad.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from minigrad.output.words import class_name
from minigrad.primitives import recurrent as primitives
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.joining import cat, stack
from minigrad.tensors.tensor import Tensor

# ---- one direction of one layer --------------------------------------------------------------------------------
# Each function takes an input (T, N, features) and states (N, H); it returns all h (T, N, H) and the last states.


def _run_rnn(x: Tensor, states: Any, p: dict[str, Any], relu: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    inputs = linear(x, p["weight_ih"], _sum(p["bias_ih"], p["bias_hh"]))
    hs = Tensor.apply(primitives.rnn, inputs, states[0], p["weight_hh"], relu=relu)
    return hs, (hs[-1],)


def _run_gru(x: Tensor, states: Any, p: dict[str, Any], relu: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    inputs = linear(x, p["weight_ih"], p["bias_ih"])
    h = states[0]
    bias = as_tensor(np.zeros(3 * h.shape[-1], h.dtype)) if p["bias_hh"] is None else p["bias_hh"]
    hs = Tensor.apply(primitives.gru, inputs, h, p["weight_hh"], bias)
    return hs, (hs[-1],)


def _run_lstm(x: Tensor, states: Any, p: dict[str, Any], relu: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    inputs = linear(x, p["weight_ih"], _sum(p["bias_ih"], p["bias_hh"]))
    h, c = states
    if p.get("weight_hr") is not None:
        return _projected_lstm(inputs, h, c, p)
    both = Tensor.apply(primitives.lstm, inputs, h, c, p["weight_hh"])
    return both[0], (both[0, -1], both[1, -1])


def _projected_lstm(x: Tensor, h: Tensor, c: Tensor, p: dict[str, Any]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run an LSTM whose h is projected by weight_hr after each step. Source: Sak et al., 2014."""
    hs = []
    for t in range(x.shape[0]):
        h, c = primitives.lstm_step(x[t], h, c, p["weight_hh"])
        h = h @ p["weight_hr"].T
        hs.append(h)
    return stack(hs), (h, c)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return None if a is None or b is None else a + b


_KINDS = {"RNN": (1, _run_rnn), "GRU": (3, _run_gru), "LSTM": (4, _run_lstm)}
"""Of each kind, the number of gates and the function that runs one direction of one layer."""


def _check_dtype(name: str, input: Tensor, weight: Tensor) -> None:
    if input.dtype != weight.dtype:
        raise TypeError(
            f"{name}: the input must have the dtype of the weights, {weight.dtype}, got {input.dtype}; convert one: "
            "x.float(), or the module with .double()"
        )


def _parameter(*shape: int, bound: float, device: Any, dtype: Any) -> Parameter:
    return Parameter(init.uniform_(zeros(*shape, device=device, dtype=dtype), -bound, bound))


# ---- layers ----------------------------------------------------------------------------------------------------


State = TypeVar("State")
"""The state: h, a Tensor; for LSTMs the pair (h, c)."""


def _each(function: Any, hx: Any) -> Any:
    """Apply a function to a state, or to both of an LSTM."""
    return tuple(map(function, hx)) if isinstance(hx, tuple | list) else function(hx)


class _Recurrent(Module, Generic[State]):
    """Settings, parameters, forward and repr of the three layers."""

    kind: str
    nonlinearity = "tanh"

    @check_arguments
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = class_name(self)
        self.input_size = checked_size(name, "input_size", input_size)
        self.hidden_size = checked_size(name, "hidden_size", hidden_size)
        self.num_layers = checked_size(name, "num_layers", num_layers)
        if not 0 <= dropout <= 1:
            raise ValueError(f"{name}: dropout must be a probability, from 0 to 1, got {dropout}")
        if dropout and num_layers == 1:
            warnings.warn(
                f"{name}: dropout={dropout} has no effect with num_layers=1: it acts on the outputs of all layers but "
                "the last. Use more layers, or nn.Dropout on the output",
                UserWarning,
                stacklevel=5,  # the subclass and two checks of arguments are in between
            )
        if proj_size and not 0 < proj_size < hidden_size:
            raise ValueError(
                f"{name}: proj_size must be from 0 to less than hidden_size={hidden_size}, got {proj_size}"
            )
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        gates, bound = _KINDS[self.kind][0] * hidden_size, 1 / math.sqrt(hidden_size)
        for layer in range(num_layers):
            features = input_size if layer == 0 else self._output_size * len(self._directions)
            for suffix in self._directions:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, features)}
                shapes |= {"weight_hh": (gates, self._output_size)}
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                for parameter, shape in shapes.items():
                    name = f"{parameter}_l{layer}{suffix}"
                    setattr(self, name, _parameter(*shape, bound=bound, device=device, dtype=dtype))

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def _output_size(self) -> int:
        return self.proj_size or self.hidden_size

    def flatten_parameters(self) -> None:
        """Do nothing; for programs that call it."""

    def _states(self, x: Tensor, hx: Any, single: bool) -> list[Tensor]:
        """Return the initial states, each (layers * directions, N, size); zeros if not given."""
        rows = self.num_layers * len(self._directions)
        sizes = {"h_0": self._output_size} | ({"c_0": self.hidden_size} if self.kind == "LSTM" else {})
        n = x.shape[1]
        if hx is None:
            return [as_tensor(np.zeros((rows, n, size), x.dtype)) for size in sizes.values()]
        given = hx if self.kind == "LSTM" else (hx,)
        if not isinstance(given, tuple | list) or len(given) != len(sizes):
            wanted_state = "a pair (h_0, c_0)" if len(sizes) > 1 else "a tensor h_0"
            raise TypeError(f"{self.kind}: the initial state must be {wanted_state}, got {class_name(hx)}")
        states = []
        for state, (name, size) in zip(given, sizes.items()):
            wanted = (rows, size) if single else (rows, n, size)
            if not isinstance(state, Tensor) or state.shape != wanted:
                found = state.shape if isinstance(state, Tensor) else class_name(state)
                raise ValueError(
                    f"{self.kind}: {name} must have the shape (layers * directions{'' if single else ', batch'}, size) "
                    f"= {wanted}, got {found}"
                )
            if state.dtype != x.dtype:
                raise TypeError(
                    f"{self.kind}: {name} must have the dtype of the input, {x.dtype}, got {state.dtype}; convert one"
                )
            states.append(state.unsqueeze(1) if single else state)
        return states

    def _input(self, input: Any) -> Tensor:
        input = as_input(self.kind, input)
        axes = "(batch, time, features)" if self.batch_first else "(time, batch, features)"
        if input.ndim not in (2, 3):
            raise ValueError(f"{self.kind}: the input must be {axes} or (time, features), got shape {input.shape}")
        if input.shape[-1] != self.input_size:
            raise ValueError(
                f"{self.kind}: the input {axes} must have input_size={self.input_size} features, got {input.shape[-1]} "
                f"in shape {input.shape}"
            )
        if not input.shape[1 if self.batch_first and input.ndim == 3 else 0]:
            raise ValueError(f"{self.kind}: the input must have at least one time step, got shape {input.shape}")
        _check_dtype(self.kind, input, self.weight_ih_l0)
        return input

    def forward(self, input: Tensor, hx: State | None = None) -> tuple[Tensor, State]:
        """Run the layers over a sequence.

        Args:
            input: of shape (T, N, input_size), (N, T, input_size) with `batch_first`, or (T, input_size); or a
                `PackedSequence`, then `output` is one, too.
            hx: the initial state h_0 of shape (layers * directions, N, H), for LSTM the pair (h_0, c_0); zeros if None.

        Returns:
            (output, h_n), for LSTM (output, (h_n, c_n)): the outputs of the last layer at all times, (T, N,
            directions * H) arranged as the input, and the last states of all layers.

        Raises:
            ValueError: if shapes do not fit.
            TypeError: if a dtype is not that of the weights.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        x = self._input(input)
        single = x.ndim == 2
        if single:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        states = self._states(x, hx, single)
        run, relu = _KINDS[self.kind][1], self.nonlinearity == "relu"
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self._directions:
                names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
                p = {name: getattr(self, f"{name}_l{layer}{suffix}", None) for name in names}
                first = [s[len(last)] for s in states]
                out, final = run(x.flip(0) if suffix else x, first, p, relu)
                outputs.append(out.flip(0) if suffix else out)
                last.append(final)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, dim=-1)
            if self.training and layer < self.num_layers - 1:
                x = dropout(x, self.dropout)
        finals = [stack(list(each)) for each in zip(*last)]
        if single:
            x, finals = x.squeeze(1), [f.squeeze(1) for f in finals]
        elif self.batch_first:
            x = x.transpose(0, 1)
        last_state: Any = tuple(finals) if self.kind == "LSTM" else finals[0]
        return x, last_state

    def _forward_packed(self, sequence: PackedSequence, hx: Any) -> Any:
        """Run over sequences of different lengths: once for each length, with all sequences that have it."""
        padded, lengths = pad_packed_sequence(sequence, self.batch_first)
        time, batch = (1, 0) if self.batch_first else (0, 1)
        outputs, states, order = [], [], []
        for n in sorted({*lengths.tolist()}):
            chosen = (lengths == n).nonzero().flatten()
            part = padded.index_select(batch, chosen).narrow(time, 0, n)
            first: Any = hx if hx is None else _each(lambda h, at=chosen: h.index_select(1, at), hx)
            out, last = self.forward(part, first)
            rest = (*out.shape[:time], padded.shape[time] - n, *out.shape[time + 1 :])
            outputs.append(cat([out, as_tensor(np.zeros(rest, out.dtype))], dim=time))
            states.append(last if isinstance(last, tuple) else (last,))
            order += chosen.tolist()
        back = as_tensor(np.argsort(order))
        finals = [cat(list(each), dim=1).index_select(1, back) for each in zip(*states)]
        output = cat(outputs, dim=batch).index_select(batch, back)
        packed = pack_padded_sequence(output, lengths, self.batch_first, sequence.sorted_indices is None)
        return packed, tuple(finals) if self.kind == "LSTM" else finals[0]

    def extra_repr(self) -> str:
        shown = [str(self.input_size), str(self.hidden_size)]
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        for name, value in {**usual, "bidirectional": False}.items():
            shown += [f"{name}={getattr(self, name)}"] * (getattr(self, name) != value)
        return ", ".join(shown)


class RNN(_Recurrent[Tensor]):
    """Run a simple recurrent network over a sequence: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh).

    Call it with (input, h_0), h_0 zeros by default; it returns (output, h_n), all h of the last layer and the last h of
    all layers.

    Args:
        input_size: the number of features of each time step.
        hidden_size: the number H of hidden units.
        num_layers: how many layers are stacked (default 1).
        nonlinearity: 'tanh' (default) or 'relu'.
        bias: whether to add b_ih and b_hh (default True).
        batch_first: whether input and output are (N, T, features) instead of (T, N, features) (default False).
        dropout: the probability of dropout between layers (default 0).
        bidirectional: whether each layer also runs backwards in time, with parameters of its own (default False).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Attributes:
        weight_ih_lk: of layer k, (H, features); features = input_size, or the size of the output below.
        weight_hh_lk: (H, H).
        bias_ih_lk, bias_hh_lk: (H,), if `bias`.
        The same with the suffix _reverse, if `bidirectional`. All start as U(-b, b) with b = 1 / sqrt(H).

    Shape:
        input (T, N, input_size), (N, T, input_size) with `batch_first`, or (T, input_size).
        h_0 and h_n (D num_layers, N, H) with D = 2 if `bidirectional`, otherwise 1; unbatched, without N.
        output (T, N, D H), arranged as the input.

    Raises:
        ValueError: if a setting or a shape does not fit.
        TypeError: if a dtype is not that of the weights.

    >>> from minigrad import nn, ones
    >>> output, h = nn.RNN(3, 4)(ones(5, 2, 3))
    >>> output.shape, h.shape
    ((5, 2, 4), (1, 2, 4))

    Source: Elman, "Finding structure in time", 1990.
    """

    kind = "RNN"

    @check_arguments
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity = nonlinearity


class LSTM(_Recurrent[tuple[Tensor, Tensor]]):
    """Run a long short-term memory network over a sequence. At each step

        i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)    input gate
        f = sigmoid(W_if x + b_if + W_hf h + b_hf)    forget gate
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)       candidate
        o = sigmoid(W_io x + b_io + W_ho h + b_ho)    output gate
        c = f * c + i * g
        h = o * tanh(c)

    Call it with (input, (h_0, c_0)), zeros by default; it returns (output, (h_n, c_n)), all h of the last layer and the
    last states of all layers.

    Args:
        input_size: the number of features of each time step.
        hidden_size: the number H of hidden units.
        num_layers: how many layers are stacked (default 1).
        bias: whether to add b_ih and b_hh (default True).
        batch_first: whether input and output are (N, T, features) instead of (T, N, features) (default False).
        dropout: the probability of dropout between layers (default 0).
        bidirectional: whether each layer also runs backwards in time, with parameters of its own (default False).
        proj_size: if not 0, h is projected to this size after each step, h = W_hr (o * tanh(c)) (default 0).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Attributes:
        weight_ih_lk: of layer k, (4 H, features), with the gates in the order i, f, g, o; features = input_size, or the
            size of the output of the layer below.
        weight_hh_lk: (4 H, H).
        bias_ih_lk, bias_hh_lk: (4 H,), if `bias`.
        weight_hr_lk: (proj_size, H), if `proj_size`.
        The same with the suffix _reverse, if `bidirectional`. All start as U(-b, b) with b = 1 / sqrt(H).

    Shape:
        input (T, N, input_size), (N, T, input_size) with `batch_first`, or (T, input_size).
        h_0, c_0, h_n, c_n (D num_layers, N, H) with D = 2 if `bidirectional`, otherwise 1; unbatched, without N.
        output (T, N, D H), arranged as the input.
        With `proj_size`, it replaces H in h_0, h_n, output and weight_hh_lk.

    >>> from minigrad import nn, ones
    >>> output, (h, c) = nn.LSTM(3, 4, num_layers=2)(ones(5, 2, 3))
    >>> output.shape, h.shape, c.shape
    ((5, 2, 4), (2, 2, 4), (2, 2, 4))

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997; the projection is from Sak et al., "Long
    short-term memory recurrent neural network architectures for large scale acoustic modeling", 2014.
    """

    kind = "LSTM"

    @check_arguments
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        args = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size)
        super().__init__(*args, device, dtype)


class GRU(_Recurrent[Tensor]):
    """Run gated recurrent units over a sequence. At each step

        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)         reset gate
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)         update gate
        n = tanh(W_in x + b_in + r * (W_hn h + b_hn))      candidate
        h = (1 - z) * n + z * h

    Call it with (input, h_0), h_0 zeros by default; it returns (output, h_n), all h of the last layer and the last h of
    all layers.

    Args:
        input_size: the number of features of each time step.
        hidden_size: the number H of hidden units.
        num_layers: how many layers are stacked (default 1).
        bias: whether to add b_ih and b_hh (default True).
        batch_first: whether input and output are (N, T, features) instead of (T, N, features) (default False).
        dropout: the probability of dropout between layers (default 0).
        bidirectional: whether each layer also runs backwards in time, with parameters of its own (default False).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Attributes:
        weight_ih_lk: of layer k, (3 H, features), with the gates in the order r, z, n; features = input_size, or the
            size of the output of the layer below.
        weight_hh_lk: (3 H, H).
        bias_ih_lk, bias_hh_lk: (3 H,), if `bias`.
        The same with the suffix _reverse, if `bidirectional`. All start as U(-b, b) with b = 1 / sqrt(H).

    Shape:
        input (T, N, input_size), (N, T, input_size) with `batch_first`, or (T, input_size).
        h_0 and h_n (D num_layers, N, H) with D = 2 if `bidirectional`, otherwise 1; unbatched, without N.
        output (T, N, D H), arranged as the input.

    >>> from minigrad import nn, ones
    >>> output, h = nn.GRU(3, 4, batch_first=True, bidirectional=True)(ones(2, 5, 3))
    >>> output.shape, h.shape
    ((2, 5, 8), (2, 2, 4))

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014.
    """

    kind = "GRU"

    @check_arguments
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )


# ---- cells -----------------------------------------------------------------------------------------------------


class _Cell(Module, Generic[State]):
    """Parameters, forward and repr of the three cells: one step of a layer, for loops written by hand."""

    kind: str
    nonlinearity = "tanh"

    @check_arguments
    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = checked_size(class_name(self), "input_size", input_size)
        self.hidden_size = checked_size(class_name(self), "hidden_size", hidden_size)
        self.bias = bias
        gates, bound = _KINDS[self.kind][0] * hidden_size, 1 / math.sqrt(hidden_size)
        self.weight_ih = _parameter(gates, input_size, bound=bound, device=device, dtype=dtype)
        self.weight_hh = _parameter(gates, hidden_size, bound=bound, device=device, dtype=dtype)
        self.bias_ih = _parameter(gates, bound=bound, device=device, dtype=dtype) if bias else None
        self.bias_hh = _parameter(gates, bound=bound, device=device, dtype=dtype) if bias else None

    def forward(self, input: Tensor, hx: State | None = None) -> State:
        """Return the next state.

        Args:
            input: of shape (N, input_size), or (input_size,).
            hx: the state h of shape (N, hidden_size) or (hidden_size,), for LSTMCell the pair (h, c); zeros if None.

        Returns:
            h, for LSTMCell (h, c).

        Raises:
            ValueError: if shapes do not fit.
            TypeError: if a dtype is not that of the weights.
        """
        name = class_name(self)
        input = as_input(name, input)
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{name}: the input must be ({self.input_size},) or (N, {self.input_size}), got shape {input.shape}"
            )
        _check_dtype(name, input, self.weight_ih)
        count = 2 if self.kind == "LSTM" else 1
        wanted = (*input.shape[:-1], self.hidden_size)
        if hx is None:
            given: list[Any] = [as_tensor(np.zeros(wanted, input.dtype))] * count
        else:
            states: Any = hx
            given = list(states) if count == 2 else [states]
        for state in given:
            if len(given) != count or not isinstance(state, Tensor) or state.shape != wanted:
                shapes = [s.shape if isinstance(s, Tensor) else class_name(s) for s in given]
                state_is = "(h, c), each" if count > 1 else "h,"
                raise ValueError(f"{name}: the state must be {state_is} of shape {wanted}, got {shapes}")
        single = input.ndim == 1
        x = input.reshape(1, 1, -1) if single else input.unsqueeze(0)
        states = [s.unsqueeze(0) if single else s for s in given]
        p = {n: getattr(self, n) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        _, last = _KINDS[self.kind][1](x, states, p, self.nonlinearity == "relu")
        last = tuple([s.squeeze(0) for s in last]) if single else last
        new: Any = last if count == 2 else last[0]
        return new

    def extra_repr(self) -> str:
        extra = "" if self.bias else f", bias={self.bias}"
        extra += f", nonlinearity={self.nonlinearity}" if self.nonlinearity != "tanh" else ""
        return f"{self.input_size}, {self.hidden_size}{extra}"


class RNNCell(_Cell[Tensor]):
    """Compute one step of `RNN`: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Args:
        input_size: the number of features of x.
        hidden_size: the number H of hidden units.
        bias: whether to add b_ih and b_hh (default True).
        nonlinearity: 'tanh' (default) or 'relu'.
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Shape: x (N, input_size) or (input_size,), h (N, H) or (H,) -> h' of the shape of h.

    >>> from minigrad import nn, ones
    >>> cell, h = nn.RNNCell(3, 4), None
    >>> for x in ones(5, 2, 3):
    ...     h = cell(x, h)
    >>> h.shape
    (2, 4)

    Source: Elman, "Finding structure in time", 1990.
    """

    kind = "RNN"

    @check_arguments
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity


class LSTMCell(_Cell[tuple[Tensor, Tensor]]):
    """Compute one step of `LSTM`: c' = f * c + i * g and h' = o * tanh(c'), with the gates of `LSTM`.

    Args:
        input_size: the number of features of x.
        hidden_size: the number H of hidden units.
        bias: whether to add biases (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Shape: x (N, input_size) or (input_size,), h and c (N, H) or (H,) -> (h', c') of the same shapes.

    >>> from minigrad import nn, ones
    >>> h, c = nn.LSTMCell(3, 4)(ones(2, 3))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    kind = "LSTM"


class GRUCell(_Cell[Tensor]):
    """Compute one step of `GRU`: h' = (1 - z) * n + z * h, with the gates of `GRU`.

    Args:
        input_size: the number of features of x.
        hidden_size: the number H of hidden units.
        bias: whether to add biases (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Shape: x (N, input_size) or (input_size,), h (N, H) or (H,) -> h' of the shape of h.

    >>> from minigrad import nn, ones
    >>> nn.GRUCell(3, 4)(ones(2, 3)).shape
    (2, 4)

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014.
    """

    kind = "GRU"
