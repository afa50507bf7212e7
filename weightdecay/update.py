"""The update rules: an optimizer's direction, and where the decay enters.

With gradient g of the data term, learning rate η, and states that start at 0:

    sgd         d = g
    momentum    m ← β m + g,  d = m                                     (Polyak, 1964)
    nesterov    m ← β m + g,  d = g + β m                               (Sutskever et al., 2013)
    adam        m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
                d = m̂ / (√v̂ + ε),  m̂ = m/(1 − β₁ᵗ),  v̂ = v/(1 − β₂ᵗ)    (Kingma & Ba, 2015)

and every optimizer takes the step w ← w − η d. Decay is composed with it (`descend`):

    coupled          the optimizer is fed g + λ₂w
    decoupled        w ← (1 − ηλ₂) w before the optimizer's own step on g alone   (arXiv 1711.05101)
    L1, subgradient  the optimizer is fed g + λ₁ sign(w)
    L1, proximal     w ← S(w − η d, ηλ₁) after it: exact zeros

So AdamW is adam with decoupled decay, and SGDW momentum with decoupled decay. For sgd the two
coincide, and only there. The same functions serve w, of shape (num_inputs, runs), and b, of shape
(runs,): hyperparameters have shape (runs,) or (1,).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from weightdecay import loss
from weightdecay.ops import Array, Parameters, Step, Verbs
from weightdecay.penalty import Strength, soft_threshold


class Hyperparameters(NamedTuple):
    """Of shape (runs,) or (1,), in the dtype of the run; None where the rule does not read it."""

    lr: Array
    momentum: Array = None
    beta1: Array = None
    beta2: Array = None
    eps: Array = None


class Problem(NamedTuple):
    """What every step reads: the training examples, λ and the hyperparameters.

    X is (n, num_inputs), y (n, 1); `weight` holds sample weights of mean 1, (n, 1) or (n, runs), or
    is None. In homogeneous coordinates (`Form`) the learning rates are (num_inputs + 2, 1 or runs),
    and `X_eta` is X with every column multiplied by its rate, where all runs share the rates.
    """

    X: Array
    y: Array
    weight: Array | None
    strength: Strength
    hyper: Hyperparameters
    X_eta: Array | None = None


class State(NamedTuple):
    """What a step turns into the next: the parameters and the optimizer's memory of each."""

    params: Parameters
    memory: tuple[tuple[Array, ...], tuple[Array, ...]]


class AdamMemory(NamedTuple):
    """First and second moments, and the running powers β₁ᵗ and β₂ᵗ."""

    m: Array
    v: Array
    power1: Array
    power2: Array


Strengths: TypeAlias = tuple[Array | None, Array | None]
"""λ₁ and λ₂ of one parameter; None where it has none."""

Optimizer: TypeAlias = Callable[[Verbs, Array, Any, Hyperparameters], tuple[Array, Any]]


def sgd(ops: Verbs, g: Array, memory: tuple[()], h: Hyperparameters) -> tuple[Array, tuple[()]]:
    """The gradient itself: d = g."""
    return g, memory


def momentum(
    ops: Verbs, g: Array, memory: tuple[Array], h: Hyperparameters
) -> tuple[Array, tuple[Array]]:
    """Heavy ball, without dampening, the learning rate outside the momentum."""
    m = h.momentum * memory[0] + g
    return m, (m,)


def nesterov(
    ops: Verbs, g: Array, memory: tuple[Array], h: Hyperparameters
) -> tuple[Array, tuple[Array]]:
    """Nesterov's momentum in the form that needs the gradient at w only."""
    m = h.momentum * memory[0] + g
    return g + h.momentum * m, (m,)


def adam(ops: Verbs, g: Array, memory: AdamMemory, h: Hyperparameters) -> tuple[Array, AdamMemory]:
    """Bias-corrected moments, ε outside the root."""
    m = h.beta1 * memory.m + (1 - h.beta1) * g
    v = h.beta2 * memory.v + (1 - h.beta2) * g * g
    power1, power2 = h.beta1 * memory.power1, h.beta2 * memory.power2
    direction = (m / (1 - power1)) / (ops.sqrt(v / (1 - power2)) + h.eps)
    return direction, AdamMemory(m, v, power1, power2)


def no_memory(zeros: Array, ones: Array) -> tuple[()]:
    """For `sgd`."""
    return ()


def one_moment(zeros: Array, ones: Array) -> tuple[Array]:
    """For `momentum` and `nesterov`."""
    return (zeros,)


def two_moments(zeros: Array, ones: Array) -> AdamMemory:
    """For `adam`; the powers start at β⁰ = 1."""
    return AdamMemory(zeros, zeros, ones, ones)


OPTIMIZERS: dict[str, tuple[Optimizer, Callable[[Array, Array], Any]]] = {
    "sgd": (sgd, no_memory),
    "momentum": (momentum, one_moment),
    "nesterov": (nesterov, one_moment),
    "adam": (adam, two_moments),
}
"""Name to the rule and the memory it starts with."""

READS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "adam": ("beta1", "beta2", "eps"),
}
"""Name to the hyperparameters it reads beside the learning rate."""


class Form(NamedTuple):
    """What of a step is known before its numbers are.

    Attributes
    ----------
    decays_bias : bool
        Whether any strength of the bias is above 0: without one, its terms are left out.
    homogeneous : bool
        Whether bias and target are inputs (see `weightdecay.loss`): λ is 0 for the target and for
        a free bias, and so is the learning rate for the target, which keeps its weight at −1.
    one_rate : bool
        Whether all runs share the learning rate and the sample weights.
    """

    decays_bias: bool = True
    homogeneous: bool = False
    one_rate: bool = False


@functools.cache
def make_step(optimizer: str, decay: str, l1_update: str, form: Form) -> Step:
    """The step that `Ops.fold` loops over; the same arguments give the same function.

    A step takes the verbs, a `State`, one row (rows, mean) of an `EpochPlan` and a `Problem`.
    """
    rule, _ = OPTIMIZERS[optimizer]
    # The step of plain SGD, η ∇L, is the gradient of ηL: the rate can go where it costs least.
    plain = optimizer == "sgd" and (form.one_rate or not form.homogeneous)
    # For SGD the two coincide, and this one is shorter.
    coupled = decay == "coupled" and optimizer != "sgd"

    def descend(
        ops: Verbs, w: Array, g: Array, memory: Any, strength: Strengths, h: Hyperparameters
    ) -> tuple[Array, Any]:
        l1, l2 = strength
        proximal = l1 is not None and l1_update == "proximal"
        subgradient = l1 is not None and l1_update == "subgradient"
        if coupled and l2 is not None:
            g = g + l2 * w
        if subgradient:
            g = g + (h.lr * l1 if plain else l1) * ops.sign(w)
        d, memory = rule(ops, g, memory, h)
        if not coupled and l2 is not None:
            w = (1 - h.lr * l2) * w
        w = w - (d if plain else h.lr * d)
        if proximal:
            w = soft_threshold(ops, w, h.lr * l1)
        return w, memory

    def step(ops: Verbs, state: State, batch: tuple[Array, Array], problem: Problem) -> State:
        rows, c = batch
        X = ops.take(problem.X, rows)
        y = () if form.homogeneous else ops.take(problem.y, rows)
        if problem.weight is not None:
            c = c * ops.take(problem.weight, rows)
        h, (l1, l2) = problem.hyper, problem.strength
        if plain and form.homogeneous:  # Σ cᵢ ηxᵢ rᵢ: what is beside r needs no parameter
            S = c * ops.take(problem.X_eta, rows)
            r = loss.residual(ops, state.params, X, y)
            g = Parameters(ops.matmul(ops.matrix_transpose(S), r), ())
        else:
            g = loss.gradient(ops, state.params, X, y, h.lr * c if plain else c)
        has_l1 = not loss.is_absent(l1.w)
        of_w = (l1.w if has_l1 else None, l2.w)
        w, memory_w = descend(ops, state.params.w, g.w, state.memory[0], of_w, h)
        if form.homogeneous:
            return State(Parameters(w, ()), (memory_w, ()))
        of_b = (l1.b if has_l1 else None, l2.b) if form.decays_bias else (None, None)
        b, memory_b = descend(ops, state.params.b, g.b, state.memory[1], of_b, h)
        return State(Parameters(w, b), (memory_w, memory_b))

    return step
