"""Activations that consist of pieces, elementwise. Where two pieces meet, the derivatives are PyTorch's.

`hardtanh(x, low, high)`, whose derivative at its bounds is 0, says in a derivative that the next one is 0 there too.
"""

from minigrad.primitives.primitive import elementwise, mask

leaky_relu = elementwise(
    "leaky_relu",
    "where(x > 0, x, slope * x)",
    x=mask("x > 0", otherwise="slope"),
    slope=mask("x > 0", value="0", otherwise="x"),
)
# alpha (exp(scale x) - 1) below 0
elu = elementwise(
    "elu",
    "where(x > 0, x, alpha * expm1(scale * minimum(x, 0)))",
    x=mask("x > 0", nan="x", otherwise="alpha * scale * exp(scale * hardtanh(x, -inf, 0))"),
    alpha="0",
    scale="0",
).with_notation(x="where(x > 0, 1, alpha * scale * exp(scale * x))")
# a softplus that is x itself beyond a threshold
softplus_below = elementwise(
    "softplus_below",
    "where(x > threshold, x, softplus(x))",
    x=mask("x > threshold", otherwise="sigmoid(hardtanh(x, -inf, threshold))"),
    threshold="0",
).with_notation(x="where(x > threshold, 1, sigmoid(x))")
threshold = elementwise(
    "threshold",
    "where(x <= threshold, value, x)",
    x=mask("x > threshold", nan="x"),
    threshold="0",
    value="0",
)
hardshrink = elementwise(
    "hardshrink",
    "where((x < -lambd) | (x > lambd) | (x != x), x, 0)",
    x=mask("(x < -lambd) | (x > lambd)", nan="x"),
    lambd="0",
)
softshrink = elementwise(
    "softshrink", "x - clip(x, -lambd, lambd)", x=mask("(x < -lambd) | (x > lambd)", nan="x"), lambd="0"
)
hardsigmoid = elementwise("hardsigmoid", "clip(x + 3, 0, 6) / 6", x=mask("(x > -3) & (x < 3)", value="1 / 6"))
hardswish = elementwise(
    "hardswish",
    "x * clip(x + 3, 0, 6) / 6",
    x=mask("x <= -3", value="0", otherwise="where(x < 3, hardtanh(x, -3, 3) / 3 + 0.5, 1)"),
).with_notation(x="where(abs(x) < 3, x / 3 + 0.5, x > 0)")

for _primitive in (leaky_relu, threshold, hardshrink, softshrink, hardsigmoid):
    _primitive.piecewise_linear = True
