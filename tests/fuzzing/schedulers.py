"""Random schedules: schedulers inside schedulers, over several groups, with states that are handed over."""

from __future__ import annotations

from fuzzing.runner import Program, Unusable

SIMPLE = {
    "StepLR": "step_size=STEPS, gamma=GAMMA",
    "MultiStepLR": "milestones=[STEPS, 5], gamma=GAMMA",
    "ConstantLR": "factor=GAMMA, total_iters=STEPS",
    "LinearLR": "start_factor=GAMMA, end_factor=0.8, total_iters=STEPS",
    "ExponentialLR": "gamma=GAMMA",
    "PolynomialLR": "total_iters=STEPS, power=GAMMA",
    "CosineAnnealingLR": "T_max=STEPS, eta_min=0.01",
    "CosineAnnealingWarmRestarts": "T_0=STEPS, T_mult=2, eta_min=0.001",
    "LambdaLR": "lr_lambda=lambda t: GAMMA ** t",
    "MultiplicativeLR": "lr_lambda=lambda t: GAMMA",
}
OTHERS = {
    "CyclicLR": "base_lr=0.01, max_lr=0.2, step_size_up=STEPS, mode=CYCLE, cycle_momentum=False",
    "OneCycleLR": "max_lr=0.3, total_steps=40, pct_start=GAMMA, three_phase=FLAG, anneal_strategy=ANNEAL",
    "ReduceLROnPlateau": "factor=GAMMA, patience=1, cooldown=1, threshold=0.01, mode=MODE, threshold_mode=RELATIVE",
}


def write(program: Program) -> None:
    """Write the rates of a schedule over ten to thirty steps."""
    choose, add = program.random, program.add

    def filled(form: str) -> str:
        options = {
            "STEPS": [1, 2, 3, 4, 7],
            "GAMMA": [0.5, 0.9, 0.1],
            "CYCLE": ["'triangular'", "'triangular2'", "'exp_range', gamma=0.9"],
            "FLAG": [True, False],
            "ANNEAL": ["'cos'", "'linear'"],
            "MODE": ["'min'", "'max'"],
            "RELATIVE": ["'rel'", "'abs'"],
        }
        for word, choices in options.items():
            form = form.replace(word, str(choose.choice(choices)))
        return form

    def scheduler(depth: int) -> str:
        name = choose.choice([*SIMPLE])
        if depth and choose.random() < 0.6:
            parts = [scheduler(depth - 1) for _ in range(choose.randint(2, 3))]
            if choose.random() < 0.5:
                return f"S.ChainedScheduler([{', '.join(parts)}])"
            parts[0] = scheduler(0)  # if it is a composition, PyTorch begins at the rates of t = 1
            milestones = sorted(choose.sample(range(1, 9), len(parts) - 1))
            return f"S.SequentialLR(o, [{', '.join(parts)}], milestones={milestones})"
        return f"S.{name}(o, {filled(SIMPLE[name])})"

    add("S = optim.lr_scheduler")
    kind = choose.random()
    name = choose.choice([*OTHERS])
    text = scheduler(2) if kind < 0.7 else f"S.{name}(o, {filled(OTHERS[name])})"
    optimizer = choose.choice(["SGD(GROUPS, lr=0.1, momentum=0.9)", "Adam(GROUPS, lr=0.1)", "SGD(GROUPS, lr=0.02)"])
    groups = choose.choice(["[x]", "[{'params': [x], 'lr': 0.5}, {'params': [y]}]"])
    add("x, y = noise(m, 3, 1), noise(m, 3, 2)")
    make = f"o = optim.{optimizer.replace('GROUPS', groups)}"
    add(make)
    if not add(f"s = {text}"):
        raise Unusable
    add("rates = []")
    metrics = "[1.0, 0.9, 0.95, 0.95, 0.94, 0.3, 0.5, 0.5, 0.5, 0.5]"
    call = f"s.step({metrics}[t % 10])" if "Plateau" in text else "s.step()"
    settings = "[[g['lr'], g.get('momentum'), g.get('betas')] for g in o.param_groups]"
    record = f"rates.append([{settings}, s.get_last_lr()])"
    for _ in range(choose.randint(1, 3)):
        n = choose.randint(3, 12)
        if not add(f"for t in range({n}):\n    {record}\n    o.step()\n    {call}"):
            raise Unusable
        if choose.random() < 0.4 and "lambda" not in text:
            add("saved = s.state_dict(), o.state_dict()")
            add(make)
            add(f"s = {text}")
            add("s.load_state_dict(saved[0])")
            add("o.load_state_dict(saved[1])")
    add("del saved") if "saved" in program.space else None
    add(f"{record}")
