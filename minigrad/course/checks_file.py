"""NAME.checks.json, which lies beside a released file: the visible checks, with inputs and expected values as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor

FORMAT = 1


def encode(value: Any) -> Any:
    """Return numbers, texts, arrays, Tensors, and tuples, lists and dicts of them as plain JSON.

    Raises:
        TypeError: the value is something else.

    >>> encode((1.5, np.array([[1, 2]], dtype="int32")))
    {'tuple': [1.5, {'dtype': 'int32', 'shape': [1, 2], 'data': [1, 2]}]}
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and not isinstance(value, np.generic):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, Tensor):
        return {"tensor": encode(value.detach().numpy()), "requires_grad": value.requires_grad}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        data = [item if math.isfinite(item) else str(item) for item in np.asarray(value).ravel().tolist()]
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": data}
    what = f"an array of {value.dtype}" if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__
    raise TypeError(f"must be numbers, arrays of numbers, or tuples and lists of them, got {what}")


def decode(data: Any) -> Any:
    """Return the value that `encode` wrote, made anew."""
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if "float" in data:
        return float(data["float"])
    if "tuple" in data:
        return tuple(decode(item) for item in data["tuple"])
    if "dict" in data:
        return {decode(key): decode(item) for key, item in data["dict"]}
    if "tensor" in data:
        return Tensor(decode(data["tensor"]), requires_grad=data["requires_grad"])
    array = np.array([float(item) if isinstance(item, str) else item for item in data["data"]], data["dtype"])
    return array.reshape(data["shape"])


def dumps(content: dict[str, Any]) -> str:
    """Return the text of the file: an entry of its lists a line, and at the end the digest of all before it."""
    parts = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            body = ",\n  ".join(_json(item) for item in value)
            parts.append(f"{_json(key)}: [\n  {body}\n ]")
        else:
            parts.append(f"{_json(key)}: {_json(value)}")
    return "{\n " + ",\n ".join([*parts, f'"digest": {_json(_digest(content))}']) + "\n}\n"


def loads(text: str, name: str) -> dict[str, Any]:
    """Read the text of the file.

    Raises:
        ValueError: it is no such file, or of another version of this format.
    """
    try:
        content = json.loads(text)
        version = content["format"]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{name} is damaged: fetch it again from where the assignment came from") from None
    if version != FORMAT:
        raise ValueError(f"{name} has format {version}, and this version of minigrad reads {FORMAT}: update minigrad")
    return content


def unchanged(content: dict[str, Any]) -> bool:
    """Return whether the content is as `dumps` wrote it."""
    return content.get("digest") == _digest({key: value for key, value in content.items() if key != "digest"})


def digest(text: str) -> str:
    """Return the SHA-256 of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def beside(path: Path) -> Path:
    """Return the path of the file that belongs to a released file.

    >>> beside(Path("hw/layers.ipynb")).name
    'layers.checks.json'
    """
    return path.with_name(f"{path.stem}.checks.json")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _digest(content: dict[str, Any]) -> str:
    return digest(json.dumps(content, ensure_ascii=False, sort_keys=True))
