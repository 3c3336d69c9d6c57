"""The elementwise rules: value = formula, and beside it the partial derivative for each input (y is the value).

A derivative that compares, as relu's x > 0, says which input was chosen; the other one gets nothing, not 0 times g.
Each text is read with NumPy's functions for arrays, with `math`'s for the scalar engine. Where a derivative does
not exist, the value is PyTorch's: 0 for relu and abs at 0, half to each side of a tie in maximum and minimum.
"""

from minigrad.rules.rule import elementwise

# arithmetic
add = elementwise("add", "a + b", a="1", b="1")
sub = elementwise("sub", "a - b", a="1", b="-1")
mul = elementwise("mul", "a * b", a="b", b="a")
div = elementwise("div", "a / b", a="1 / b", b="-y / b")
neg = elementwise("neg", "-x", x="-1")
# a ** 0 has the derivative 0 by a also at 0 and nan, and 0 ** b has 0 by b in spite of log(0)
pow = elementwise(
    "pow",
    "a ** b",
    a="b * where((b != 0) | (abs(a) > 0), a, 1) ** (b - 1)",
    b="y * log(where((a == 0) & (b >= 0), y ** 0, a))",
)
square = elementwise("square", "x * x", x="2 * x")
abs = elementwise("abs", "abs(x)", x="sign(x)")

# exponentials and roots
exp = elementwise("exp", "exp(x)", x="y")
log = elementwise("log", "log(x)", x="1 / x")
expm1 = elementwise("expm1", "expm1(x)", x="y + 1")
log1p = elementwise("log1p", "log1p(x)", x="1 / (1 + x)")
sqrt = elementwise("sqrt", "sqrt(x)", x="0.5 / y")

# trigonometric
sin = elementwise("sin", "sin(x)", x="cos(x)")
cos = elementwise("cos", "cos(x)", x="-sin(x)")

# nonlinearities
tanh = elementwise("tanh", "tanh(x)", x="1 - y * y")
relu = elementwise("relu", "maximum(x, 0)", x="x > 0")
# both forms of 1 / (1 + exp(-x)), so chosen that no exponential overflows
sigmoid = elementwise("sigmoid", "exp(minimum(x, 0)) / (1 + exp(-abs(x)))", x="y * (1 - y)")

# log(1 + exp(x)), so written that exp does not overflow; its derivative is the sigmoid
softplus = elementwise("softplus", "maximum(x, 0) + log1p(exp(-abs(x)))", x="exp(minimum(x, 0)) / (1 + exp(-abs(x)))")
# a clamp that, as PyTorch's, passes no gradient at its bounds
hardtanh = elementwise("hardtanh", "clip(x, low, high)", x="(x > low) & (x < high)", low="0", high="0")

# choice
maximum = elementwise(
    "maximum", "maximum(a, b)", a="0.5 * (a > b) + 0.5 * (a >= b)", b="0.5 * (b > a) + 0.5 * (b >= a)"
)
minimum = elementwise(
    "minimum", "minimum(a, b)", a="0.5 * (a < b) + 0.5 * (a <= b)", b="0.5 * (b < a) + 0.5 * (b <= a)"
)
clamp = elementwise(
    "clamp",
    "clip(x, low, high)",
    x="(x >= low) & (x <= high)",
    low="(x < low) & (low <= high)",
    high="(x > high) | (low > high)",  # where the bounds are the wrong way round, the upper one holds
)
where = elementwise("where", "where(condition, a, b)", condition="0", a="condition", b="logical_not(condition)")

# steps: constant wherever they have a derivative
sign = elementwise("sign", "sign(x)", x="0")
floor = elementwise("floor", "floor(x)", x="0")
ceil = elementwise("ceil", "ceil(x)", x="0")
