"""Native MXNet 1.9: gluon.nn.Dense, autograd and gluon.Trainer, with λ₂ as the Trainer's `wd`.

The loss is a mean already, hence `step(1)`; the bias has `wd_mult = 0`. MXNet's `wd` adds λ₂w to
the gradient, and there is no decoupled decay in mx.optimizer. What `wd` cannot say is a term of the
loss: λ₂ of the bias, λ₂ that differ by input, and λ₁, for which MXNet's d|w|/dw is 0 at 0. So is λ₂
with Nesterov's momentum: the NAG kernel of 1.9.1 works in place and reads the weight it has already
changed when it adds wd·w to the momentum.

MXNet's optimizers hold lr, wd, momentum and betas in float32 even for float64 weights: float64
results agree to rounding when these are sums of few powers of two (lr = 1/128, λ = 3), and to about
1e-7 otherwise. Adam corrects its bias in the learning rate, which is thus rounded anew in every
step: in float64 it is 1e-8 away whatever the settings, and refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from weightdecay.native import NativeEpoch, NativeProblem
from weightdecay.ops import NumPyArray

with warnings.catch_warnings():
    # np.bool, distutils versions: MXNet 1.9.1 is the last release, and reads what is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet as mx


def refusal(problem: NativeProblem) -> str | None:
    """No proximal update, no decoupled decay, Adam in float32 with ε = 0 only."""
    experiment = problem.experiment
    if experiment.l1_update == "proximal" and (problem.l1.any() or problem.l1_bias):
        return "MXNet has no proximal L1 update: l1_update = 'subgradient' would be exact."
    if (
        experiment.decay == "decoupled"
        and experiment.optimizer != "sgd"
        and (problem.l2.any() or problem.l2_bias)
    ):
        return (
            "MXNet's optimizers add their weight decay to the gradient: coupled decay, or 'sgd', "
            "where decoupled decay is the same, would be exact."
        )
    if experiment.optimizer == "adam" and experiment.eps > 0:
        return (
            "MXNet's Adam adds eps to √v before the bias correction (the ε̂ of Kingma & Ba's "
            "section 2): eps = 0, in float32, would be exact."
        )
    if experiment.optimizer == "adam" and problem.dtype == "float64":
        return (
            "MXNet's Adam rounds its bias-corrected learning rate to float32 in every step: "
            "float32 would be exact."
        )
    return None


def train(problem: NativeProblem) -> Iterator[NativeEpoch]:
    """One backward pass and one step of the Trainer a batch."""
    context = mx.gpu() if problem.device == "cuda" else mx.cpu()
    half_squared_error = mx.gluon.loss.L2Loss()

    def array(x: NumPyArray, dtype: str = problem.dtype) -> Any:
        # mx.nd.array is this and a look into SciPy, which has moved what it looks for.
        return mx.nd.ndarray.array(x, context, dtype)

    def data(X: NumPyArray, y: NumPyArray, weight: NumPyArray | None) -> list[Any]:
        s = np.ones(len(y)) if weight is None else weight
        return [array(X), array(y[:, None]), array(s[:, None])]

    def loss(X: Any, y: Any, s: Any) -> Any:
        return half_squared_error(net(X), y, s).mean()

    def penalty() -> Any:
        w, b = net.weight.data()[0], net.bias.data()
        of_weights = l1 * w.abs() if _in_wd(problem) else l1 * w.abs() + l2 / 2 * w.square()
        return of_weights.sum() + (l1_bias * b.abs() + l2_bias / 2 * b.square()).sum()

    def params() -> tuple[NumPyArray, NumPyArray]:
        return net.weight.data().asnumpy()[0], np.array(net.bias.data().asnumpy()[0])

    net = mx.gluon.nn.Dense(1, in_units=len(problem.w), dtype=problem.dtype)
    net.initialize(mx.init.Zero(), context)  # without a draw: the initial state is given
    net.weight.set_data(array(problem.w[None]))
    net.bias.set_data(array(np.array([problem.b])))
    net.bias.wd_mult = 0.0
    trainer = _trainer(problem, net)
    l1, l2 = array(problem.l1), array(problem.l2)
    l1_bias, l2_bias = array(np.array([problem.l1_bias])), array(np.array([problem.l2_bias]))
    training = data(problem.X_train, problem.y_train, problem.weight_train)
    validation = (
        data(problem.X_val, problem.y_val, problem.weight_val) if len(problem.y_val) else None
    )

    for epoch in problem.epochs:
        steps = []
        for rows in epoch:
            batch = array(rows, "int64")
            with mx.autograd.record():
                objective = loss(*(part.take(batch) for part in training)) + penalty()
            objective.backward()
            trainer.step(1)
            if problem.record:
                steps.append(params())
        val_loss = loss(*validation).asscalar() if validation else float("nan")
        yield NativeEpoch(*params(), float(loss(*training).asscalar()), float(val_loss), steps)


def _trainer(problem: NativeProblem, net: Any) -> Any:
    experiment = problem.experiment
    beta1, beta2 = experiment.betas
    rules: dict[str, tuple[str, dict[str, float]]] = {
        "sgd": ("sgd", {}),
        "momentum": ("sgd", {"momentum": experiment.momentum}),
        "nesterov": ("nag", {"momentum": experiment.momentum}),
        "adam": ("adam", {"beta1": beta1, "beta2": beta2, "epsilon": experiment.eps}),
    }
    name, options = rules[experiment.optimizer]
    wd = float(problem.l2[0]) if _in_wd(problem) else 0.0
    options |= {"learning_rate": experiment.lr, "wd": wd}
    return mx.gluon.Trainer(net.collect_params(), name, options)


def _in_wd(problem: NativeProblem) -> bool:
    """Whether λ₂ of the weights is the Trainer's `wd`, and not a term of the loss."""
    uniform = bool((problem.l2 == problem.l2[0]).all())
    return uniform and problem.experiment.optimizer != "nesterov"
