"""One epoch over data that no cache holds, against what else would be done with them.

``python benchmarks/epoch.py --backend numpy|torch [--rounds N] [--examples N] [--out FILE]``.
200,000 examples of 512 inputs, float32 (410 MB), minibatches of 256, warm. Beside it in the same
run: the memory's own speed (one product X @ v; a copy of X into memory that is there already),
scikit-learn's SGDRegressor, and with torch a `DataLoader` with autograd and `optim.SGD`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import ours
from problem import Floats
from results import Results, as_json, ratio, show, write
from timing import Times, interleaved

from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.experiment import Experiment

INPUTS = 512
EXAMPLES = 200_000
SHUFFLED, IN_ORDER = "ours: shuffled", "ours: in order"
LOSSES = " and the loss after it"
PRODUCT, COPY = "one product X @ v", "a copy of X"
REGRESSOR, LOADER = "scikit-learn's SGDRegressor", "DataLoader and optim.SGD"

EXPERIMENT = Experiment(lambd=(1e-3,), lr=1e-3, batch_size=256, epochs=1)


def measure(backend: str, rounds: int, examples: int) -> Results:
    """Time one epoch of each, in turn."""
    X, y = draw(examples, INPUTS)
    dataset = from_arrays(X, y)
    runs: dict[str, Callable[[], Any]] = {}
    for name, shuffle in ((SHUFFLED, True), (IN_ORDER, False)):
        experiment = replace(EXPERIMENT, shuffle=shuffle)
        placed = ours.place(backend, experiment, dataset)
        runs[name] = ours.loop(placed)
        runs[name + LOSSES] = ours.with_losses(placed)
    runs |= memory(backend, X)
    runs[REGRESSOR] = regressor(dataset)
    times = interleaved(runs, rounds)
    if backend == "torch":  # by itself, since it takes longer than all others together
        times |= interleaved({LOADER: loader(X, y)}, max(1, rounds // 3))
    ratios = compare(times)
    show(backend, times, ratios)
    sizes = {"examples": examples, "inputs": INPUTS, "bytes": X.nbytes}
    return {**sizes, "seconds": as_json(times), "ratios": ratios}


def compare(times: dict[str, Times]) -> dict[str, float]:
    """Ours over the memory's speed, and the others over ours."""
    ratios = {}
    for name in (SHUFFLED, IN_ORDER, SHUFFLED + LOSSES, IN_ORDER + LOSSES):
        for under in (PRODUCT, COPY):
            ratios[f"{name} / {under}"] = ratio(times, name, under)
    for other in (REGRESSOR, LOADER):
        if other in times:
            ratios[f"{other} / {SHUFFLED}"] = ratio(times, other, SHUFFLED)
    return ratios


def draw(examples: int, inputs: int) -> tuple[Floats, Floats]:
    """Standard normal inputs, a linear target with noise; drawn in place, so nothing is copied."""
    rng = np.random.default_rng(0)
    X = np.empty((examples, inputs), np.float32)
    rng.standard_normal(out=X, dtype=np.float32)
    y = X @ rng.standard_normal(inputs, np.float32) * np.float32(0.05)
    y += rng.standard_normal(examples, np.float32)
    return X, y


def memory(backend: str, X: Floats) -> dict[str, Callable[[], Any]]:
    """What reading X once, and copying it once, takes in the backend's own words."""
    v = np.ones(X.shape[1], np.float32)
    if backend == "torch":
        import torch

        tensor, vector = torch.from_numpy(X), torch.from_numpy(v)
        room = torch.empty_like(tensor)
        return {PRODUCT: lambda: tensor @ vector, COPY: lambda: room.copy_(tensor)}
    room = np.empty_like(X)
    return {PRODUCT: lambda: X @ v, COPY: lambda: np.copyto(room, X)}


def regressor(dataset: Dataset) -> Callable[[], Any]:
    """One epoch of scikit-learn: a step for every example rather than for every 256."""
    from sklearn.linear_model import SGDRegressor

    (alpha,) = EXPERIMENT.lambd
    rate = EXPERIMENT.lr / 10  # steps of one example diverge at the rate of 256
    settings = {"max_iter": 1, "tol": None, "shuffle": True, "penalty": "l2", "random_state": 0}
    model = SGDRegressor(alpha=alpha, learning_rate="constant", eta0=rate, **settings)
    return lambda: model.fit(dataset.X_train, dataset.y_train)


def loader(X: Floats, y: Floats) -> Callable[[], Any]:
    """The guide's own way: a shuffling DataLoader, autograd, a step of the optimizer a batch."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(y[:, None]))
    batches = DataLoader(data, batch_size=EXPERIMENT.batch_size, shuffle=True)
    net, mse = torch.nn.Linear(X.shape[1], 1), torch.nn.MSELoss()
    (decay,) = EXPERIMENT.lambd
    groups = [{"params": net.weight, "weight_decay": decay}, {"params": net.bias}]
    optimizer = torch.optim.SGD(groups, lr=EXPERIMENT.lr)

    def run() -> None:
        for features, target in batches:
            optimizer.zero_grad()
            loss = mse(net(features), target) / 2
            loss.backward()
            optimizer.step()

    return run


def main() -> None:
    """Measure one backend, print, and write the results if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=("numpy", "torch"), required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--out", type=Path, help="write the backend's part of this file anew")
    given = parser.parse_args()
    write(given.out, given.backend, measure(given.backend, given.rounds, given.examples))


if __name__ == "__main__":
    main()
