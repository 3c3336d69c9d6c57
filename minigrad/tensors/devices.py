"""Devices: all tensors are on the CPU. PyTorch's programs ask for devices, and get true answers here."""

from __future__ import annotations

import importlib
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from typing import Any, ClassVar, NoReturn

NAMES = ("cpu", "cuda", "mps", "xpu", "meta")
"""The device types that PyTorch's programs name."""


class device:
    """The device that holds a tensor: always the CPU.

    Raises:
        RuntimeError: for any other device.

    >>> device("cpu"), str(device("cpu")), device("cpu").type
    (device(type='cpu'), 'cpu', 'cpu')
    """

    type = "cpu"

    def __init__(self, type: Any, index: int | None = None) -> None:
        name = str(type)
        name, colon, number = name.partition(":")
        if name not in NAMES or colon and not number.isdecimal():
            raise RuntimeError(f"device {str(type)!r}: there is no such device; minigrad computes on the 'cpu'")
        if name != "cpu":
            refuse_device(f"device {str(type)!r}")
        self.index = int(number) if colon else index

    def __repr__(self) -> str:
        return "device(type='cpu')" if self.index is None else f"device(type='cpu', index={self.index})"

    def __str__(self) -> str:
        return "cpu" if self.index is None else f"cpu:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.index == other.index

    def __hash__(self) -> int:
        return hash(("cpu", self.index))


cpu = device("cpu")
channels_last = "torch.channels_last"
contiguous_format = "torch.contiguous_format"
preserve_format = "torch.preserve_format"


def refuse_device(name: str) -> NoReturn:
    """Raise: a GPU was requested."""
    raise RuntimeError(f"{name}: minigrad computes on the CPU only; leave it out, or use 'cpu'")


def check_device(name: str, wanted: Any) -> None:
    """Raise unless `wanted` is the CPU or None."""
    if wanted is not None and not isinstance(wanted, device):
        device(wanted) if isinstance(wanted, str) else refuse_device(f"{name}: device={wanted!r}")


def check_options(name: str, options: dict[str, Any]) -> None:
    """Check PyTorch's keywords about memory: accept those that have no effect here.

    Raises:
        TypeError: for an unknown keyword.
        NotImplementedError: for one that requests something unsupported.
    """
    for key, value in options.items():
        if key == "device":
            check_device(name, value)
        elif key == "memory_format" and value in (contiguous_format, preserve_format):
            continue  # the only one here
        elif key not in {"layout", "pin_memory", "memory_format", "out", "names"}:
            raise TypeError(f"{name}() got an unexpected keyword argument {key!r}")
        elif value is not None and value is not False:
            raise NotImplementedError(f"{name}: {key}={value!r} is not supported: leave it out")


def set_default_device(device: Any) -> None:
    """Accept the CPU, and raise for any other device."""
    check_device("set_default_device", device)


def get_default_device() -> device:
    """Return the CPU."""
    return cpu


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Do nothing: all algorithms here are deterministic."""


def set_float32_matmul_precision(precision: str) -> None:
    """Do nothing: products of float32 are computed in float32."""


class _Absent:
    """An accelerator that is not available."""

    @staticmethod
    def is_available() -> bool:
        """Return False."""
        return False

    is_built = is_available

    @staticmethod
    def device_count() -> int:
        """Return 0."""
        return 0

    @staticmethod
    def current_accelerator(check_available: bool = False) -> None:
        """Return None: there is no accelerator."""

    @staticmethod
    def manual_seed(seed: int) -> None:
        """Do nothing: there is no device to seed."""

    manual_seed_all = manual_seed

    @staticmethod
    def empty_cache() -> None:
        """Do nothing: there is no memory of a device."""

    __path__: ClassVar[list[str]] = []  # these two let `import minigrad.cuda.amp` find it
    __spec__ = ModuleSpec("minigrad.cuda", None)
    matmul = SimpleNamespace()
    """Takes settings such as allow_tf32, which have no effect."""

    def __getattr__(self, name: str) -> Any:
        if name == "amp":
            return importlib.import_module("minigrad.cuda.amp")
        raise AttributeError(
            f"{name}: minigrad computes on the CPU only; a program can check is_available() before it uses this"
        )


class backends:
    """PyTorch's other backends, none of which is available."""

    mps = cuda = cudnn = _Absent()
    __path__: ClassVar[list[str]] = []  # these two let `import minigrad.backends.cudnn` find it
    __spec__ = ModuleSpec("minigrad.backends", None)


cuda = accelerator = mps = xpu = _Absent()
