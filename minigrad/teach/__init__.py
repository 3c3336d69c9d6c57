"""Diagnosis in words: what is wrong with a gradient or with a training run.

A check makes mistakes on purpose, one by one, until one gives the learner's numbers. Where to begin reading:

- what a mistake is: `catalogue.py`; the mistakes themselves: `mistakes/` (gradients), `rules/mistakes/`,
  `schedules/mistakes.py`, `forward/mistakes/`, each with its search beside it (`search/`, `rules/search.py` …);
- on what they are made: the graph of the learner's function as data, `tape.py`, recorded by `recording.py`, with the
  learner's own names, `wording.py`; update rules and schedules are lines of Python, `edits.py`;
- what the learner calls: `gradient_check.py`, `gradcheck.py` (`gradient_examination.py` decides, `diagnosis.py` finds
  the cause), `backward/` (a whole backward pass), and `check.py` in `rules/`, `schedules/` and `forward/`;
- training runs: `samples.py` measures a step, `symptoms.py` and `causes/` say what is sick in a run and why, on the
  graph of its loss (`loss_graph.py`); `sanity/` looks before training.
"""
