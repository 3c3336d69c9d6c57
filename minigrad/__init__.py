"""minigrad: reverse-mode automatic differentiation to learn from, on NumPy.

Names are loaded when they are first used, so that `import minigrad` is quick and `minigrad.scalar` needs no NumPy.
Type checkers and editors read `__init__.pyi`, which `python tests/stub.py` writes.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "scalar": "Value",
    "tensors.tensor": "Tensor",
    "tensors.creation": "tensor as_tensor asarray from_numpy zeros ones empty full zeros_like ones_like empty_like "
    "full_like eye arange linspace logspace where is_tensor is_floating_point result_type promote_types can_cast "
    "finfo iinfo FloatTensor DoubleTensor ByteTensor CharTensor ShortTensor IntTensor LongTensor BoolTensor",
    "random": "rand randn randint randperm rand_like randn_like randint_like normal",
    "tensors.rng": "Generator default_generator manual_seed seed initial_seed get_rng_state set_rng_state",
    "tensors.printing": "set_printoptions",
    "tensors.dtypes": "set_default_dtype get_default_dtype set_default_tensor_type",
    "tensors.devices": "device cuda accelerator backends set_default_device get_default_device "
    "channels_last contiguous_format preserve_format use_deterministic_algorithms set_float32_matmul_precision",
    "tensors.blas_threads": "get_num_threads set_num_threads",
    "tensors.joining": "cat concat concatenate stack hstack vstack row_stack dstack column_stack atleast_1d atleast_2d "
    "atleast_3d broadcast_shapes broadcast_tensors meshgrid cartesian_prod combinations block_diag tril_indices "
    "triu_indices",
    "tensors.einsum": "einsum tensordot",
    "tensors.differences": "gradient",
    "linalg": "chain_matmul",
    "utils.older": "qr svd",
    "utils.amp": "autocast GradScaler",
    "func": "vmap",
    "grad_mode": "no_grad enable_grad set_grad_enabled inference_mode is_grad_enabled is_inference_mode_enabled",
    "autograd": "walk detect_anomaly",
    "autograd.gradients": "grad",
    "serialization": "load save",
    "network": "Network",
    "nn.convolution": "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    "nn.normalization": "batch_norm group_norm instance_norm layer_norm rms_norm",
    "nn.pooling": "max_pool1d max_pool2d max_pool3d avg_pool1d adaptive_avg_pool1d adaptive_max_pool1d",
    "nn.activations": "celu hardshrink prelu rrelu selu threshold",
    "nn.similarity": "cosine_similarity pairwise_distance",
    "nn.resize": "pixel_shuffle pixel_unshuffle channel_shuffle",
    "teach.backward": "check_backward",
    "viz.charts.chart": "chart",
    "viz.graph.draw": "draw",
    "program.source": "source",
    "program.compiled": "compile",
    "viz.steps.steps": "step",
    "viz.training.watch": "watch",
    "teach.rules.check": "check_rule",
    "teach.schedules.check": "check_schedule",
    "teach.forward.check": "check_forward",
    "teach.sanity": "sanity",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}
_MODULES = {"autograd", "course", "data", "distributions", "engine", "func", "linalg", "nn", "optim", "scalar"}
_MODULES |= {"parallel", "random", "special", "surfaces", "utils"}
_DTYPES = {
    **{name: name for name in ("float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")},
    **{"float": "float32", "double": "float64", "short": "int16", "int": "int32", "long": "int64"},
}
_NO_DTYPES = {
    **{name: name for name in ("float16", "bfloat16", "complex64", "complex128", "uint16", "uint32", "uint64")},
    **{"half": "float16", "cfloat": "complex64", "cdouble": "complex128"},
}
"""Dtypes that a program may name, but no tensor has: using one raises."""


_PATHS = {
    "autograd.grad_mode": "autograd",
    "backends": "tensors.devices:backends",
    "backends.*": "tensors.devices:accelerator",
    "cuda": "tensors.devices:cuda",
    "amp": "utils.amp",
    "cuda.amp": "utils.amp",
    "distributions.*": "distributions",
    "functional": ".",
    "nn.modules": "nn",
    "nn.modules.*": "nn",
    "nn.parameter": "nn",
    "nn.utils.clip_grad": "nn.utils",
    "nn.utils.convert_parameters": "nn.utils",
    **{
        f"optim.{name}": "optim"
        for name in ("adadelta", "adagrad", "adam", "adamax", "adamw", "asgd", "nadam", "radam")
    },
    **{f"optim.{name}": "optim" for name in ("rmsprop", "rprop", "sgd")},
    "testing": "utils.testing",
    "utils.data.dataloader": "utils.data",
    "utils.data.dataset": "utils.data",
    "utils.data.sampler": "utils.data",
}
"""Modules of PyTorch that programs import -> where their names are here."""


class _Paths(MetaPathFinder, Loader):
    """Import PyTorch's module paths: `from minigrad.utils.data.dataloader import DataLoader`."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Return a spec for one of `_PATHS`, otherwise None."""
        return ModuleSpec(fullname, self) if self._home(fullname) else None

    def _home(self, fullname: str) -> str | None:
        package, _, path = fullname.partition(".")
        return _PATHS.get(path) or _PATHS.get(path.rpartition(".")[0] + ".*") if package == __name__ else None

    def exec_module(self, module: ModuleType) -> None:
        """Put what has the names there into `sys.modules` instead of the new, empty module."""
        home, _, attribute = str(self._home(module.__name__)).partition(":")
        found: Any = sys.modules[__name__] if home == "." else import_module(f"minigrad.{home}")
        sys.modules[module.__name__] = getattr(found, attribute) if attribute else found


sys.meta_path.insert(0, _Paths())


def __getattr__(name: str) -> object:
    value: object
    if name in _HOME:
        value = getattr(import_module(f"minigrad.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"minigrad.{name}")
    elif name in _DTYPES:
        value = import_module("numpy").dtype(_DTYPES[name])
    elif name in _NO_DTYPES:
        value = import_module("minigrad.tensors.dtypes").AbsentDtype(_NO_DTYPES[name])
    elif name in ("Size", "dtype"):
        value = tuple if name == "Size" else import_module("numpy").dtype  # which shapes and dtypes are
    elif name in _PATHS:
        value = import_module(f"{__name__}.{name}")
    elif not name.startswith("_") and name in _functions():
        value = import_module("minigrad.tensors.methods").as_function(_functions()[name])
    else:
        raise import_module("minigrad.output.absent").no_attribute("module 'minigrad'", name, __dir__)
    globals()[name] = value
    return value


def _functions() -> dict[str, object]:
    """The methods that compute, as functions: minigrad.exp(t) is t.exp()."""
    from minigrad.tensors.methods import Operations
    from minigrad.tensors.tensor import Tensor

    methods = {name: getattr(Operations, name) for name in dir(Operations) if not name.startswith("_")}
    return {"detach": Tensor.detach, **{name: method for name, method in methods.items() if callable(method)}}


def __dir__() -> list[str]:
    here = {"__version__", "Size", "amp", "dtype", "e", "inf", "nan", "pi", "testing"}
    return sorted({*here, *_HOME, *_MODULES, *_DTYPES, *_functions()})
