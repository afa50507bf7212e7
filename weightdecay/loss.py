"""The data term: half the mean squared error, and its gradient.

With c the weights of a mean over examples (1/n each, or the sample weight over n),

    rᵢ = w·xᵢ + b − yᵢ        L(w, b) = Σ cᵢ ½ rᵢ²        ∂L/∂w = Σ cᵢ rᵢ xᵢ        ∂L/∂b = Σ cᵢ rᵢ

Every function takes X (n, num_inputs), y (n, 1), c (n, 1) or (n, runs) and gives one value a run.

In homogeneous coordinates bias and target are inputs like the others: X is [X 1 y] and w is
[w; b; −1], so that the residual is Xw; there is no `b` and no `y`, which is written ().
"""

from __future__ import annotations

from weightdecay.ops import Array, Parameters, Verbs


def residual(ops: Verbs, params: Parameters, X: Array, y: Array) -> Array:
    """w·xᵢ + b − yᵢ, shape (n, runs)."""
    r = ops.matmul(X, params.w)
    return r if is_absent(params.b) else r + params.b - y


def value(ops: Verbs, params: Parameters, X: Array, y: Array, c: Array) -> Array:
    """L, shape (runs,)."""
    r = residual(ops, params, X, y)
    return ops.sum(c * r * r, axis=0) / 2


def gradient(ops: Verbs, params: Parameters, X: Array, y: Array, c: Array) -> Parameters:
    """∂L/∂w, shape (num_inputs, runs), and ∂L/∂b, shape (runs,)."""
    r = c * residual(ops, params, X, y)
    g = ops.matmul(ops.matrix_transpose(X), r)
    return Parameters(g, () if is_absent(params.b) else ops.sum(r, axis=0))


def is_absent(b: Array) -> bool:
    """Whether the bias is one of the weights."""
    return isinstance(b, tuple)
