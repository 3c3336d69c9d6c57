"""minigrad: reverse-mode automatic differentiation to learn from, on NumPy.

Names are loaded when they are first used, so that `import minigrad` is quick and `minigrad.scalar` needs no NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
    "tensors.dtypes": "set_default_dtype get_default_dtype",
    "tensors.devices": "device cuda accelerator backends set_default_device get_default_device",
    "tensors.joining": "cat concat concatenate stack hstack vstack row_stack dstack column_stack atleast_1d atleast_2d "
    "atleast_3d broadcast_shapes broadcast_tensors meshgrid cartesian_prod combinations block_diag tril_indices "
    "triu_indices",
    "tensors.einsum": "einsum tensordot",
    "linalg": "chain_matmul",
    "grad_mode": "no_grad enable_grad set_grad_enabled inference_mode is_grad_enabled is_inference_mode_enabled",
    "autograd": "walk detect_anomaly",
    "autograd.gradients": "grad",
    "serialization": "load save",
    "network": "Network",
    "nn.convolution": "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    "nn.normalization": "batch_norm group_norm instance_norm layer_norm rms_norm",
    "nn.pooling": "max_pool1d max_pool2d max_pool3d avg_pool1d adaptive_avg_pool1d adaptive_max_pool1d",
    "nn.resize": "pixel_shuffle pixel_unshuffle channel_shuffle",
    "viz.graph.draw": "draw",
    "program.source": "source",
    "viz.steps.steps": "step",
    "viz.training.watch": "watch",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}
_MODULES = {"autograd", "data", "distributions", "engine", "func", "linalg", "nn", "optim", "scalar"}
_MODULES |= {"random", "special", "surfaces", "utils"}
_DTYPES = {
    **{name: name for name in ("float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")},
    **{"float": "float32", "double": "float64", "short": "int16", "int": "int32", "long": "int64"},
}
_NO_DTYPES = {"float16", "half", "bfloat16", "complex64", "complex128", "cfloat", "uint16", "uint32", "uint64"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"minigrad.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"minigrad.{name}")
    elif name in _DTYPES:
        value = importlib.import_module("numpy").dtype(_DTYPES[name])
    elif name == "Size":
        value = tuple  # which shapes are
    elif not name.startswith("_") and hasattr(_operations(), name):  # minigrad.exp(t) is t.exp()
        value = getattr(_operations(), name)
    else:
        mend = f": tensors are of {', '.join(_DTYPES)}" if name in _NO_DTYPES else ""
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}{mend}")
    globals()[name] = value
    return value


def _operations() -> Any:
    return importlib.import_module("minigrad.tensors.methods").Operations


def __dir__() -> list[str]:
    methods = [name for name in dir(_operations()) if not name.startswith("_")]
    return sorted({*globals(), *_HOME, *_MODULES, *_DTYPES, *methods})


if TYPE_CHECKING:  # the same for type checkers; what is not here, __getattr__ above makes Any
    from minigrad import autograd as autograd
    from minigrad import data as data
    from minigrad import distributions as distributions
    from minigrad import engine as engine
    from minigrad import func as func
    from minigrad import linalg as linalg
    from minigrad import nn as nn
    from minigrad import optim as optim
    from minigrad import random as random
    from minigrad import scalar as scalar
    from minigrad import special as special
    from minigrad import surfaces as surfaces
    from minigrad import utils as utils
    from minigrad.autograd import detect_anomaly as detect_anomaly
    from minigrad.autograd import walk as walk
    from minigrad.autograd.gradients import grad as grad
    from minigrad.grad_mode import enable_grad as enable_grad
    from minigrad.grad_mode import is_grad_enabled as is_grad_enabled
    from minigrad.grad_mode import no_grad as no_grad
    from minigrad.linalg import chain_matmul as chain_matmul
    from minigrad.network import Network as Network
    from minigrad.program.source import source as source
    from minigrad.random import normal as normal
    from minigrad.random import rand as rand
    from minigrad.random import rand_like as rand_like
    from minigrad.random import randint as randint
    from minigrad.random import randint_like as randint_like
    from minigrad.random import randn as randn
    from minigrad.random import randn_like as randn_like
    from minigrad.random import randperm as randperm
    from minigrad.scalar import Value as Value
    from minigrad.serialization import load as load
    from minigrad.serialization import save as save
    from minigrad.tensors.creation import arange as arange
    from minigrad.tensors.creation import as_tensor as as_tensor
    from minigrad.tensors.creation import asarray as asarray
    from minigrad.tensors.creation import can_cast as can_cast
    from minigrad.tensors.creation import empty as empty
    from minigrad.tensors.creation import empty_like as empty_like
    from minigrad.tensors.creation import eye as eye
    from minigrad.tensors.creation import finfo as finfo
    from minigrad.tensors.creation import from_numpy as from_numpy
    from minigrad.tensors.creation import full as full
    from minigrad.tensors.creation import full_like as full_like
    from minigrad.tensors.creation import iinfo as iinfo
    from minigrad.tensors.creation import is_floating_point as is_floating_point
    from minigrad.tensors.creation import is_tensor as is_tensor
    from minigrad.tensors.creation import linspace as linspace
    from minigrad.tensors.creation import logspace as logspace
    from minigrad.tensors.creation import ones as ones
    from minigrad.tensors.creation import ones_like as ones_like
    from minigrad.tensors.creation import promote_types as promote_types
    from minigrad.tensors.creation import result_type as result_type
    from minigrad.tensors.creation import tensor as tensor
    from minigrad.tensors.creation import where as where
    from minigrad.tensors.creation import zeros as zeros
    from minigrad.tensors.creation import zeros_like as zeros_like
    from minigrad.tensors.devices import accelerator as accelerator
    from minigrad.tensors.devices import backends as backends
    from minigrad.tensors.devices import cuda as cuda
    from minigrad.tensors.devices import device as device
    from minigrad.tensors.devices import get_default_device as get_default_device
    from minigrad.tensors.devices import set_default_device as set_default_device
    from minigrad.tensors.dtypes import get_default_dtype as get_default_dtype
    from minigrad.tensors.dtypes import set_default_dtype as set_default_dtype
    from minigrad.tensors.einsum import einsum as einsum
    from minigrad.tensors.einsum import tensordot as tensordot
    from minigrad.tensors.joining import atleast_1d as atleast_1d
    from minigrad.tensors.joining import atleast_2d as atleast_2d
    from minigrad.tensors.joining import atleast_3d as atleast_3d
    from minigrad.tensors.joining import block_diag as block_diag
    from minigrad.tensors.joining import broadcast_shapes as broadcast_shapes
    from minigrad.tensors.joining import broadcast_tensors as broadcast_tensors
    from minigrad.tensors.joining import cartesian_prod as cartesian_prod
    from minigrad.tensors.joining import cat as cat
    from minigrad.tensors.joining import column_stack as column_stack
    from minigrad.tensors.joining import combinations as combinations
    from minigrad.tensors.joining import concat as concat
    from minigrad.tensors.joining import concatenate as concatenate
    from minigrad.tensors.joining import dstack as dstack
    from minigrad.tensors.joining import hstack as hstack
    from minigrad.tensors.joining import meshgrid as meshgrid
    from minigrad.tensors.joining import row_stack as row_stack
    from minigrad.tensors.joining import stack as stack
    from minigrad.tensors.joining import tril_indices as tril_indices
    from minigrad.tensors.joining import triu_indices as triu_indices
    from minigrad.tensors.joining import vstack as vstack
    from minigrad.tensors.printing import set_printoptions as set_printoptions
    from minigrad.tensors.rng import Generator as Generator
    from minigrad.tensors.rng import default_generator as default_generator
    from minigrad.tensors.rng import get_rng_state as get_rng_state
    from minigrad.tensors.rng import initial_seed as initial_seed
    from minigrad.tensors.rng import manual_seed as manual_seed
    from minigrad.tensors.rng import seed as seed
    from minigrad.tensors.rng import set_rng_state as set_rng_state
    from minigrad.tensors.tensor import Tensor as Tensor
    from minigrad.viz.graph.draw import draw as draw
    from minigrad.viz.steps.steps import step as step
    from minigrad.viz.training.watch import watch as watch
