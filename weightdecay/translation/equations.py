"""A recipe as the equations that it stands for, with its numbers in them."""

from __future__ import annotations

import math

from weightdecay.translation import recipe as r
from weightdecay.translation.recipe import Recipe


def describe(recipe: Recipe) -> str:
    """A line for the gradient, one for the step, one for the learning rate where it changes."""
    decay, rule = recipe.decay, recipe.rule
    who = "w" if decay.bias else "w (not b)"
    eta = f"{recipe.schedule.lr:g}" if recipe.constant else "η_t"
    if isinstance(rule, r.Objective):
        terms = [f"{decay.strength:.12g}/2 ‖w‖²"] if decay.strength else []
        terms += [f"{decay.l1:.12g} ‖w‖₁"] if decay.l1 else []
        return " + ".join(["minimise (1/n) Σ ½ (w·x + b − y)²", *terms])
    coupled = [f"{decay.strength:.12g} {who}"] if decay.kind == "coupled" else []
    before = [f"{decay.l1:.12g} sign({who})"] if decay.l1 else []
    after: list[str] = []
    if recipe.clip is None or recipe.clip.of == "penalised":
        before = coupled + before
    else:
        after = coupled
    lines = [f"g ← {' + '.join(['g', *before])}"] if before else []
    if recipe.clip is not None:
        lines.append(_clip(recipe.clip))
    lines += [f"g ← {' + '.join(['g', *after])}"] if after else []
    if decay.kind == "decoupled":
        lines.append(f"w ← (1 − {eta} · {decay.strength:.12g}) {who}")
    elif decay.kind == "independent":
        lines.append(f"w ← (1 − {decay.strength:.12g}) {who}")
    lines.append(_step(rule, eta))
    if not recipe.constant:
        lines.append(f"η_t = {_rate(recipe.schedule)},  t = 0, 1, …")
    return "\n".join(lines)


def _clip(clip: r.Clip) -> str:
    limit = f"{clip.limit:.12g}"
    if clip.by == "value":
        return f"g ← clip(g, −{limit}, {limit})"
    norm = f"(‖g‖ + {clip.eps:g})" if clip.eps else "‖g‖"
    whose = "each parameter's" if clip.by == "norm" else "that of all parameters together"
    return f"g ← g min(1, {limit}/{norm}),  ‖g‖ {whose}"


def _step(rule: r.Rule, eta: str) -> str:
    if isinstance(rule, r.Sgd):
        return _sgd(rule, eta)
    if isinstance(rule, r.Lion):
        return (
            f"w ← w − {eta} sign({rule.beta1:g} m + {1 - rule.beta1:g} g),  "
            f"m ← {rule.beta2:g} m + {1 - rule.beta2:g} g"
        )
    if isinstance(rule, r.Adagrad):
        root = _root("s", rule.eps, rule.eps_at)
        return f"s ← s + g²,  s₀ = {rule.initial:g},  w ← w − {eta} g / {root}"
    if isinstance(rule, r.RmsProp):
        v = "v − ḡ²" if rule.centered else "v"
        means = f"v ← {rule.rho:g} v + {1 - rule.rho:.3g} g²"
        step = f"g / {_root(v, rule.eps, rule.eps_at)}"
        if not rule.momentum:
            return f"{means},  w ← w − {eta} {step}"
        if rule.rate == "inside":
            return f"{means},  m ← {rule.momentum:g} m + {eta} {step},  w ← w − m"
        return f"{means},  m ← {rule.momentum:g} m + {step},  w ← w − {eta} m"
    if isinstance(rule, r.Adadelta):
        return (
            f"d = √(Δ + {rule.eps:g}) / √(v + {rule.eps:g}) g,  w ← w − {eta} d,  ρ = {rule.rho:g}"
        )
    assert isinstance(rule, r.Adam | r.Nadam | r.Adamax)
    betas = f"β₁ = {rule.beta1:g}, β₂ = {rule.beta2:g}"
    if isinstance(rule, r.Adamax):
        inside, outside = (
            (f" + {rule.eps:g}", "") if rule.eps_at == "inside" else ("", f" + {rule.eps:g}")
        )
        return f"u ← max(β₂u, |g|{inside}),  w ← w − {eta} m̂ / (u{outside}),  {betas}"
    if isinstance(rule, r.Nadam):
        psi = "" if math.isinf(rule.momentum_decay) else f", ψ = {rule.momentum_decay:g}"
        return f"w ← w − {eta} (Nesterov's m̂) / (√v̂ + {rule.eps:g}),  {betas}{psi}"
    v = "max v̂" if rule.amsgrad == "corrected" else "v̂"
    v = f"({v} + {rule.eps_root:g})" if rule.eps_root else v
    eps = f"{rule.eps:g}" if rule.eps_at == "corrected" else f"{rule.eps:g}/√(1 − β₂ᵗ)"
    largest = ",  v̂ of the largest v" if rule.amsgrad == "raw" else ""
    return f"w ← w − {eta} m̂ / (√{v} + {eps}),  {betas}{largest}"


def _sgd(rule: r.Sgd, eta: str) -> str:
    beta = f"{rule.momentum:g}"
    if not rule.momentum:
        return f"w ← w − {eta} g"
    g = f"{1 - rule.dampening:g} g (the first: g)" if rule.dampening else "g"
    if rule.rate == "inside":
        step = f"{beta} m + {eta} g" if rule.nesterov else "m"
        return f"m ← {beta} m + {eta} {g},  w ← w − {step if not rule.nesterov else f'({step})'}"
    step = f"(g + {beta} m)" if rule.nesterov else "m"
    return f"m ← {beta} m + {g},  w ← w − {eta} {step}"


def _root(v: str, eps: float, eps_at: str) -> str:
    inner = f"({v})" if " " in v else v
    return f"(√{inner} + {eps:g})" if eps_at == "outside" else f"√({v} + {eps:g})"


def _rate(s: r.Schedule) -> str:
    if isinstance(s, r.Exponential):
        exponent = (
            f"⌊t/{s.every:g}⌋" if s.staircase else ("t" if s.every == 1 else f"(t/{s.every:g})")
        )
        rate = f"{s.lr:g} · {s.factor:g}^{exponent}"
        return f"max({rate}, {s.floor:g})" if s.floor else rate
    if isinstance(s, r.Piecewise):
        pairs = zip(s.boundaries, s.factors, strict=True)
        return f"{s.lr:g}, times " + ", ".join(f"{f:g} from t = {b}" for b, f in pairs)
    if isinstance(s, r.Cosine):
        t = f"(t + {s.shift})" if s.shift else "t"
        rate = f"{s.end:g} + {s.lr - s.end:g} (1 + cos(π{t}/{s.steps}))/2"
        return rate + ("" if s.periodic else f" until t = {s.steps - s.shift}, then {s.end:g}")
    if isinstance(s, r.Warmup):
        top = s.then.at(0)
        line = f"{s.start:g} + {top - s.start:g} t/{s.steps} until t = {s.steps}"
        return f"{line}, then with t − {s.steps} in place of t {_rate(s.then)}"
    if isinstance(s, r.Polynomial):
        return f"{s.end:g} + {s.lr - s.end:g} (1 − t/{s.steps})^{s.power:g}, then {s.end:g}"
    if isinstance(s, r.InverseTime):
        return f"{s.lr:g}/(1 + {s.slope:g} t)"
    if isinstance(s, r.InversePower):
        return f"{s.lr:g}/(t + 1)^{s.power:g}"
    return f"{s.lr:g}"
