"""Mixed precision under PyTorch's names, without effect: minigrad computes in the dtype of the tensors.

Programs that are written for it run, in float32, and a warning says so once.
"""

from __future__ import annotations

import warnings
from contextlib import ContextDecorator
from typing import Any

from minigrad.tensors.devices import check_device
from minigrad.tensors.tensor import Tensor


class autocast(ContextDecorator):
    """Do nothing: the block computes in the dtype of its tensors. A context manager and decorator.

    Args:
        device_type: "cpu" or, as there is none, "cuda".
        dtype: a dtype, which is ignored.
        enabled: False gives no warning.
        cache_enabled: accepted and ignored.

    >>> from minigrad import ones
    >>> with autocast("cpu", enabled=False):
    ...     print((ones(2) * 2).dtype)
    float32
    """

    def __init__(
        self, device_type: Any = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if isinstance(device_type, bool):  # torch.cuda.amp.autocast(enabled)
            device_type, enabled = "cpu", device_type
        if device_type != "cuda":
            check_device("autocast", device_type)
        if enabled:
            _warn("autocast", "everything is computed in the dtype of the tensors")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass


class GradScaler:
    """Scale nothing: in float32, gradients do not underflow. `scale(loss)` is the loss, `step` a step.

    Args:
        device: "cpu" or "cuda".
        init_scale, growth_factor, backoff_factor, growth_interval: accepted and ignored.
        enabled: False gives no warning.

    >>> from minigrad import nn, ones, optim
    >>> model, scaler = nn.Linear(2, 1), GradScaler(enabled=False)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> scaler.scale(model(ones(1, 2)).sum()).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    """

    def __init__(
        self,
        device: Any = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled:
            _warn("GradScaler", "losses are not scaled, and need not be in float32")

    def is_enabled(self) -> bool:
        """Return False."""
        return False

    def scale(self, outputs: Any) -> Any:
        """Return the loss as it is."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Do nothing: the gradients are not scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return `optimizer.step(...)`."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Do nothing."""

    def get_scale(self) -> float:
        """Return 1."""
        return 1.0

    def state_dict(self) -> dict[str, Any]:
        """Return an empty dictionary, as PyTorch's scaler does that is not enabled."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""


_warned: set[str] = set()


def _warn(name: str, effect: str) -> None:
    if name not in _warned:
        _warned.add(name)
        warnings.warn(f"{name} has no effect: {effect}", UserWarning, stacklevel=3)
