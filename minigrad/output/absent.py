"""Errors for names that are not here: the most similar name that is, or how to write what PyTorch has."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from minigrad.output.words import printable

_INSTEAD = {
    "jit script trace export": "call the function itself; minigrad.compile records it and runs it faster",
    "distributed DataParallel SyncBatchNorm DistributedSampler": "use minigrad.parallel, or the model itself",
    "fft stft istft rfft irfft": "compute with np.fft on t.detach().numpy(), without a gradient",
    "sparse sparse_coo_tensor sparse_csr_tensor to_sparse to_dense SparseAdam": "use tensors that hold all elements",
    "complex polar angle view_as_complex view_as_real imag conj": "keep real and imaginary parts in two tensors",
    "quantization quantize_per_tensor ao": "use float32; t.round() * step rounds to a grid",
    "half bfloat16": "use .float(); the dtypes here are float32 and float64",
    "to_tensor": "use minigrad.tensor(...)",
    "lu lu_factor lu_solve lu_unpack ldl_factor": "use linalg.solve, or linalg.qr",
    "eig eigvals": "use linalg.eigh or linalg.eigvalsh, for symmetric matrices",
    "lobpcg pca_lowrank svd_lowrank": "use linalg.svd",
    "matrix_exp": "use linalg.eigh for symmetric matrices: Q @ diag(exp(w)) @ Q.T",
    "symeig": "use linalg.eigh",
    "triangular_solve": "use linalg.solve_triangular",
    "cholesky_solve": "use linalg.solve, or linalg.solve_triangular twice",
    "vander": "use x[:, None] ** minigrad.arange(n)",
    "renorm": "use t * (maxnorm / t.norm(dim=1, keepdim=True)).clamp(max=1)",
    "put put_": "use t.view(-1)[index] = values",
    "index_reduce index_reduce_": "use scatter_reduce",
    "pdist": "use cdist(x, x) and tril_indices",
    "lgamma digamma polygamma mvlgamma igamma": "use SciPy or math.lgamma on numbers, without a gradient",
    "prune parametrize parametrizations spectral_norm": "compute the weight in forward(); nn.utils.weight_norm is here",
    "FractionalMaxPool2d FractionalMaxPool3d fractional_max_pool2d": "use AdaptiveMaxPool2d",
    "AdaptiveLogSoftmaxWithLoss": "use nn.Linear and cross_entropy",
    "CrossMapLRN2d": "use nn.LocalResponseNorm",
    "hub models": "write the model, and load its parameters: load_state_dict(minigrad.load(path))",
    "tensorboard SummaryWriter": "use minigrad.watch",
    "profiler": "use Python's cProfile",
    "multiprocessing": "use Python's multiprocessing",
    "onnx": "use minigrad.save, or minigrad.source for a NumPy program",
    "storage untyped_storage data_ptr as_strided_": "use t.numpy(), which shares the memory",
    "FloatStorage Storage": "use minigrad.tensor(...)",
    "share_memory share_memory_ pin_memory": "leave it out; there is one process and one memory",
    "grad": "parameters have gradients, as in model.weight.grad",
    "backward": "call it on the loss: loss.backward()",
    "step": "call it on the optimizer: optimizer.step()",
    "fit predict": "write the loop: loss = criterion(model(x), y); loss.backward(); optimizer.step()",
    "summary": "use nn.summary(model, shape)",
    "len length": "use len(t), t.shape or t.numel()",
    "array": "use tensor(...), or np.array for an array of NumPy's",
    "append": "collect tensors in a list, and join them by cat or stack",
    "astensor": "use as_tensor",
}
"""Names that PyTorch has, or that beginners expect -> what to write instead."""


_HOMES = [f"minigrad.{home}" for home in ("nn", "nn.functional", "optim", "utils.data", "linalg", "distributions")]
"""Where a name may be that is looked for elsewhere: torch.Linear, nn.SGD."""


class MissingName(AttributeError):
    """An AttributeError whose text, with the most similar name, is made only if somebody reads it.

    The suggestion is in the text because notebooks show nothing else; `name` and `obj` are None, so that Python's
    traceback does not add a second one.
    """

    def __init__(self, owner: str, name: str, names: Callable[[], Iterable[str]]) -> None:
        super().__init__(owner, name=None, obj=None)  # an enclosing module may put its path before the owner
        self._missing, self._names = name, names

    def __str__(self) -> str:
        return f"{self.args[0]} has no attribute {printable(repr(self._missing))}{_hint(self._missing, self._names())}"

    def __repr__(self) -> str:
        return f"AttributeError({str(self)!r})"

    def __reduce__(self) -> Any:
        return AttributeError, (str(self),)


MissingName.__name__ = MissingName.__qualname__ = "AttributeError"  # as tracebacks show it
MissingName.__module__ = "builtins"


def no_attribute(owner: str, name: str, names: Callable[[], Iterable[str]]) -> AttributeError:
    """Return the error for a name that `owner` does not have, with what to write instead.

    Args:
        owner: what was asked for the name, as the message names it.
        name: the name.
        names: a function that returns the names that the owner has.

    >>> print(no_attribute("module 'minigrad.nn'", "Lienar", lambda: ["Linear", "ReLU"]))
    module 'minigrad.nn' has no attribute 'Lienar'. Did you mean 'Linear'?
    """
    return MissingName(owner, name, names)


def missing_attribute(owner: str) -> Callable[[object, str], Any]:
    """Return the `__getattr__` of a class. Assign it where type checkers do not look, `if not TYPE_CHECKING`."""

    def __getattr__(self: object, name: str) -> Any:
        raise no_attribute(owner, name, lambda: dir(type(self)))

    return __getattr__


def _hint(name: str, names: Iterable[str]) -> str:
    if name.startswith("_"):
        return ""
    public = {_plain(n): n for n in sorted(names, key=len, reverse=True) if not n.startswith("_")}
    if _plain(name) in public:
        return f". Did you mean {public[_plain(name)]!r}?"
    for group, instead in _INSTEAD.items():
        if name in group.split():
            return f": {instead}"
    for home in _HOMES:
        for other in vars(importlib.import_module(home)):
            if _plain(other) == _plain(name) and not isinstance(getattr(sys.modules[home], other), ModuleType):
                return f". It is {home}.{other}"
    from difflib import get_close_matches

    close = get_close_matches(_plain(name), sorted(public, reverse=True), 1, 0.7)
    return f". Did you mean {public[close[0]]!r}?" if close else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def missing_from(module: str, *paths: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module: it raises for a name that the module does not have.

    Assign it where type checkers do not look, `if not TYPE_CHECKING`: for them, a module with a `__getattr__` has all
    names.

    Args:
        module: the module's name.
        paths: names of PyTorch's submodules, imported on first use.
    """

    def __getattr__(name: str) -> Any:
        if name in paths:
            return importlib.import_module(f"{module}.{name}")
        raise no_attribute(f"module {module!r}", name, lambda: _names(module))

    return __getattr__


def _names(module: str) -> list[str]:
    found = vars(sys.modules[module]).items()
    return [name for name, value in found if not isinstance(value, ModuleType)]
