"""A corpus of mistakes as learners make them, written without knowledge of how they are diagnosed.

`gradients/` holds functions with their backward passes by hand, each with a table of edits that make it wrong.
`python tests/teach/corpus/run.py` runs them through minigrad and prints what was found, what was named, and what not.
"""
