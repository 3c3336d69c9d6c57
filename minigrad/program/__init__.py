"""A backward pass as a NumPy program: from the graph to straight-line code that needs no minigrad (`source`).

A program is recorded on stand-ins for arrays (`stand_ins`; `operators` are those of numbers too), which hand each call
to a recorder. There are two recorders.

`source`: `replay` runs the primitives of a graph again, on numbers (`scalar_replay`) or arrays (`array_replay`;
`functions` for the user's own functions). Its recorder is `tracer`: each call is a term of an intermediate
representation (`ir`; `traced_array`, `numpy_semantics`, `rebound`). `simplify` simplifies terms, `views` normalizes
indices and views. `emit` decides which terms get a line, `names` names them, `expressions` writes them in Python,
`latex` as formulas.

`compile`: `compiled` records a step while it runs, and runs the recording from then on. Its recorder is `recorder`:
each call is a line of a function. `guards` compare what else the step read. `scalar_program` is the same for Values.
"""
