"""Values between processes: every layout crosses, and no bytes can make the reader trust or hold more than it asked."""

import contextlib
import io
import json
import struct

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad.course import wire


def across(header, arrays=(), limit=10**6):
    return wire.receive(io.BytesIO(wire.frame(header, arrays)).read, lambda: limit)


@given(npst.arrays(st.sampled_from(sorted(wire.DTYPES)), npst.array_shapes(min_dims=0, min_side=0)), st.booleans())
def test_arrays_of_any_layout_cross(array, turned):
    array = array.T[..., ::-1] if turned and array.ndim else array
    _, (found,) = across({}, [wire.as_array(array)])
    assert found.dtype == array.dtype and found.shape == array.shape and found.tobytes() == array.tobytes()
    assert found.flags.writeable


@pytest.mark.parametrize(
    "value",
    [1, -1.5, float("inf"), True, None, "sum", [1, [2.5, 3]], (1, (2,)), {"axis": 0, 1: [1.0]}, np.float32(2), [], ()],
    ids=repr,
)
def test_arguments_arrive_as_they_are(value):
    data, arrays = wire.pack([value])
    header, arrays = across({"arguments": data}, arrays)
    (found,) = wire.unpack(header["arguments"], arrays)
    assert found == value and type(found) is type(value)


def test_tensors_and_arrays_arrive_as_such():
    given = [np.arange(6.0).reshape(2, 3).T, minigrad.tensor([1.0, 2.0], requires_grad=True), np.array(2, "int8")]
    data, arrays = wire.pack(given)
    x, t, n = wire.unpack(data, across({}, arrays)[1])
    assert np.array_equal(x, given[0]) and t.tolist() == [1.0, 2.0] and t.requires_grad
    assert isinstance(n, np.ndarray) and n.dtype == "int8"


def test_what_is_no_number_is_refused_or_described():
    with pytest.raises(wire.Unsendable, match="generator"):
        wire.pack([(y for y in ())])
    for value, said in [("1", "text"), (1j, "complex128"), (None, "None"), (np.zeros(1, object), "objects"),
                        ([[1.0], [1.0, 2.0]], "differ"), (10**30, "64 bits"), (["a"], "text")]:  # fmt: skip
        with pytest.raises(wire.Unsendable, match=said):
            wire.as_array(value)
    huge = np.broadcast_to(1.0, (10**6, 10**6))
    with pytest.raises(wire.Unsendable, match="larger"):
        wire.as_array(huge, 10**6)
    assert wire.as_array(np.longdouble(1)).dtype == "float64"
    assert wire.as_array(np.ones(2, ">f8")).dtype.str == np.dtype("f8").str


def test_outputs_are_found_in_tuples_and_in_lists_of_arrays():
    x = np.ones(2)
    assert len(wire.outputs((x, (x, [x, 1.0])))) == 4
    assert wire.outputs([[1, 2], [3, 4]]) == [[[1, 2], [3, 4]]]
    assert wire.outputs(()) == []
    with pytest.raises(wire.Unsendable):
        wire.outputs((x,) * 2000)


def forged(header, payload=b"", length=None, size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<IQ", len(text) if length is None else length, len(payload) if size is None else size) + (
        text + payload
    )


@pytest.mark.parametrize(
    "data",
    [
        forged({"arrays": []}, length=2**32 - 1),
        forged({"arrays": []}, size=2**64 - 1),
        forged({"arrays": []}, size=10**6 + 1),
        forged({}),
        forged([]),
        forged(b"\xff"),
        forged(b"[" * 10**5),
        forged({"arrays": 3}),
        forged({"arrays": [3]}),
        forged({"arrays": [["<f8", [2]]]}, bytes(8)),
        forged({"arrays": [["<f8", [1]]]}, bytes(16)),
        forged({"arrays": [["<f8", [-1]]]}),
        forged({"arrays": [["<f8", [2**61, 2**61, 0]]]}),
        forged({"arrays": [["<f8", [2**61, 8]]]}),
        forged({"arrays": [["<f8", [1.0]]]}, bytes(8)),
        forged({"arrays": [["|O", [1]]]}, bytes(8)),
        forged({"arrays": [["V8", [1]]]}, bytes(8)),
        forged({"arrays": [["<c16", [1]]]}, bytes(16)),
        forged({"arrays": [[["<f8"], [1]]]}, bytes(8)),
        forged({"arrays": [["<f8", "1"]]}, bytes(8)),
        forged({"arrays": [["<f8", [1] * 40]]}, bytes(8)),
        forged({"arrays": ["text"] * 2000}),
    ],
)
def test_a_forged_frame_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.receive(io.BytesIO(data).read, lambda: 10**6)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_else(data):
    for prefix in (b"", struct.pack("<IQ", len(data), 0)):
        with contextlib.suppress(wire.WireError, EOFError):
            wire.receive(io.BytesIO(prefix + data).read, lambda: 100)
