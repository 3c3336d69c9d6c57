"""From a graph to a program that computes the same without minigrad: what `minigrad.source` is made of.

`numbers` and `replay` run the rules of a graph again, on numbers and on arrays that write down what is done with them
(`traced`, `tracing`, `known`, `rebound`; `functions` for the user's own), as `terms`. `arrays` makes these simple,
`paths` indices and views. `statements` chooses which of them get a line, `names` how they are called, `expressions` how
they are written, `latex` how as formulas.
"""
