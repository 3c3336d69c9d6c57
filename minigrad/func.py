"""Derivatives as transformations of functions: `grad(f)` is a function again, and can be differentiated in turn.

The arguments to differentiate by, and the results, may be tensors or nested tuples, lists and dicts of tensors, such as
a model's parameters by name. Results belong to the outer graph if something outside requires a gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minigrad import engine
from minigrad.autograd.functional import columns, fresh, pulled, pushed, rows
from minigrad.autograd.trees import filled, leaves, mapped, tensors
from minigrad.engine import tick
from minigrad.grad_mode import enable_grad, mode, no_grad
from minigrad.nn.module import Module
from minigrad.output.absent import missing_from
from minigrad.output.words import class_name, printable
from minigrad.tensors.creation import ones_like, zeros_like
from minigrad.tensors.joining import stack
from minigrad.tensors.tensor import Tensor


class _Trace:
    """A recorded call of a function on fresh copies of some arguments, and the derivatives of that record."""

    def __init__(self, name: str, f: Callable[..., Any], args: Any, options: Any, argnums: Any, has_aux: bool) -> None:
        self.name = name
        self.outside = mode.recording  # whether the results may belong to an outer graph
        chosen = [argnums] if isinstance(argnums, int) else list(argnums)
        for i in chosen:
            if not -len(args) <= i < len(args):
                raise RuntimeError(f"{name}: argnums={argnums} names argument {i}, but {len(args)} were passed")
        self.alone = isinstance(argnums, int)
        self.inputs = [args[i] for i in chosen]
        for leaf in leaves(self.inputs):
            if not isinstance(leaf, Tensor):
                raise TypeError(
                    f"{name}: can differentiate by tensors only, got {class_name(leaf)}: {printable(repr(leaf))}"
                )
        self.start = tick()
        with enable_grad():
            fresh_inputs = mapped(lambda x: fresh(x, self.outside), self.inputs)
            all_args = list(args)
            for i, x in zip(chosen, fresh_inputs):
                all_args[i] = x
            result = f(*all_args, **options)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(f"{name}: with has_aux=True the function must return a pair (output, aux)")
        self.has_aux = has_aux
        self.output: Any = result[0] if has_aux else result
        self.aux: Any = result[1] if has_aux else None
        self.xs, self.ys = tensors(fresh_inputs), leaves(self.output)
        for y in self.ys:
            if not isinstance(y, Tensor):
                raise TypeError(f"{name}: the function must return tensors, got {class_name(y)}: {printable(repr(y))}")

    def recorded(self, *trees: Any) -> bool:
        """Return True if results computed from these trees or the outputs belong to the outer graph."""
        return self.outside and any(self._is_linked(t) for t in tensors([self.ys, *trees]))

    def _is_linked(self, t: Tensor) -> bool:
        """Return True if t was computed from a tensor older than this trace that requires a gradient."""
        if t.node is None:
            return False
        nodes = engine.reverse_topological_order([t.node], since=self.start)
        return any(n.index < self.start or any(s and s.index < self.start for s in n.inputs) for n in nodes)

    def detached(self, tree: Any) -> Any:
        """Return the results without a history, unless they belong to the outer graph."""
        return mapped(
            lambda t: t.detach() if isinstance(t, Tensor) and not (self.outside and self._is_linked(t)) else t, tree
        )

    def by_input(self, values: list[Any]) -> Any:
        """Return the values, one for each x, in the structure of the arguments."""
        tree = filled(self.inputs, values)
        return tree[0] if self.alone else tuple(tree)

    def result(self, *results: Any) -> Any:
        """Return the results, and the aux if there is one."""
        everything = (*results, self.aux) if self.has_aux else results
        return self.detached(everything if len(everything) > 1 else everything[0])

    def vjp(self, vs: list[Tensor], graph: bool) -> list[Tensor]:
        """Return the gradients by all x, with the upstream gradients vs."""
        return _zeros_for_none(pulled(self.ys, self.xs, vs, graph), self.xs)

    def jvp(self, vs: list[Tensor], graph: bool) -> list[Tensor]:
        """Return the tangents of all y, with the tangents vs of all x."""
        return _zeros_for_none(pushed(self.ys, self.xs, vs, graph), self.ys)

    def check(self, what: str, given: Any, like: Any) -> list[Tensor]:
        """Return the tensors in a tree; raise unless they match those of `like` in number, shape and dtype."""
        vs, expected = leaves(given), leaves(like)
        for v in vs:
            if not isinstance(v, Tensor):
                raise TypeError(f"{self.name}: {what} must be tensors, got {class_name(v)}: {printable(repr(v))}")
        if [(v.shape, v.dtype) for v in vs] != [(e.shape, e.dtype) for e in expected]:
            got, right = (", ".join(f"{t.dtype} {t.shape}" for t in side) for side in (vs, expected))
            raise RuntimeError(f"{self.name}: {what} must be {right}; got {got}")
        return vs


def _zeros_for_none(found: list[Any], like: list[Tensor]) -> list[Tensor]:
    return [zeros_like(x) if g is None else g for g, x in zip(found, like)]


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return the function that computes the gradient of the scalar function `func`.

    Args:
        func: a function that returns a single number.
        argnums: the position of the argument to differentiate by, or a tuple of positions, for a tuple of gradients.
        has_aux: True if func returns a pair (number, aux); the gradient function then returns (gradient, aux).

    >>> f = lambda x: x**3
    >>> grad(f)(Tensor(2.0)), grad(grad(f))(Tensor(2.0))
    (tensor(12.), tensor(12.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **options: Any) -> Any:
        slope, value = both(*args, **options)
        return (slope, value[1]) if has_aux else slope

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return the function that computes (gradient, value) of `func`; with `has_aux`, (gradient, (value, aux)).

    For the arguments, see `grad`.

    >>> grad_and_value(lambda x: x**3)(Tensor(2.0))
    (tensor(12.), tensor(8.))
    """

    @functools.wraps(func)
    def gradient_and_value(*args: Any, **options: Any) -> Any:
        trace = _Trace("grad", func, args, options, argnums, has_aux)
        y = trace.output
        if not isinstance(y, Tensor):
            raise TypeError(f"grad: the function must return a single tensor, got {class_name(y)}")
        if y.ndim:
            raise RuntimeError(
                f"grad: the function must return a single number, got a tensor of shape {y.shape}; reduce it, for "
                "example with .sum(), or use vjp or jacrev"
            )
        slopes = trace.by_input(trace.vjp([ones_like(y)], trace.recorded()))
        return trace.detached((slopes, (y, trace.aux) if has_aux else y))

    return gradient_and_value


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return the output of `func`, and its vjp function; with `has_aux`, also the aux.

    The vjp function takes an upstream gradient v, of the structure of the output, and returns the tuple of the
    gradients vᵀJ by all primals.

    >>> y, back = vjp(lambda x: x * x, Tensor([1.0, 2.0]))
    >>> back(Tensor([10.0, 1.0]))
    (tensor([20.,  4.]),)
    """
    trace = _Trace("vjp", func, primals, {}, tuple(range(len(primals))), has_aux)

    def back(cotangents: Any) -> tuple[Any, ...]:
        vs = trace.check("the upstream gradients", cotangents, trace.output)
        found: tuple[Any, ...] = trace.by_input(trace.vjp(vs, mode.recording and trace.recorded(vs)))
        return found

    return trace.result(trace.output, back)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """Return the output of `func`, and the Jacobian-vector product Jv for the tangents v; with `has_aux`, also the aux.

    Args:
        func: the function.
        primals: the tuple of its arguments.
        tangents: the tuple of their tangents, of the same shapes and dtypes.
        strict: True to raise if an output does not depend on the primals, instead of returning 0.
        has_aux: True if func returns a pair (output, aux).

    >>> jvp(lambda x: x * x, (Tensor([1.0, 2.0]),), (Tensor([10.0, 1.0]),))
    (tensor([1., 4.]), tensor([20.,  4.]))
    """
    if not isinstance(primals, tuple):
        raise TypeError(f"jvp: primals must be the tuple of the arguments, got {class_name(primals)}")
    trace = _Trace("jvp", func, primals, {}, tuple(range(len(primals))), has_aux)
    vs = trace.check("the tangents", tangents, primals)
    if strict and not all(y.requires_grad for y in trace.ys):
        raise RuntimeError("jvp: an output does not depend on any of the primals (strict=True)")
    found = filled(trace.output, trace.jvp(vs, trace.recorded(vs)))
    return trace.result(trace.output, found)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the output of `func`, and the function that maps tangents of the primals to those of the output.

    As `jvp`, but `func` itself is computed only once.

    >>> y, push = linearize(lambda x: x * x, Tensor([1.0, 2.0]))
    >>> push(Tensor([10.0, 1.0])), push(Tensor([0.0, 1.0]))
    (tensor([20.,  4.]), tensor([0., 4.]))
    """
    trace = _Trace("linearize", func, primals, {}, tuple(range(len(primals))), False)

    def jvp(*tangents: Any) -> Any:
        vs = trace.check("the tangents", tangents, primals)
        return filled(trace.output, trace.jvp(vs, mode.recording and trace.recorded(vs)))

    return trace.detached(trace.output), jvp


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of `func` in reverse mode.

    It makes a backward pass for each element of the output. The Jacobian J_ij = dy_i/dx_j of an output has shape
    (*output.shape, *argument.shape).

    Args:
        func: the function.
        argnums: the position of the argument to differentiate by, or a tuple of positions, for a tuple of Jacobians.
        has_aux: True if func returns a pair (output, aux); the result is then (Jacobian, aux).
        chunk_size: has no effect; accepted for PyTorch's programs.

    >>> jacrev(lambda x: x * x.sum())(Tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **options: Any) -> Any:
        trace = _Trace("jacrev", func, args, options, argnums, has_aux)
        graph = trace.recorded()
        with enable_grad() if graph else no_grad():
            table = rows(trace.ys, trace.xs, lambda y, u: _zeros_for_none(pulled([y], trace.xs, [u], graph), trace.xs))
        return trace.result(filled(trace.output, [trace.by_input(row) for row in table]))

    return jacobian


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of `func` in forward mode.

    It makes a forward pass for each element of the argument. For the arguments, see `jacrev`; `randomness` has no
    effect, as the function is computed once.

    >>> jacfwd(lambda x: x * x.sum())(Tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **options: Any) -> Any:
        trace = _Trace("jacfwd", func, args, options, argnums, has_aux)
        graph = trace.recorded()
        with enable_grad() if graph else no_grad():
            table = columns(trace.ys, trace.xs, graph)
        return trace.result(filled(trace.output, [trace.by_input(row) for row in table]))

    return jacobian


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other tensors instead of its parameters and buffers: the module as a function of them.

    Args:
        module: the module; it is unchanged afterwards.
        parameter_and_buffer_dicts: a dict of tensors by dotted name, or a sequence of such dicts.
        args: the tuple of positional arguments, or a single one.
        kwargs: the keyword arguments.
        tie_weights: True to replace a parameter that has several names under all of them.
        strict: True to require all parameters and buffers.

    Raises:
        RuntimeError: for a name that the module does not have, or with `strict` that is missing.
        ValueError: for a name in several of the dicts.

    >>> from minigrad import nn
    >>> layer = nn.Linear(2, 1)
    >>> def loss(params, x):
    ...     return functional_call(layer, params, x).sum()
    >>> grad(loss)(dict(layer.named_parameters()), Tensor([[1.0, 2.0]]))["weight"].detach()
    tensor([[1., 2.]])
    """
    several = parameter_and_buffer_dicts
    dicts = [several] if isinstance(several, Mapping) else list(several)
    given = {name: t for d in dicts for name, t in d.items()}
    if len(given) < sum(map(len, dicts)):
        raise ValueError("functional_call: a name is in several of the dicts; each must be in only one")
    slots: dict[str, tuple[dict[str, Any], str]] = {}  # where each name's tensor is held
    for path, part in module.named_modules(remove_duplicate=False):
        for book in (part._parameters, part._buffers):
            slots.update({f"{path}.{name}" if path else name: (book, name) for name in book})
    unknown, missing = [n for n in given if n not in slots], [n for n in slots if n not in given]
    for what, names in (("unknown", unknown), ("missing", missing if strict else [])):
        if names:
            raise RuntimeError(f"functional_call of {class_name(module)}: {what}: {', '.join(map(printable, names))}")
    before = [(book, name, book[name]) for book, name in slots.values()]
    named = {id(slots[n][0][slots[n][1]]): t for n, t in given.items()}
    try:
        for name, (book, key) in slots.items():
            if name in given or tie_weights and book[key] is not None and id(book[key]) in named:
                book[key] = given[name] if name in given else named[id(book[key])]
        return module(*(() if args is None else args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for book, key, tensor in before:
            book[key] = tensor


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the function that computes the Hessian H_ij = d²y/dx_i dx_j of `func`, by forward over reverse mode.

    For the arguments, see `grad`.

    >>> hessian(lambda x: (x**3).sum())(Tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that maps `func` over a dimension of its arguments, and stacks the results.

    It is a loop over the examples, and costs as much: n calls of `func`. PyTorch's is faster, and gives the same.

    Args:
        func: a function of tensors, or of tuples, lists and dicts of them.
        in_dims: the dimension to map over: one for all arguments (default 0), or a tuple with one for each, or with the
            structure of the argument; None passes an argument whole to each call.
        out_dims: where the new dimension stands in the results: one for all (default 0), or a tuple.
        randomness: accepted; each call draws its own numbers, as with "different".
        chunk_size: accepted and ignored.

    Raises:
        ValueError: if no argument is mapped over, or their sizes differ.

    The gradients of each example, in one line:

    >>> from minigrad import tensor
    >>> w, X = tensor([1.0, 2.0]), tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> vmap(grad(lambda w, x: (w @ x) ** 2), in_dims=(None, 0))(w, X)
    tensor([[2., 0.],
            [0., 4.],
            [6., 6.]])
    """

    @functools.wraps(func)
    def mapped_over(*args: Any, **options: Any) -> Any:
        dims = in_dims if isinstance(in_dims, tuple | list) else [in_dims] * len(args)
        if len(dims) != len(args):
            raise ValueError(f"vmap: in_dims has {len(dims)} entries for {len(args)} arguments: {in_dims!r}")
        every = [*zip(args, dims), *((option, 0) for option in options.values())]
        sizes = {size for tree, dim in every for size in _mapped_sizes(tree, dim)}
        if len(sizes) != 1:
            raise ValueError(
                "vmap: at least one argument must be a tensor with a dimension to map over"
                if not sizes
                else f"vmap: the dimensions to map over must have one size, got {sorted(sizes)}; in_dims={in_dims!r}"
            )
        results = [
            func(
                *[_example(tree, dim, i) for tree, dim in zip(args, dims)],
                **{name: _example(option, 0, i) for name, option in options.items()},
            )
            for i in range(sizes.pop())
        ]
        return _stacked(results, out_dims)

    return mapped_over


def _mapped_sizes(tree: Any, dim: Any) -> list[int]:
    """Return the sizes of the dimensions that are mapped over, of all tensors in the tree."""
    if isinstance(tree, Tensor):
        if dim is None:
            return []
        if not -tree.ndim <= dim < tree.ndim:
            raise ValueError(f"vmap: in_dims={dim} is not a dimension of a tensor of shape {tree.shape}")
        return [tree.shape[dim]]
    return [size for part, d in _parts(tree, dim) for size in _mapped_sizes(part, d)]


def _parts(tree: Any, dim: Any) -> list[tuple[Any, Any]]:
    """Return the parts of a tuple, list or dict, each with its dimension; nothing of any other object."""
    if isinstance(tree, dict):
        return [(part, dim[name] if isinstance(dim, dict) else dim) for name, part in tree.items()]
    if isinstance(tree, tuple | list):
        return [*zip(tree, dim if isinstance(dim, tuple | list) else [dim] * len(tree))]
    return []


def _example(tree: Any, dim: Any, i: int) -> Any:
    """Return example `i` of each tensor in the tree."""
    if isinstance(tree, Tensor):
        return tree if dim is None else tree.select(dim, i)
    parts = [_example(part, d, i) for part, d in _parts(tree, dim)]
    if isinstance(tree, dict):
        return dict(zip(tree, parts))
    if isinstance(tree, tuple | list):
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def _stacked(results: list[Any], dim: Any) -> Any:
    """Stack the results of all calls, trees of one structure, along the dimension."""
    first = results[0]
    if isinstance(first, dict):
        return {
            name: _stacked([r[name] for r in results], dim[name] if isinstance(dim, dict) else dim) for name in first
        }
    if isinstance(first, tuple | list):
        dims = dim if isinstance(dim, tuple | list) else [dim] * len(first)
        parts = [_stacked([r[k] for r in results], d) for k, d in enumerate(dims)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if not isinstance(first, Tensor):
        raise TypeError(f"vmap: the function must return tensors, got {class_name(first)}: {printable(repr(first))}")
    return first if dim is None else stack(results, dim)


if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
