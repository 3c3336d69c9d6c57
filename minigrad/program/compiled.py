"""`compile`: record a function of tensors once, and run the recording from then on.

The first call runs as always, on stand-ins, which note every NumPy call of the forward and the backward pass. Later
calls run these lines alone: no graph, no tensors, no modules. Their result is a tensor of one node, whose
vector-Jacobian product is the recorded backward pass.
"""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter, is_
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.autograd.gradients import grad
from minigrad.grad_mode import accumulate, enable_grad, mode
from minigrad.hooks import watchers
from minigrad.output.words import class_name, in_brackets, printable
from minigrad.primitives.primitive import Primitive
from minigrad.program.arguments import (
    Pattern,
    containers_in,
    describe,
    inputs_of,
    objects_in,
    take_back,
    with_arrays,
    with_own_containers,
    with_stand_ins,
)
from minigrad.program.guards import Guards, new_objects
from minigrad.program.held import Held
from minigrad.program.recorder import Recorder, Stale, Variable, user_place
from minigrad.program.recording import all_turns, current_modes, current_recorder, record_calls, this_thread
from minigrad.program.scalar_program import ScalarProgram, watched
from minigrad.program.scalar_program import result as scalar_result
from minigrad.program.stand_ins import real
from minigrad.scalar import Value
from minigrad.tensors import rng, saved
from minigrad.tensors.dtypes import default
from minigrad.tensors.node import ArrayNode
from minigrad.tensors.tensor import Tensor, wrap

LIMIT = 8
"""How many recordings a function may have; beyond that it runs eagerly."""


def compile(function: Any) -> Any:
    """Record a step once, and run the recording from then on: the same numbers, to the bit, in less time.

    The first call runs as always, and every NumPy call of its forward and backward pass is noted. From the second call
    on only these calls run: there is no graph, and no Python of the model.

    Args:
        function: a `Network`, a module, or a function of tensors, arrays and nested lists of them that returns one
            tensor. Also a decorator.

    Returns:
        The network itself; otherwise a function with the same arguments and the same result.

    **When it records again.** For arguments of other shapes, dtypes or layouts, or other numbers or texts; after
    `train()` and `eval()`; with other gradient modes or other `requires_grad`; if anything else that the function read
    has changed: an attribute, a global variable, a variable of an enclosing function, a list; if a condition on
    numbers, as in `if loss > 3`, comes out differently. A function has at most 8 recordings.

    **What runs eagerly**, with a warning that says why: a function that changes anything but tensors, prints, draws
    numbers with NumPy's or Python's generators (minigrad's are drawn anew each time, as always), returns anything but
    one tensor, registers hooks, reads `.grad`, `.name`, `.grad_fn` or `.is_leaf` of a tensor that it did not make, or
    leaves another gradient mode behind.

    **Derivatives of derivatives.** `create_graph=True` and a second backward pass run the function again. They raise a
    RuntimeError if anything that it read has changed meanwhile.

    Raises:
        TypeError: if `function` cannot be called.

    >>> import minigrad
    >>> from minigrad import nn
    >>> _ = minigrad.manual_seed(0)
    >>> model, loss = nn.Linear(2, 1), nn.MSELoss()
    >>> step = minigrad.compile(lambda x, y: loss(model(x), y))
    >>> for _ in range(3):
    ...     model.zero_grad()
    ...     step(minigrad.tensor([[1.0, 2.0]]), minigrad.tensor([[3.0]])).backward()
    ...     for p in model.parameters():
    ...         p.data -= 0.1 * p.grad
    >>> step(minigrad.tensor([[1.0, 2.0]]), minigrad.tensor([[3.0]])).item() < 0.01
    True
    """
    if hasattr(function, "backward") and hasattr(function, "compile"):  # a Network
        return function.compile()
    if not callable(function):
        raise TypeError(
            f"compile: takes a Network, a module or a function of tensors, got {class_name(function)}: {function!r}"
        )
    return Compiled(function)


# ---- the function that is called -------------------------------------------------------------------------------------


class Compiled:
    """A function that is recorded when it is first called. See `compile`.

    Attributes:
        function: the function itself, which always runs eagerly.
        reason: why it last ran eagerly, "" if it did not.
    """

    is_compiled = True

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.reason = ""
        self._recordings: dict[Any, list[Recording]] = {}
        self._latest: tuple[Any, Pattern, Recording] | None = None  # modes and arguments that it ran with
        self._count = self._failures = 0
        self._gave_up = False

    def __getstate__(self) -> dict[str, Any]:  # of a copy, which records anew, what it has copied
        return {**self.__dict__, "_recordings": {}, "_latest": None, "_count": 0}

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<compiled {printable(getattr(self.function, '__name__', repr(self.function)))}>"

    def __call__(self, *args: Any, **options: Any) -> Any:
        if all_turns.are_odd and this_thread.recorder is None and not all_turns.wait():
            return self.function(*args, **options)
        if self._gave_up or watchers or this_thread.recorder is not None:
            return self.function(*args, **options)
        modes, latest, why = (mode.recording, mode.inference, default.dtype), None, ""
        if self._latest is not None and not options and self._latest[0] == modes:
            _, pattern, latest = self._latest
            if (found := pattern.inputs(args)) is not None:
                try:
                    return latest.run(found, args, options, flat=True)
                except Stale as stale:
                    why = str(stale)
            else:
                latest = None
        inputs: list[Any] = []
        key: Any = (*modes, describe(args, inputs), describe(options, inputs) if options else None)
        for recording in self._recordings.get(key, ()):
            if recording is not latest:
                try:
                    result = recording.run(inputs, args, options)
                except Stale as stale:
                    why = str(stale)
                else:
                    self._latest = None if options else (modes, Pattern(args), recording)
                    return result
        if self._count >= LIMIT:
            why = why or "other arguments"
            return self._give_up(f"it was recorded {LIMIT} times, last because of {why}", args, options)
        return self._record(key, inputs, args, options)

    def _give_up(self, reason: str, args: Any, options: Any) -> Any:
        self.reason, self._gave_up = reason, True
        self._recordings.clear()
        self._latest = None
        warnings.warn(f"compile: {self!r} runs eagerly from now on: {reason}", RuntimeWarning, stacklevel=3)
        return self.function(*args, **options)

    def _record(self, key: Any, inputs: list[Any], args: Any, options: Any) -> Any:
        recording = Recording(self.function, inputs)
        result, reason, temporary = recording.record(args, options)
        self._count += 1
        if temporary and self._failures < 2 and not recording.ended:  # a first step may set things up
            self._failures += 1
            return result
        recording.reason = self.reason = reason
        self._recordings.setdefault(key, []).append(recording)
        if reason:
            self._gave_up = temporary or recording.ended
            warnings.warn(f"compile: {self!r} runs eagerly: {reason}", RuntimeWarning, stacklevel=3)
        return result


# ---- a recording -----------------------------------------------------------------------------------------------------


class Recording:
    """A function, recorded for one kind of arguments.

    Args:
        function: the function.
        inputs: the tensors and arrays among its arguments.

    Attributes:
        reason: why the function runs eagerly instead, "" if it does not.
        ended: True if it runs a backward pass, before which recording has ended.
    """

    reason = ""
    ended = False

    def __init__(self, function: Callable[..., Any], inputs: list[Any]) -> None:
        self.function, self._inputs = function, inputs
        self._tensors: list[Tensor] = []  # others that the function uses
        self._arrays: list[np.ndarray] = []
        self._nodes: list[Any] = []
        self._needed: list[int] = []  # the positions of those that get a gradient
        self._users: set[int] = set()
        self._ids: set[int] = set()  # of the tensors and Values that are not arguments
        self._values: list[Value] = []
        self._fixed: list[tuple[int, Any]] = []
        self._scalar: Callable[..., Any] | None = None

    def record(self, args: Any, options: Any) -> tuple[Any, str, bool]:
        """Run the function. Return its result, why it cannot be recorded, and whether it may be possible next time."""
        with record_calls() as recorder, new_objects():
            held = recorder.held = Held(recorder, self._inputs)
            guards = self._guards = Guards(recorder.refuse, held.hold)
            profile = sys.getprofile()
            temporary, failure, lent = False, None, list[Any]()
            try:
                held.hold(rng.default_generator)
                stand_ins = {id(x): held.give(x) for x in self._inputs}
                given, named = with_stand_ins(args, stand_ins, lent), with_stand_ins(options, stand_ins, lent)
                guards.add(self.function, getattr(self.function, "__name__", class_name(self.function)))
                for a in objects_in((args, options)):
                    guards.add(a, class_name(a))
                for x in self._inputs:
                    if isinstance(x, Tensor | Value):
                        guards.add_tensor(x, class_name(x))
                modes = current_modes()
                reads: list[tuple[Value, float, str]] = []
                sys.setprofile(guards.watch)
                try:
                    with watched(
                        lambda v, number: reads.append((v, number, user_place())), recorder.refuse, current_recorder
                    ):
                        result = self.function(*given, **named)
                except Exception as error:
                    failure = error
                finally:
                    sys.setprofile(profile)
                self.ended = not recorder.active
                if failure is not None:
                    recorder.refuse(f"with stand-ins for its arrays it raises {class_name(failure)}: {failure}")
                    take_back(lent)
                    return self._eager(recorder, held, failure, args, options)
                if current_modes() != modes:
                    recorder.refuse("it changes the gradient mode, the default dtype or NumPy's errstate")
                if why := guards.changed():
                    temporary = not recorder.reason
                    recorder.refuse(f"it changes {why}")
                if take_back(lent):
                    recorder.refuse("it changes a list or dictionary among its arguments")
                self._elsewhere = self._found_elsewhere(args, options)
                self._fixed = [(i, self._inputs[i]) for i in sorted(held.fixed)]
                if isinstance(result, Value):
                    self._finish_values(recorder, held, result, reads)
                else:
                    self._finish(recorder, held, result, bool(held.values))
            finally:
                recorder.active = False
                take_back(lent)
                held.restore()
            held.splice(result)
        recorder.nodes, recorder.held, recorder.given = [], None, {}  # the graph's functions keep the recorder
        self._inputs = []
        return with_arrays(result), recorder.reason, temporary

    def _found_elsewhere(self, args: Any, options: Any) -> list[tuple[int, int]]:
        """Return the lists and dictionaries among the arguments that the function also finds elsewhere."""
        return [(i, id(c)) for i, c in enumerate(containers_in((args, options))) if self._guards.has_seen(c)]

    def _eager(self, recorder: Recorder, held: Held, error: Exception, args: Any, options: Any) -> Any:
        """Run the function eagerly after an exception: it raises the same, unless stand-ins were the cause."""
        recorder.active = False
        held.restore()
        if recorder.written or self.ended:  # what has been done once must not be done again
            raise error
        for generator, state in recorder.draws.items():
            generator.numpy.bit_generator.state = state
        self._guards.undo()
        return self.function(*args, **options), recorder.reason, False

    def _finish_values(self, recorder: Recorder, held: Held, y: Value, reads: Any) -> None:
        """Make the program of a function of Values."""
        if any(v.grad is not g for v, g in held.values):
            recorder.refuse("it runs a backward pass")
        if held.tensors or recorder.draws:
            recorder.refuse("it uses Values and arrays")
        if y.primitive is None:
            recorder.refuse("it returns a Value that was not computed, or was computed under no_grad()")
        if not recorder.reason:
            self._values = [v for v, _ in held.values]
            self._ids = {*map(id, self._values[len(self._inputs) :])}
            program = ScalarProgram(y, self._values, reads, Stale)
            self._scalar, self.source = program.run, program.source

    def _run_values(self, inputs: list[Any], args: Any, options: Any) -> Value:
        assert self._scalar is not None
        values = [*inputs, *self._values[len(inputs) :]]
        if why := self._guards.changed():
            raise Stale(why)
        try:
            y, partials = self._scalar(*[v.data for v in values])
        except (ArithmeticError, ValueError, TypeError):  # the engine then computes with IEEE's inf and nan
            eager: Value = self.function(*args, **options)
            return eager
        return scalar_result(y, values, partials)

    def _finish(self, recorder: Recorder, held: Held, result: Any, values: bool) -> None:
        """Record the backward pass, and make the program."""
        if values:
            recorder.refuse("it uses Values, and returns another object")
        if not isinstance(result, Tensor):
            recorder.refuse(f"it returns {class_name(real(result))}, not one tensor")
            return
        y: Any = result._array
        if type(y) is not Variable or y.name in recorder.given or y.name.startswith("k"):
            recorder.refuse("it returns an argument, or what does not depend on any")
            return
        if y.value.base is not None and recorder.lives_on(y):
            recorder.refuse("it returns a view of an argument")
        node = result._node
        contributions: list[Any] = []
        if node is not None:
            order = engine.reverse_topological_order([node])
            for n in order:
                calls_hooks = getattr(getattr(n, "function", None), "calls_hooks", False)
                if calls_hooks or n.hooks or n.post_accumulate_hooks or n.retains_grad or n.created_at:
                    recorder.refuse("it registers a hook, or retains a gradient")
            self._needed = [i for i, leaf in enumerate(held.leaves) if leaf is not None and leaf in set(order)]
            targets = [held.leaves[i] for i in self._needed]
            wanted = {*targets}
            if not recorder.reason:
                recorder.start_backward()
                seed = Variable(recorder, np.ones_like(y.value), "g")
                earlier, profile = mode.recording, sys.getprofile()
                mode.recording = False
                sys.setprofile(self._guards.watch)  # a Function's backward is the user's
                try:
                    events = engine.walk({node: seed}, retain_graph=True, targets=targets)
                    found = {n: g for n, g, _ in events if n in wanted}  # others' gradients are freed at once
                except Exception as error:  # that of a backward pass which nobody has asked for
                    found = {}
                    recorder.refuse(f"its backward pass raises {class_name(error)}: {error}")
                finally:
                    sys.setprofile(profile)
                    mode.recording = earlier
                contributions = [found.get(leaf) for leaf in targets]
                if why := self._guards.changed():
                    recorder.refuse(f"its backward pass changes {why}")
                    self._guards.undo()
        self._returns_graph = node is not None
        if recorder.reason:
            return
        self._program = recorder.program(y, contributions)
        self.source = recorder.source
        names = [*recorder.given]
        found_given, self._saves_result = recorder.saved(y, contributions)
        self._tensors = held.tensors[len(self._inputs) :]
        self._ids = {*map(id, self._tensors)}
        self._arrays = held.arrays[len(self._inputs) :]
        self._nodes = held.nodes[len(self._inputs) :]
        self._users = {id(array) for _, array, _, _, _, is_users in held.before if is_users}
        self._backward_given = [names.index(name) for name in found_given]
        self._written = [names.index(name) for name in recorder.written]
        self._sharing = _sharing(held.arrays) if self._written else ()
        self._draws = recorder.draws
        self._conditions = recorder.conditions

    def run(self, inputs: list[Any], args: Any, options: Any, flat: bool = False) -> Any:
        """Run the program on other arrays, or the function if it could not be recorded.

        Args:
            inputs: the tensors and arrays among the arguments.
            args, options: the arguments.
            flat: True if no argument is in a list, tuple or dictionary.

        Raises:
            Stale: if it does not fit; nothing has been changed then.
        """
        if self.reason:
            if why := self._guards.changed():
                raise Stale(why)
            return self.function(*args, **options)
        for i, x in self._fixed:
            if inputs[i] is not x:
                raise Stale("another tensor as an argument")
        elsewhere = [] if flat else self._found_elsewhere(args, options)
        if elsewhere != self._elsewhere or not self._ids.isdisjoint(map(id, inputs)):
            raise Stale("an argument that the function also finds elsewhere")
        if self._scalar is not None:
            return self._run_values(inputs, args, options)
        turns, count, tensors = all_turns.count, len(inputs), self._tensors
        arrays = [x if x.__class__ is np.ndarray else x._array for x in inputs]
        users = {id(a) for a, x in zip(arrays, inputs) if a is x or x._is_users}
        if not (
            all(map(is_, map(_array_of, tensors), self._arrays)) and all(map(is_, map(_node_of, tensors), self._nodes))
        ):
            self._check_tensors()
        arrays += self._arrays
        if why := self._guards.changed():
            raise Stale(why)
        sources = tuple([inputs[i].node if i < count else self._nodes[i - count] for i in self._needed])
        if all_turns.count != turns:  # another thread has begun to record, and its stand-ins may be among these
            all_turns.wait()
            return self.run(inputs, args, options)
        if self._written and _sharing(arrays) != self._sharing:
            raise Stale("arrays that share memory")
        given, users = [*arrays], users | self._users
        if users and self._returns_graph:
            self._protect(arrays, users)
        steps = self._program(*arrays)
        undo = self._conditions and (self._written or self._draws)
        y = self._start_or_undo(steps, arrays) if undo else next(steps)
        if self._written:
            saved.record_write(*[arrays[i] for i in self._written])
        if not self._returns_graph:
            return wrap(y, None)
        node = RecordedNode(y, _RECORDED, sources)
        node.steps, node.recording = steps, self
        node.arguments = (args, options) if flat else (with_own_containers(args), with_own_containers(options))
        node.given, node.used, node.users = given, arrays, users
        node.saved = tuple([arrays[i] for i in self._backward_given])
        node.checksums = saved.checksums(node.saved, users) if users or saved.exposed else None
        if self._saves_result:
            node.saved = (*node.saved, y)
            node.checksums = node.checksums and (*node.checksums, None)
        return wrap(y, node)

    def _protect(self, arrays: list[np.ndarray], users: set[int]) -> None:
        """Copy the user's own arrays that the backward part reads, as `saved.protect`."""
        for i in self._backward_given:
            a = arrays[i]
            if id(a) in users and a.nbytes <= saved.COPIED and i not in self._written:
                arrays[i] = a.copy()

    def _check_tensors(self) -> None:
        """Take the arrays and nodes that the tensors have now, if these are of the same kind."""
        now, nodes = [t._array for t in self._tensors], [t.node for t in self._tensors]
        for t, a, array, node, before in zip(self._tensors, now, self._arrays, nodes, self._nodes):
            if (a.shape, a.dtype, a.strides) != (array.shape, array.dtype, array.strides):
                raise Stale(f"a tensor{in_brackets(t.name)} of shape {a.shape}")
            if (node is None) is not (before is None):
                raise Stale(f"requires_grad of a tensor{in_brackets(t.name)}")
        self._arrays, self._nodes = now, nodes
        self._users = {id(t._array) for t in self._tensors if t._is_users}

    def _start_or_undo(self, steps: Any, arrays: list[np.ndarray]) -> Any:
        """Run the forward part; if a condition does not hold, undo what it has changed."""
        before = [arrays[i].copy() for i in self._written]
        states = [generator.numpy.bit_generator.state for generator in self._draws]
        try:
            return next(steps)
        except BaseException:
            for i, value in zip(self._written, before):
                arrays[i][...] = value
            for generator, state in zip(self._draws, states):
                generator.numpy.bit_generator.state = state
            raise

    def _changed(self, node: RecordedNode, inputs: list[Any]) -> str:
        """Return what has changed since a node was computed, "" if nothing has."""
        arrays = [x if x.__class__ is np.ndarray else x._array for x in inputs]
        for array, before, used in zip(arrays, node.given, node.used):
            if array is not before or (used is not before and not np.array_equal(array, used, equal_nan=True)):
                return "a tensor has got another array, or an array other numbers"
            if used is before and (id(array) in node.users or id(saved.memory_owner(array)) in saved.exposed):
                return "NumPy may have written into an array"
        if saved.find_overwritten(tuple(node.given), node.index, None) is not None:
            return "a tensor was changed in place"
        why = self._guards.changed()
        return f"{why} has changed" if why else ""

    def again(self, node: RecordedNode, g: Any, graph: bool) -> list[Any]:
        """Return the gradient contributions, computed eagerly once more."""
        arguments = node.arguments
        if self._draws or self._written:
            what = "draws random numbers" if self._draws else "writes into tensors"
            raise RuntimeError(
                f"compile: a recorded function that {what} cannot be differentiated twice, or with create_graph=True: "
                "call the function that was compiled"
            )
        tensors = [*inputs_of(arguments), *self._tensors]
        if why := self._changed(node, tensors):
            raise RuntimeError(
                f"compile: {why} since the recorded function was called, which therefore cannot be differentiated a "
                "second time, or with create_graph=True: make changes after the last backward pass, or call the "
                "function that was compiled"
            )
        xs = [tensors[i] for i in self._needed]
        if any(not x.is_leaf for x in xs):
            raise NotImplementedError(
                "compile: second derivatives, and a second backward pass, through a recorded function need arguments "
                "that are leaves: call the function that was compiled"
            )
        with enable_grad():
            y = self.function(*arguments[0], **arguments[1])
        return [*grad(y, xs, g if isinstance(g, Tensor) else wrap(g, None), create_graph=graph, allow_unused=True)]


_array_of, _node_of = attrgetter("_array"), attrgetter("_node")


class RecordedNode(ArrayNode):
    """The node of a recorded function: its vector-Jacobian product is the recorded backward pass."""

    steps: Iterator[Any] | None
    recording: Recording
    arguments: Any
    given: list[np.ndarray]
    used: list[np.ndarray]  # with copies of arrays of the user
    users: set[int]
    plan: Any = None

    def vjp(self, g: Any, graph: bool) -> Any:
        if self.check is not None and (check := self.check()) is not None:
            check()
        written = saved.last_event > self.index or self.checksums is not None
        if written and saved.find_overwritten(self.saved, self.index, self.checksums) is not None:
            raise RuntimeError(
                "the backward pass of a recorded function needs a tensor that was changed in place after it was "
                "used: by t[...] =, +=, through .data, by a method ending in _, or through a NumPy view of it. "
                "Change it after backward(), or change a copy (t.clone())."
            )
        if graph or self.steps is None:
            found = self.recording.again(self, g, graph)
            return [None if c is None else c if graph else c._array for c in found]
        steps, self.steps = self.steps, None
        return steps.send(g)  # type: ignore[attr-defined]

    def backward(self, seeds: Any, *, retain_graph: bool, create_graph: bool, targets: Any) -> None:
        """The same as `engine.backward`, in less time where the inputs are leaves without hooks."""
        if retain_graph or create_graph or targets is not None or not self._ends_at_leaves():
            engine.backward(seeds, retain_graph=retain_graph, create_graph=create_graph, targets=targets)
        else:
            found = self.vjp(seeds[self], False)
            self.release()
            leaves = zip(self.inputs, found)
            accumulate({node: c for node, c in leaves if c is not None and node.stores_grad})  # type: ignore[union-attr]

    def walk(self, seeds: Any) -> Iterable[engine.Event]:
        """The same as `engine.walk`, without the event of this node where the inputs are leaves without hooks."""
        if not self._ends_at_leaves():
            return engine.walk(seeds)
        found = self.vjp(seeds[self], False)
        self.release()
        return [(node, c, ()) for node, c in zip(self.inputs, found) if node is not None and c is not None]

    def _ends_at_leaves(self) -> bool:
        if self.hooks or self.retains_grad or self.steps is None or watchers:
            return False
        for node in self.inputs:
            if node is None or node.primitive is not None or node.hooks or node.post_accumulate_hooks:
                return False
        return len({*self.inputs}) == len(self.inputs)

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        raise NotImplementedError("compile: a recorded function has no forward mode: call the function itself")

    def release(self) -> None:
        self.released, self.saved, self.steps, self.arguments = True, (), None, None
        self.given = self.used = []


_RECORDED = Primitive("recorded", lambda *xs: xs[0])


def _sharing(arrays: list[np.ndarray]) -> tuple[int, ...]:
    """Return for each array the first one on the same memory; () if each has its own."""
    owners = [id(saved.memory_owner(a)) for a in arrays]
    return () if len({*owners}) == len(owners) else tuple(map(owners.index, owners))
