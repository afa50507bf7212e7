"""A recipe run in NumPy, in float64: the equations of `recipe`, written out once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.translation import recipe as r
from weightdecay.translation.recipe import Recipe

Tensors: TypeAlias = dict[str, NumPyArray]
StepOf: TypeAlias = Callable[[NumPyArray, float, int], NumPyArray]
"""From a gradient, η_t and t to what is subtracted from the parameter."""


def run(
    recipe: Recipe, initial: Mapping[str, NumPyArray], gradients: Sequence[Mapping[str, NumPyArray]]
) -> Iterator[Tensors]:
    """Step with given gradients, giving the parameters after every step.

    A parameter whose name ends in ``bias`` is a bias.
    """
    steps = {name: _step(recipe.rule, value.shape) for name, value in initial.items()}
    params: Tensors = {name: np.array(value, np.float64) for name, value in initial.items()}
    decays = {
        name: r.NO_DECAY if name.endswith("bias") and not recipe.decay.bias else recipe.decay
        for name in params
    }
    clip = recipe.clip
    for t, gradient in enumerate(gradients):
        eta = recipe.schedule.at(t)
        given: Tensors = {}
        coupled: Tensors = {}
        for name, w in params.items():
            decay = decays[name]
            given[name] = gradient[name] + decay.l1 * np.sign(w)
            coupled[name] = decay.strength * w if decay.kind == "coupled" else 0.0 * w
        if clip is not None and clip.of == "penalised":
            given = _clipped(clip, {name: given[name] + coupled[name] for name in params})
        else:
            given = given if clip is None else _clipped(clip, given)
            given = {name: given[name] + coupled[name] for name in params}
        for name, w in params.items():
            decay = decays[name]
            shrinks = {"decoupled": eta * decay.strength, "independent": decay.strength}
            shrink = shrinks.get(decay.kind, 0.0)
            params[name] = (1 - shrink) * w - steps[name](given[name], eta, t)
        yield dict(params)


def _clipped(clip: r.Clip, gradients: Tensors) -> Tensors:
    if clip.by == "value":
        return {name: np.clip(g, -clip.limit, clip.limit) for name, g in gradients.items()}
    norms = {name: float(np.sqrt(np.sum(g**2))) for name, g in gradients.items()}
    if clip.by == "global norm":
        norms = dict.fromkeys(norms, math.hypot(*norms.values()))

    def factor(norm: float) -> float:
        over = norm + clip.eps
        return clip.limit / over if over > clip.limit else 1.0

    return {name: g * factor(norms[name]) for name, g in gradients.items()}


def _step(rule: r.Rule, shape: tuple[int, ...]) -> StepOf:
    makers: dict[type, Callable[..., StepOf]] = {
        r.Sgd: _sgd,
        r.Adam: _adam,
        r.Nadam: _nadam,
        r.RmsProp: _rmsprop,
        r.Adagrad: _adagrad,
        r.Lion: _lion,
        r.Adadelta: _adadelta,
        r.Adamax: _adamax,
        r.Objective: lambda rule, zero: _sgd(r.Sgd(), zero),
    }
    return makers[type(rule)](rule, np.zeros(shape))


class _Momentum:
    """A buffer with the learning rate outside or inside it."""

    def __init__(self, beta: float, rate: r.Place, zero: NumPyArray) -> None:
        self.beta, self.rate, self.m = beta, rate, zero

    def __call__(self, g: NumPyArray, eta: float, nesterov: bool = False) -> NumPyArray:
        inner, outer = (eta, 1.0) if self.rate == "inside" else (1.0, eta)
        self.m = self.beta * self.m + inner * g
        return outer * (inner * g + self.beta * self.m if nesterov else self.m)


def _sgd(rule: r.Sgd, zero: NumPyArray) -> StepOf:
    buffer = _Momentum(rule.momentum, rule.rate, zero)

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        return buffer(g * (1 - rule.dampening) if t else g, eta, rule.nesterov)

    return step


def _adam(rule: r.Adam, zero: NumPyArray) -> StepOf:
    m, v, largest = zero, zero, zero

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal m, v, largest
        m = rule.beta1 * m + (1 - rule.beta1) * g
        v = rule.beta2 * v + (1 - rule.beta2) * g**2
        root = 1 - rule.beta2 ** (t + 1)
        v_hat = v / root
        if rule.amsgrad != "no":
            largest = np.maximum(largest, v if rule.amsgrad == "raw" else v_hat)
            v_hat = largest / root if rule.amsgrad == "raw" else largest
        eps = rule.eps if rule.eps_at == "corrected" else rule.eps / math.sqrt(root)
        m_hat = m / (1 - rule.beta1 ** (t + 1))
        return eta * m_hat / (np.sqrt(v_hat + rule.eps_root) + eps)

    return step


def _nadam(rule: r.Nadam, zero: NumPyArray) -> StepOf:
    m, v, product = zero, zero, 1.0

    def mu(t: int) -> float:
        decayed = 0.0 if math.isinf(rule.momentum_decay) else 0.96 ** (t * rule.momentum_decay)
        return rule.beta1 * (1 - 0.5 * decayed)

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal m, v, product
        m = rule.beta1 * m + (1 - rule.beta1) * g
        v = rule.beta2 * v + (1 - rule.beta2) * g**2
        now, after = mu(t + 1), mu(t + 2)
        product *= now
        ahead = after * m / (1 - product * after) + (1 - now) * g / (1 - product)
        found: NumPyArray = eta * ahead / (np.sqrt(v / (1 - rule.beta2 ** (t + 1))) + rule.eps)
        return found

    return step


def _rmsprop(rule: r.RmsProp, zero: NumPyArray) -> StepOf:
    v, mean = zero, zero
    buffer = _Momentum(rule.momentum, rule.rate, zero)

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal v, mean
        v = rule.rho * v + (1 - rule.rho) * g**2
        mean = rule.rho * mean + (1 - rule.rho) * g
        spread = v - mean**2 if rule.centered else v
        return buffer(g / _root(spread, rule.eps, rule.eps_at), eta)

    return step


def _adagrad(rule: r.Adagrad, zero: NumPyArray) -> StepOf:
    total = zero + rule.initial

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal total
        total = total + g**2
        return eta * g / _root(total, rule.eps, rule.eps_at)

    return step


def _root(v: NumPyArray, eps: float, eps_at: r.Place) -> NumPyArray:
    root: NumPyArray = np.sqrt(v) + eps if eps_at == "outside" else np.sqrt(v + eps)
    return root


def _lion(rule: r.Lion, zero: NumPyArray) -> StepOf:
    m = zero

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal m
        direction = np.sign(rule.beta1 * m + (1 - rule.beta1) * g)
        m = rule.beta2 * m + (1 - rule.beta2) * g
        return eta * direction

    return step


def _adadelta(rule: r.Adadelta, zero: NumPyArray) -> StepOf:
    v, delta = zero, zero

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal v, delta
        v = rule.rho * v + (1 - rule.rho) * g**2
        d = np.sqrt(delta + rule.eps) / np.sqrt(v + rule.eps) * g
        delta = rule.rho * delta + (1 - rule.rho) * d**2
        return eta * d

    return step


def _adamax(rule: r.Adamax, zero: NumPyArray) -> StepOf:
    m, u = zero, zero
    inner, outer = (rule.eps, 0.0) if rule.eps_at == "inside" else (0.0, rule.eps)

    def step(g: NumPyArray, eta: float, t: int) -> NumPyArray:
        nonlocal m, u
        m = rule.beta1 * m + (1 - rule.beta1) * g
        u = np.maximum(rule.beta2 * u, abs(g) + inner)
        found: NumPyArray = eta * m / (1 - rule.beta1 ** (t + 1)) / (u + outer)
        return found

    return step
