"""Names for the operations of a tape: the learner's own variables, otherwise the source text of the expression."""

from __future__ import annotations

import ast
import dis
import linecache
from contextlib import suppress
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

import numpy as np

from minigrad.teach.edits import as_operand
from minigrad.teach.tape import MOVING, Op, Tape

_STORES = ("STORE_FAST", "STORE_NAME", "STORE_DEREF", "STORE_GLOBAL")


@lru_cache(maxsize=256)
def _stored(code: CodeType) -> dict[int, str]:
    """Return, by the offset of an instruction, the variable to which the next instruction assigns its result."""
    found = {}
    instructions = [*dis.get_instructions(code)]
    for this, following in zip(instructions, instructions[1:]):
        if following.opname.startswith(_STORES):
            name = following.argval[0] if isinstance(following.argval, tuple) else following.argval
            # a call in progress is at one of the inline cache entries of its instruction
            found.update(dict.fromkeys(range(this.offset, following.offset, 2), str(name)))
    return found


@lru_cache(maxsize=256)
def _unpacked(code: CodeType) -> dict[int, list[str]]:
    """Return, by the offset of an instruction that unpacks a sequence, the variables of its elements."""
    found = {}
    instructions = [*dis.get_instructions(code)]
    for at, this in enumerate(instructions):
        if this.opname == "UNPACK_SEQUENCE":
            names: list[str] = []
            for following in instructions[at + 1 :]:
                if not following.opname.startswith(_STORES) or len(names) >= (this.arg or 0):
                    break
                names += following.argval if isinstance(following.argval, tuple) else [str(following.argval)]
            found[this.offset] = names
    return found


@lru_cache(maxsize=256)
def _positions(code: CodeType) -> list[Any]:
    return [*code.co_positions()]


def source_text(code: CodeType, instruction: int) -> str:
    """Return the expression that an instruction evaluates, "" if the source is not there or has several lines."""
    first, last, start, stop = _positions(code)[instruction // 2]
    if first is None or first != last or start is None:
        return ""
    line = linecache.getline(code.co_filename, first)
    return line.encode()[start:stop].decode(errors="replace").strip()


def is_written(place: Any) -> bool:
    """Return whether the learner's program has the instruction, and it is not a part of a primitive."""
    return place is not None and place.code is not None and not place.part


class Words:
    """The names of the operations of one tape."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._names: dict[int, str] = {}
        self._arrays: dict[Any, list[tuple[np.ndarray, str, int]]] = {}
        self._lookups: dict[Any, list[tuple[np.ndarray, str]]] = {}
        self._known: dict[Any, dict[Any, Any]] = {}
        self._counters: dict[int, list[tuple[dict[str, int], int]]] = {}
        self.indices: dict[Any, Any] = {}  # other indices of the parts that are read, once they are needed

    def variable(self, k: int) -> str:
        """Return the variable that holds the result of operation k, "" if there is none."""
        op = self.tape.ops[k]
        if self.is_inside(k):
            return ""
        place: Any = op.place
        if is_written(place):
            if isinstance(place.item, int):
                names = _unpacked(place.code).get(place.instruction, [])
                return names[place.item] if place.item < len(names) else ""
            for code, instruction in (*[call[:2] for call in place.returned[::-1]], (place.code, place.instruction)):
                if stored := _stored(code).get(instruction):
                    return stored
        return op.name or ""

    def is_inside(self, k: int) -> bool:
        """Return whether operation k is one of several of a call such as np.einsum, and others work on its result."""
        place = self.tape.ops[k].place
        if place is None or place.part or not place.execution or self.tape.ops[k].node is None:
            return False  # those that are written out of one primitive, such as a normalization, have its name
        for j, _ in self.tape.ops[k].users:
            user = self.tape.ops[j].place
            same = user is not None and not user.part and user.execution == place.execution
            if same and (self.tape.ops[j].kind not in MOVING or self.is_inside(j)):
                return True
        return False

    def name(self, k: int) -> str:
        """Return the name of a result, in backticks: a variable, or an expression."""
        if k not in self._names:
            self._names[k] = f"`{self.variable(k) or self.expression(k)}`"
        return self._names[k]

    def expression(self, k: int, depth: int = 2) -> str:
        """Return an expression for operation k: its source text if that is short."""
        op = self.tape.ops[k]
        if op.primitive is None:
            sides = (self._side(user, i) for user, i in (op.users[:1] if k else ()))
            return op.name or next(filter(None, sides), "") or "x"
        if is_written(op.place) and not self.is_inside(k):
            for code, instruction, _ in self._written_at(k):
                if (text := source_text(code, instruction)) and len(text) <= 40:
                    return text
        if depth == 0:
            return "..."
        return self._written(op, depth)

    def _side(self, k: int, i: int) -> str:
        """Return the source text of an operand of operation k, such as `W[l]` in `h @ W[l]`, "" if it is not there."""
        place: Any = self.tape.ops[k].place
        with suppress(SyntaxError, ValueError):
            if is_written(place) and not self.is_inside(k):
                tree = ast.parse(source_text(place.code, place.instruction).strip(), mode="eval").body
                if isinstance(tree, ast.BinOp):
                    text = ast.unparse((tree.left, tree.right)[i])
                    return text if len(text) <= 30 else ""
        return ""

    def _written(self, op: Op, depth: int) -> str:
        def operand(i: int) -> str:
            s = op.sources[i]
            if s is not None:
                return self.variable(s) or self.expression(s, depth - 1)
            return op.names.get(i) or _number(op.operands[i])

        operators = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@", "pow": "**"}
        texts = [operand(i) for i in range(len(op.sources))]
        if op.kind in operators and len(texts) == 2:
            return f" {operators[op.kind]} ".join(map(as_operand, texts))
        if op.kind == "neg":
            return f"-{texts[0]}"
        if op.kind == "to":
            return texts[0]
        if op.kind in ("reshape", "permute") and op.place is not None and op.place.execution:
            user = self.tape.ops[op.users[0][0]].place if op.users else None
            if user is not None and user.execution == op.place.execution:  # a part of np.einsum: what it moves
                return texts[0]
        if op.kind == "place":  # a[index] += b
            name = self.variable(op.users[0][0]) if op.users else ""
            return f"{name or '...'}[...]"
        if op.kind == "getitem":
            return f"{texts[0]}[...]"
        return f"{op.kind}({', '.join(texts[:2])})"

    def operand(self, k: int, i: int) -> str:
        """Return the name of an operand of operation k."""
        op = self.tape.ops[k]
        s = op.sources[i]
        return self.name(s) if s is not None else f"`{op.names.get(i) or _number(op.operands[i])}`"

    def apart(self, k: int, other: int) -> str:
        """Return the name of a result, with its line if another one has the same name."""
        return self.through(k) if self.name(k) == self.name(other) else self.name(k)

    def line(self, k: int) -> str:
        """Return " (line 3)", or "" if the line is not known; with the pass if there are several."""
        op = self.tape.ops[k]
        if op.place is None or op.place.code is None:
            return ""
        line = op.place.line
        for code, instruction, of_call in () if op.place.part else op.place.returned[::-1]:
            if _stored(code).get(instruction):
                return f" (line {of_call})"
        if not self.variable(k) and not op.place.part:
            texts = ((source_text(code, at), number) for code, at, number in self._written_at(k))
            line = next((number for text, number in texts if 0 < len(text) <= 40), line)
        return f" (line {line})"

    def _written_at(self, k: int) -> list[tuple[Any, int, int]]:
        """Return where the expression for a result stands: the call that returned it, or the operation itself."""
        place: Any = self.tape.ops[k].place
        here = (place.code, place.instruction, place.line)
        return [here] if k == len(self.tape.ops) - 1 else [*place.returned[:1], here]

    def passes(self, k: int) -> int:
        """Return how many operations were computed by the same instruction."""
        return len(self.same_instruction(k))

    def is_loop(self, k: int) -> bool:
        """Return whether the operations by the instruction of operation k are of several passes, not of one call."""
        places = [self.tape.ops[j].place for j in self.same_instruction(k)]
        return len({place.execution for place in places if place is not None}) == len(places) > 1

    def same_instruction(self, k: int) -> list[int]:
        """Return all operations of a kind that were computed by the instruction of operation k."""
        op = self.tape.ops[k]
        return [k] if op.place is None else self._passes[op.place.key, op.kind]

    @cached_property
    def _passes(self) -> dict[Any, list[int]]:
        """The operations of a kind that were computed by one instruction."""
        found: dict[Any, list[int]] = {}
        for k, op in enumerate(self.tape.ops):
            if op.place is not None:
                found.setdefault((op.place.key, op.kind), []).append(k)
        return found

    def counters(self, k: int) -> list[tuple[dict[str, int], int]]:
        """Return the values of the variables that count the passes of the loop around operation k, for every pass."""
        same = self.same_instruction(k)
        if same[0] not in self._counters:
            places = [self.tape.ops[j].place for j in same]
            every = [{} if place is None else place.integers for place in places]
            names = [n for n in every[0] if all(n in v for v in every) and len({v[n] for v in every}) > 1][:5]
            self._counters[same[0]] = [({n: v[n] for n in names}, j) for v, j in zip(every, same)]
        return self._counters[same[0]]

    @cached_property
    def sizes(self) -> dict[int, str]:
        """The sizes of the dimensions of the arrays, with their meaning."""
        found: dict[int, str] = {}
        for k, op in enumerate(self.tape.ops):
            for d, n in enumerate(op.value.shape):
                if n > 1 and n not in found:
                    found[n] = f"the size of dimension {d} of {self.name(k)}"
        return found

    def known(self, k: int, early: int) -> dict[Any, Any]:
        """Return what is known of the function from operation `early` to k in all passes of a loop: to be filled."""
        key = self.same_instruction(k)[0], self.same_instruction(early)[0], self.name(early), self.name(k)
        return self._known.setdefault(key, {})

    def through(self, k: int) -> str:
        """Return an operation, with its line; for a conversion of the dtype, that which uses the result."""
        op = self.tape.ops[k]
        if op.kind == "to" and len(op.users) == 1 and not self.variable(k):
            return self.through(op.users[0][0])
        return f"{self.name(k)}{self.line(k)}"

    def arrays(self, shape: tuple[int, ...], kind: type = float) -> list[tuple[np.ndarray, str, int]]:
        """Return the different arrays of a shape with their names and places on the tape; with `kind` bool, masks."""
        if (shape, kind) not in self._arrays:
            found: dict[bytes, tuple[np.ndarray, str, int]] = {}

            def keep(array: np.ndarray, name: str, k: int) -> None:
                same = found.get(array.tobytes())
                if same is None or name[1:-1].isidentifier() and not same[1][1:-1].isidentifier():  # a variable
                    found[array.tobytes()] = array, name, k

            for k, op in enumerate(self.tape.ops):
                if op.value.shape == shape and kind is float:
                    keep(op.value, self.name(k), k)
                for i, (s, o) in enumerate(zip(op.sources, op.operands)):
                    if s is not None or not isinstance(o, np.ndarray) or o.dtype.kind != np.dtype(kind).kind:
                        continue
                    if o.shape == shape or kind is bool and np.broadcast_shapes(o.shape, shape) == shape:
                        array = np.broadcast_to(o, shape)
                        keep(array, self.operand(k, i), k)
            self._arrays[shape, kind] = [*found.values()]
        return self._arrays[shape, kind]

    def lookups(self, shape: tuple[int, ...]) -> list[tuple[np.ndarray, str]]:
        """Return the arrays of a shape that are rows of a table, such as embeddings, with all indices that are used."""
        if shape not in self._lookups:
            reads = [(k, op, op.parameters["index"]) for k, op in enumerate(self.tape.ops) if op.kind == "getitem"]
            reads = [(k, op, i) for k, op, i in reads if isinstance(i, np.ndarray) and i.dtype.kind in "iu"][:8]
            found = self._lookups[shape] = []
            tables = {self.operand(k, 0): op.operands[0] for k, op, _ in reads}
            for name, table in tables.items():
                for k, _, index in reads:
                    if index.shape + table.shape[1:] == shape and (index < len(table)).all():
                        found.append((table[index], f"{name} at the index of {self.name(k)}"))
                if shape[1:] == table.shape[1:] and shape[:1] <= table.shape[:1]:
                    found.append((table[: shape[0]], f"the first rows of {name}, without the index,"))
        return self._lookups[shape]


def _number(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        if value.shape == (len(value), len(value)) and np.array_equal(value, np.eye(len(value))):
            return f"np.eye({len(value)})"
        masks = value.size and bool(((value == 0) | (value < -1000)).all() and (value < 0).any())
        return "the mask (0 or a large negative number)" if masks else "a constant"
    return f"{float(value):.6g}" if value is not None else "None"
