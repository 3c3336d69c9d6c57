"""The elementwise primitives: the formula, and beside it the partial derivative for each input (y is the result).

A `mask`, as relu's x > 0, says which input was chosen; the other one gets nothing, not 0 times g. Each text is read
with NumPy's functions for arrays, and with those of `math` for the scalar engine. Where a derivative does not exist,
the value is PyTorch's: 0 for relu and abs at 0, half to each side of a tie in maximum and minimum.
"""

from minigrad.primitives.primitive import elementwise, mask

one = elementwise("one", "x ** 0", x="0")  # a 1 of the dtype of x

# arithmetic
add = elementwise("add", "a + b", a="1", b="1")
sub = elementwise("sub", "a - b", a="1", b="-1")
mul = elementwise("mul", "a * b", a="b", b="a")
div = elementwise("div", "a / b", a="1 / b", b="-(a / b) / b")
neg = elementwise("neg", "-x", x="-1")
# a ** 0 has the derivative 0 by a also at 0 and nan, and 0 ** b has 0 by b in spite of log(0)
pow = elementwise(
    "pow",
    "a ** b",
    a="b * where((b != 0) | (abs(a) > 0), a, 1) ** (b - 1)",
    b="y * log(where((a == 0) & (b >= 0), one(y), a))",
).with_notation(a="b * a ** (b - 1)", b="y * log(a)")
square = elementwise("square", "x * x", x="2 * x")
abs = elementwise("abs", "abs(x)", x="sign(x)")

# the remainder of a division; `//` itself is a step function, see below
remainder = elementwise("remainder", "remainder(a, b)", a="1", b="-floor_divide(a, b)")
fmod = elementwise("fmod", "fmod(a, b)", a="1", b="-trunc_divide(a, b)").with_notation(b="-trunc(a / b)")
hypot = elementwise("hypot", "hypot(a, b)", a="a / y", b="b / y")
# a + w (b - a), written so that it is exactly b at w = 1
lerp = elementwise(
    "lerp", "where(abs(w) < 0.5, a + w * (b - a), b - (b - a) * (1 - w))", a="1 - w", b="w", w="b - a"
).with_notation("a + w * (b - a)")

# exponentials, logarithms and roots
exp = elementwise("exp", "exp(x)", x="y")
exp2 = elementwise("exp2", "exp2(x)", x="y * 0.6931471805599453")  # the logarithm of 2
expm1 = elementwise("expm1", "expm1(x)", x="y + 1")
log = elementwise("log", "log(x)", x="1 / x")
log2 = elementwise("log2", "log2(x)", x="1 / (x * 0.6931471805599453)")
log10 = elementwise("log10", "log10(x)", x="1 / (x * 2.302585092994046)")  # the logarithm of 10
log1p = elementwise("log1p", "log1p(x)", x="1 / (1 + x)")
logit = elementwise(
    "logit", "log(x / (1 - x))", x="where(x * (1 - x) >= 0, 1 / abs(x * (1 - x)), sqrt(x * (1 - x)))"
).with_notation(x="1 / (x * (1 - x))")  # nan outside 0 to 1, as the logarithm
sigmoid = elementwise("sigmoid", "1 / (1 + exp(-x))", x="y * (1 - y)")
logaddexp = elementwise("logaddexp", "logaddexp(a, b)", a="sigmoid(a - b)", b="sigmoid(b - a)").with_notation(
    "log(exp(a) + exp(b))"
)
sqrt = elementwise("sqrt", "sqrt(x)", x="0.5 / y")
rsqrt = elementwise("rsqrt", "1 / sqrt(x)", x="-0.5 * y * y * y")
reciprocal = elementwise("reciprocal", "1 / x", x="-y * y")
# a log b, and 0 where a is 0, whatever b is
xlogy = elementwise(
    "xlogy",
    "a * log(where((a == 0) & (b == b), one(a), b))",
    a="log(where((a == 0) & (b <= 0), one(a), b))",
    b="a / b",
).with_notation("a * log(b)", a="log(b)")

# trigonometric and hyperbolic
sin = elementwise("sin", "sin(x)", x="cos(x)")
cos = elementwise("cos", "cos(x)", x="-sin(x)")
tan = elementwise("tan", "tan(x)", x="1 + y * y")
asin = elementwise("asin", "arcsin(x)", x="1 / sqrt(1 - x * x)")
acos = elementwise("acos", "arccos(x)", x="-1 / sqrt(1 - x * x)")
atan = elementwise("atan", "arctan(x)", x="1 / (1 + x * x)")
# the angle of the point (b, a); it has none at the origin, where the derivative is set to 0
atan2 = elementwise(
    "atan2",
    "arctan2(a, b)",
    a="b / (a * a + b * b + ((a == 0) & (b == 0)))",
    b="-a / (a * a + b * b + ((a == 0) & (b == 0)))",
).with_notation(a="b / (a * a + b * b)", b="-a / (a * a + b * b)")
sinh = elementwise("sinh", "sinh(x)", x="cosh(x)")
cosh = elementwise("cosh", "cosh(x)", x="sinh(x)")
asinh = elementwise("asinh", "arcsinh(x)", x="1 / sqrt(x * x + 1)")
acosh = elementwise("acosh", "arccosh(x)", x="1 / sqrt(x * x - 1)")
atanh = elementwise("atanh", "arctanh(x)", x="1 / (1 - x * x)")

# nonlinearities
tanh = elementwise("tanh", "tanh(x)", x="1 - y * y")
relu = elementwise("relu", "maximum(x, 0)", x=mask("x > 0", nan="x")).with_notation("max(x, 0)")
# log(1 + exp(x)), written so that exp does not overflow
softplus = elementwise("softplus", "maximum(x, 0) + log1p(exp(-abs(x)))", x="sigmoid(x)").with_notation(
    "log(1 + exp(x))"
)
# a clamp that, as PyTorch's, passes no gradient at its bounds
hardtanh = elementwise("hardtanh", "clip(x, low, high)", x=mask("(x > low) & (x < high)", nan="x"), low="0", high="0")

# choice; at a tie half to each side
maximum = elementwise(
    "maximum",
    "maximum(a, b)",
    a=mask("a > b", ties="a == b", nan=("a", "b")),
    b=mask("b > a", ties="a == b", nan=("a", "b")),
)
minimum = elementwise(
    "minimum",
    "minimum(a, b)",
    a=mask("a < b", ties="a == b", nan=("a", "b")),
    b=mask("b < a", ties="a == b", nan=("a", "b")),
)
# the same, but a number wins over nan, and at a tie the first one is chosen
fmax = elementwise("fmax", "fmax(a, b)", a=mask("(a >= b) | (b != b)"), b=mask("logical_not((a >= b) | (b != b))"))
fmin = elementwise("fmin", "fmin(a, b)", a=mask("(a <= b) | (b != b)"), b=mask("logical_not((a <= b) | (b != b))"))
clamp = elementwise(
    "clamp",
    "clip(x, low, high)",
    x=mask("(x >= low) & (x <= high)"),
    low=mask("(x < low) & (low <= high)"),
    high=mask("(x > high) | (low > high)"),  # where the bounds are the wrong way round, the upper one holds
)
where = elementwise(
    "where", "where(condition, a, b)", condition="0", a=mask("condition"), b=mask("logical_not(condition)")
)

copysign = elementwise("copysign", "copysign(a, b)", a="where(a == a, sign(a) * sign(y), a)", b="0")

# steps: constant wherever they have a derivative
sign = elementwise("sign", "where(x == x, sign(x), 0)", x="0").with_notation("sign(x)")  # 0 at nan, as in PyTorch
floor = elementwise("floor", "floor(x)", x="0")
ceil = elementwise("ceil", "ceil(x)", x="0")
trunc = elementwise("trunc", "trunc(x)", x="0")
round = elementwise("round", "rint(x)", x="0")  # halves to the even number
floor_divide = elementwise("floor_divide", "floor_divide(a, b)", a="0", b="0")
trunc_divide = elementwise("trunc_divide", "trunc(a / b)", a="0", b="0")
heaviside = elementwise("heaviside", "where(a == a, heaviside(a, b), 0)", a="0", b=mask("a == 0"))

relu.piecewise_linear = hardtanh.piecewise_linear = True
