"""In-place writes between the forward and the backward pass: right where both accept them, refused where PyTorch does
not, but for a list that docs/pytorch.md has too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ops import OPS, Op

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

REFUSED_HERE = {
    ("relu", 0),  # PyTorch needs the result instead
    ("cross_entropy", 0),  # PyTorch saves the logarithms of the probabilities instead
    ("div number", 0),  # of a number by a tensor: PyTorch saves the reciprocal instead
    # the operands that PyTorch copies: to broadcast matrices, and to scale the queries and keys
    *[("matmul", 0), ("matmul", 1), ("kron", 0), ("kron", 1), ("ldexp whole", 0), ("instance_norm", 1)],
    *[("scaled_dot_product_attention", i) for i in (0, 1, 2)],
}
"""An operation, and the tensor that is written to: the result, or an input by position."""


def floats(out: Any) -> list[Any]:
    if isinstance(out, tuple | list):
        return [t for part in out for t in floats(part)]
    return [out] if getattr(out, "requires_grad", False) else []


def gradients(m: Any, call: Any, arrays: list[Any], keywords: dict[str, Any], target: Any) -> list[Any] | None:
    """Write to the target after the operation, and return the gradients of the leaves; None if that is refused."""
    leaves = [m.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    inputs = [leaf * 1 if leaf.requires_grad else leaf for leaf in leaves]
    out = floats(call(m, *inputs, **keywords))
    written = out[:1] if target == "y" else [inputs[target]]
    if not out or not written[0].requires_grad:
        return []  # no gradient flows there
    try:
        written[0].mul_(2.0)
        sum(((y * y).sum() * (i + 1) for i, y in enumerate(out)), m.zeros(())).backward()
    except RuntimeError:
        return None
    return [np.zeros(1) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize("op", [op for op in OPS if op.grad and op.torch is not None], ids=lambda op: op.name)
def test_writes_before_backward(op: Op) -> None:
    if op.name == "getitem backwards":
        pytest.skip("a view here, a copy in PyTorch")
    for shapes, keywords in op.cases:
        if any(0 in shape for shape in shapes):
            continue
        arrays = op.inputs(shapes)
        for target in ("y", *range(len(shapes))):
            ours, theirs = (
                gradients(m, call, arrays, keywords, target) for m, call in ((minigrad, op.call), (torch, op.torch))
            )
            if theirs is not None and ours is None:
                names = {op.name, op.name.split()[0]}
                assert any((name, target) in REFUSED_HERE for name in names), f"{shapes}, {keywords}, {target}"
            if theirs is not None and ours is not None:
                for a, b in zip(ours, theirs):
                    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
