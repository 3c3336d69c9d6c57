"""Mistakes with the lengths of whole arrays, in LAMB and Adafactor: trust ratio, relative size, cut."""

from __future__ import annotations

from minigrad.teach.catalogue import mistake

# fmt: off
mistake("norm-for-rms", "rule", "the norm is taken in `{before}`, where the rule has the root of the mean of squares",
        ("_rms(A)", "np.linalg.norm(A)"), assumes=1.1)
mistake("trust-ratio-missing", "rule", "the trust ratio, the length of x by that of the step, is missing: this is the "
        "step of Adam", ("learning_rate * ratio", "learning_rate"), ("-learning_rate * ratio", "-learning_rate"))
mistake("trust-ratio", "rule", "the trust ratio is wrong: {detail}", *[
    ("-learning_rate * ratio", f"-learning_rate * {instead}", said) for instead, said in (
        ("(1 / ratio)", "it is upside down; it is the length of x divided by that of the step"),
        ("ratio ** 2", "the squares of the lengths are divided, without their roots"),
        ("np.sqrt(ratio)", "its root is taken"),
        ("np.linalg.norm(x)", "it is not divided by the length of the step"),
        ("(1 / np.linalg.norm(step))", "the length of x is missing: it only divides by that of the step"),
        ("(np.linalg.norm(x) / np.linalg.norm(dx))", "it divides by the length of the gradient instead of the step's"),
        ("(np.linalg.norm(x) / np.linalg.norm(step - weight_decay * x))", "the step that it divides by has no weight "
         "decay"),
        ("(np.abs(x) / np.abs(step))", "it is taken of each element, not of the whole array"),
        *[(f"(np.sum({f}(x)) / np.sum({f}(step)))", "it divides sums, not lengths") for f in ("", "np.abs")],
        *[(f"(np.linalg.norm(x, axis={a}, keepdims=True) / np.linalg.norm(step, axis={a}, keepdims=True))",
           "it is taken of each row or column, not of the whole array") for a in (0, 1)],
        *[(f"min(ratio, {c})", f"it is limited to {c}, which this rule does not do") for c in (1, 5, 10)],
    )])
mistake("decay-outside-ratio", "rule", "the weight decay is outside the trust ratio: it must be a part of the step "
        "whose length the ratio divides by", *[
    ("x = x + A * ratio * step", f"step = step - weight_decay * x; {line}") for line in (
        "x = x + A * (np.linalg.norm(x) / np.linalg.norm(step) * step + weight_decay * x)",
        "x = x + A * (np.linalg.norm(x) / np.linalg.norm(step)) * step; x = x + A * weight_decay * x",
        "x = x + A * weight_decay * x; x = x + A * (np.linalg.norm(x) / np.linalg.norm(step)) * step",
        "x = x + A * (np.linalg.norm(x) / np.linalg.norm(step + weight_decay * x) * step + weight_decay * x)",
        "x = x + A * (np.linalg.norm(x) / np.linalg.norm(step + weight_decay * x)) * step",
    )])
# fmt: on
