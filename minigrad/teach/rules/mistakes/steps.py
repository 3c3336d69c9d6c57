"""Mistakes in the step itself: its sign, its direction, momentum and the look-ahead of Nesterov's."""

from __future__ import annotations

from minigrad.teach.catalogue import mistake

# fmt: off
mistake("ascent", "rule", "the sign of the step is wrong: x goes up the slope instead of down",
        ("-learning_rate", "learning_rate"), ("A - learning_rate * dx", "A + learning_rate * dx"), ("x - A", "x + A"),
        ("x + -A", "x + A"), assumes=0.9)
mistake("ascent-of-dx", "rule", "the sign of the gradient is wrong: x goes up the slope instead of down",
        ("", "dx = -dx"), assumes=1.2)
mistake("momentum-sign", "rule", "the sign of the momentum is wrong: the old velocity is subtracted instead of added",
        ("BETA * STATE + A", "A - BETA * STATE"), ("BETA * STATE - A", "-BETA * STATE - A"))
mistake("velocity-subtracted", "rule", "the sign of the velocity is wrong: it is subtracted from x instead of added",
        ("x + v", "x - v"), ("theta + v", "theta - v"), assumes=0.9)
mistake("lookahead-sign", "rule", "the look-ahead of Nesterov's momentum has the wrong sign",
        ("theta + mu * v", "theta - mu * v"), ("dx + mu * v", "dx - mu * v"), ("mu * v - A", "-mu * v - A"),
        assumes=0.93)
mistake("lookahead-missing", "rule", "the look-ahead of Nesterov's momentum is missing: this is plain momentum",
        ("theta + mu * v", "theta"), ("dx + mu * v", "v"), assumes=0.95)
mistake("velocity-before-stale", "rule", "`v_before` is the new velocity, not the one before: it must be saved before "
        "`v` changes, and as a copy where `v` changes in place (so the step is that of plain momentum)",
        ("-mu * v_before + A", "-mu * v + A"), assumes=0.95)
mistake("lookahead-stale", "rule", "Nesterov's look-ahead uses the stale velocity, of the step before, instead of the "
        "new one", ("theta + mu * v", "theta + mu * state.get('v', 0.0)"),
        ("dx + mu * v", "dx + mu * state.get('v', 0.0)"), assumes=0.95)
mistake("x-overwritten", "rule", "x is overwritten with the step instead of moved by it (= instead of +=)",
        ("x = x + A", "x = A"), ("x = x - A", "x = -(A)"))
mistake("x-not-moved", "rule", "x never moves: a copy of x was updated, or the new x is not returned (x += writes in "
        "place), or the step is made with a state that stays 0 (v = ... for self.v = ...)", ("x = x + A", "x = x"),
        ("x = x - A", "x = x"), ("x = theta + A", "x = x"), ("x = (1 - lambd * eta) * x - eta * dx", "x = x"),
        assumes=0.95)
mistake("gradient-twice", "rule", "{detail}",
        ("x = x + -learning_rate * dx", "x = x - 2 * learning_rate * dx", "the step is made twice"),
        *[(line, after, "the gradient counts twice: in the average or velocity, and once more in the step")
          for line, after in (("x = x + v", "x = x + v - learning_rate * dx"),
                              ("theta = theta + v", "theta = theta + v - learning_rate * dx"),
                              ("x = x + -learning_rate * A", "x = x + -learning_rate * (A + dx)"))])
mistake("lookahead-back-term", "rule", "the part of the old velocity, -mu * v_before, {detail} in the step of "
        "Nesterov's momentum", ("-mu * v_before + A", "A", "is missing"), ("-mu * A", "-A", "lacks its factor mu"),
        ("-mu * v_before + A", "mu * v_before + A", "has the wrong sign"), assumes=0.93)
mistake("lookahead-factor", "rule", "the factor 1 + mu of the new velocity is wrong in the step of Nesterov's "
        "momentum: {after}{detail}", ("(1 + mu) * v", "v", "; the old velocity cancels out, and this is plain gradient "
        "descent"), ("(1 + mu) * v", "mu * v"), ("(1 + mu) * v", "(1 - mu) * v"),
        assumes=0.9)
mistake("lookahead-of-average-missing", "rule", "the look-ahead of NAdam is missing: the average of this step alone is "
        "used, as in Adam", ("mu_next * m / (1 - mu_product * mu_next) + A", "m / (1 - mu_product)"))
mistake("lookahead-of-this-step", "rule", "the average `m` has the mu of this step instead of that of the next one",
        ("mu_next * m / (1 - mu_product * mu_next)", "mu * m / (1 - mu_product)"),
        ("mu_next * m / (1 - mu_product * mu_next)", "mu * m / (1 - mu_product * mu)"))
mistake("average-goes-on", "rule", "the average `ax` is returned as the new x: the next step starts from it, where x "
        "itself must go on", ("ax = A", "ax = A; x = ax"))
mistake("lookahead-added", "rule", "there is a look-ahead as in Nesterov's momentum, which this rule does not have: "
        "{after}", ("mb", "(beta1 * mb + (1 - beta1) * dx)"), ("A * mb", "A * (beta1 * mb + (1 - beta1) * dx / "
        "(1 - beta1 ** t))"), ("x + v", "x + (mu * v - learning_rate * dx)"), ("x - A * v", "x - A * (dx + mu * v)"),
        assumes=1.15)
mistake("gradient-for-velocity", "rule", "the step is made with dx itself instead of with the velocity `v`: this is "
        "plain gradient descent", ("-learning_rate * v", "-learning_rate * dx"),
        ("x - learning_rate * v", "x - learning_rate * dx"), ("x + v", "x - learning_rate * dx"), assumes=0.95)
mistake("warm-up-step", "rule", "the steps before v has seen enough gradients {detail}",
        ("-learning_rate * mb", "-learning_rate * (mb if rho > 5 else m)", "lack the bias correction of `m`"),
        ("-learning_rate * mb", "-learning_rate * (mb if rho > 5 else dx)", "are made with dx itself, not its average"))
mistake("velocity-in-last-step", "rule", "the velocity is multiplied by mu once more in the step",
        ("x + v", "x + mu * v"), ("x - v", "x - mu * v"), ("-learning_rate * v", "-learning_rate * mu * v"),
        assumes=1.0)
# fmt: on
