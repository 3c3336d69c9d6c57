"""Random runs of optimizers: settings, groups, frozen parameters, missing gradients, states that are handed over."""

from __future__ import annotations

from fuzzing.runner import Program, Unusable

COMMON = {"weight_decay": [0.0, 0.1, 0.01], "maximize": [False, True]}
BETAS = [(0.9, 0.999), (0.5, 0.9), (0.0, 0.5), (0.9, 0.0)]
SETTINGS = {
    "SGD": {"lr": [0.1, 0.01], "momentum": [0.0, 0.9, 0.5], "dampening": [0.0, 0.3], "nesterov": [False, True]},
    "Adam": {
        "lr": [0.1, 0.01],
        "betas": BETAS,
        "eps": [1e-8, 1e-3],
        "amsgrad": [False, True],
        "decoupled_weight_decay": [True],
    },
    "AdamW": {"lr": [0.1], "betas": BETAS, "eps": [1e-8, 1e-2], "amsgrad": [False, True]},
    "NAdam": {"lr": [0.1], "betas": BETAS, "momentum_decay": [0.004, 0.1], "decoupled_weight_decay": [False, True]},
    "RAdam": {"lr": [0.1], "betas": BETAS[:3], "eps": [1e-8, 1e-3], "decoupled_weight_decay": [False, True]},
    "Adamax": {"lr": [0.1], "betas": BETAS[:3], "eps": [1e-8, 1e-3]},
    "Adagrad": {
        "lr": [0.1, 0.5],
        "lr_decay": [0.0, 0.1],
        "initial_accumulator_value": [0.0, 0.5],
        "eps": [1e-10, 1e-3],
    },
    "Adadelta": {"lr": [1.0, 0.1], "rho": [0.9, 0.5], "eps": [1e-6, 1e-3]},
    "RMSprop": {
        "lr": [0.1],
        "alpha": [0.99, 0.5],
        "eps": [1e-8, 1e-3],
        "momentum": [0.0, 0.9],
        "centered": [False, True],
    },
    "Rprop": {"lr": [0.1], "etas": [(0.5, 1.2), (0.3, 2.0)], "step_sizes": [(1e-6, 50), (0.01, 0.2)]},
    "ASGD": {"lr": [0.1], "lambd": [1e-4, 0.1], "alpha": [0.75, 0.5], "t0": [1e6, 2, 0]},
    "Adafactor": {"lr": [0.1], "beta2_decay": [-0.8, -0.5], "d": [1.0, 2.0], "eps": [(None, 1e-3), (1e-8, 0.1)]},
    "LBFGS": {
        "lr": [1.0, 0.3],
        "max_iter": [1, 3, 5],
        "history_size": [1, 5],
        "line_search_fn": [None, "strong_wolfe"],
    },
}


def write(program: Program) -> None:
    """Write a run of a few steps."""
    choose, add = program.random, program.add
    kind = choose.choice([*SETTINGS])
    names = []
    for i in range(choose.randint(1, 5)):
        shape = choose.choice(["", ", 3", ", 2, 3", ", 0", ", 1, 2, 2", ", 4"])
        dtype = choose.choice([""] * 6 + [', dtype="float32"'])
        add(f"p{i} = noise(m, {choose.randrange(10**6)}{shape}{dtype}, grad={choose.random() < 0.9})")
        names.append(f"p{i}")

    def settings(n: int, group: bool = False) -> str:
        known = {**SETTINGS[kind], **({} if kind == "LBFGS" else COMMON)}
        if kind == "Rprop":
            del known["weight_decay"]
        if group:  # PyTorch ignores it there
            known.pop("initial_accumulator_value", None)
        chosen = choose.sample(sorted(known), min(n, len(known)))
        return ", ".join(f"{k!r}: {choose.choice(known[k])!r}" for k in chosen)

    cut = choose.randint(0, len(names)) if kind != "LBFGS" else 0
    groups = [f"{{'params': [{', '.join(part)}], {settings(2, True)}}}" for part in (names[:cut], names[cut:]) if part]
    given = f"[{', '.join(groups)}]" if cut else f"[{', '.join(names)}]"
    make = f"optim.{kind}({given}, **{{'lr': 0.1, {settings(3)}}})"
    if not add(f"o = {make}"):
        raise Unusable
    for step in range(choose.randint(2, 7)):
        if kind == "LBFGS":
            add(
                "def loss():\n    o.zero_grad()\n    y = "
                + " + ".join(f"(({n} - {i}) ** 2).sum().double()" for i, n in enumerate(names))
                + "\n    y.backward()\n    return y"
            )
            if not add(f"loss{step} = o.step(loss)"):
                raise Unusable
        else:
            for name in names:
                shape = "".join(f", {n}" for n in program.space[name].shape)
                grad = f"noise(m, {choose.randrange(10**6)}{shape}, dtype={str(program.space[name].dtype)[6:]!r})"
                what = choose.random()
                add(f"{name}.grad = {'None' if what < 0.1 else f'{grad} * 0' if what < 0.15 else grad}")
            if not add("o.step()"):
                raise Unusable
        change = choose.random()
        if change < 0.15:
            add("state = o.state_dict()")
            add(f"o = {make}")
            add("o.load_state_dict(state)")
        elif change < 0.25:
            add(f"o.param_groups[0]['lr'] = {choose.choice([0.05, 0.0, 0.2])}")
        elif change < 0.3:
            add(f"o.zero_grad({choose.choice(['', 'set_to_none=False'])})")
        elif change < 0.35 and kind != "LBFGS":
            add(f"q{step} = noise(m, {step}, 2, grad=True)") and add(f"o.add_param_group({{'params': [q{step}]}})")
            add(f"q{step}.grad = noise(m, 5, 2)")
    add("state = o.state_dict()['state']")
