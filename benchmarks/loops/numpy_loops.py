"""NumPy by hand."""

from __future__ import annotations

import numpy as np
from problem import Floats, Problem, Training


def plain(problem: Problem) -> Training:
    """The textbook's loop: the gradient written out, new arrays for everything."""
    X, y, lambd, lr = problem.X, problem.y, problem.lambd, problem.lr
    batches = list(_batches(problem))

    def run() -> tuple[Floats, float]:
        w, b = problem.w, problem.b
        for rows in batches:
            r = X[rows] @ w + b - y[rows]
            w, b = w - lr * (X[rows].T @ r / len(rows) + lambd * w), b - lr * r.mean()
        return w, b

    return run


def lean_buffers(problem: Problem) -> Training:
    """Every result into a buffer made beforehand, the rate inside the residual."""
    X, y = problem.X, problem.y
    batches, size = list(_batches(problem)), problem.rows.shape[-1]
    keep, rate = np.float32(1 - problem.lr * problem.lambd), np.float32(-problem.lr / size)
    Xb, yb, r, g = (
        np.empty(shape, np.float32) for shape in ((size, X.shape[1]), size, size, X.shape[1])
    )

    def run() -> tuple[Floats, float]:
        w, b = problem.w.copy(), np.float32(problem.b)
        for rows in batches:
            X.take(rows, 0, Xb, "clip")  # 'raise' would go through another buffer
            y.take(rows, 0, yb, "clip")
            np.dot(Xb, w, r)
            np.add(r, b, r)
            np.subtract(r, yb, r)
            np.multiply(r, rate, r)
            np.dot(r, Xb, g)
            np.multiply(w, keep, w)
            np.add(w, g, w)
            b += r.sum()
        return w, b

    return run


def lean(problem: Problem) -> Training:
    """Four calls a step: bias and target are columns, and all minibatches are gathered at once."""
    k, size, rows = problem.X.shape[1], problem.rows.shape[-1], problem.rows.reshape(-1)
    Z = np.column_stack([problem.X, np.ones_like(problem.y), problem.y])
    start = np.concatenate([problem.w, [problem.b, -1]]).astype(np.float32)
    keep = np.full(k + 2, 1 - problem.lr * problem.lambd, np.float32)
    keep[k:] = 1
    rate = np.full(k + 2, -problem.lr / size, np.float32)
    rate[k + 1] = 0
    gathered, scaled = (np.empty((len(rows), k + 2), np.float32) for _ in range(2))
    parts = (x.reshape(-1, size, k + 2) for x in (gathered, scaled))
    steps = [(B.dot, S) for B, S in zip(*parts, strict=True)]  # views of what a run fills
    r, g = np.empty(size, np.float32), np.empty(k + 2, np.float32)
    dot, multiply, add = r.dot, np.multiply, np.add

    def run() -> tuple[Floats, float]:
        Z.take(rows, 0, gathered, "clip")
        multiply(gathered, rate, scaled)
        u = start.copy()
        for residual, S in steps:
            residual(u, r)
            multiply(u, keep, u)
            dot(S, g)
            add(u, g, u)
        return u[:k], u[k]

    return run


def _batches(problem: Problem) -> np.ndarray:
    return problem.rows.reshape(-1, problem.rows.shape[-1])


CONTESTANTS = {"plain": plain, "lean": lean, "lean, buffers": lean_buffers}
