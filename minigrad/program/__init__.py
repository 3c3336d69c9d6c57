"""A backward pass as a NumPy program: from the graph to straight-line code that needs no minigrad (`source`).

`scalar_tracer` and `replay` run the primitives of a graph again, on numbers and arrays that record the operations
applied to them (`traced_array`, `tracer`, `numpy_semantics`, `rebound`; `functions` for the user's own functions), as
terms of an intermediate representation (`ir`). `simplify` simplifies terms, `views` normalizes indices and views.
`emit` decides which terms get a line, `names` names them, `expressions` writes them in Python, `latex` as formulas.

`compiled` records a step while it runs, and runs the recording from then on (`compile`): `stand_ins` note each NumPy
call, `recorder` makes a function of them, `guards` compare what else the step read.
"""
