"""PyTorch by hand.

Left out: the loop under torch.compile, which is as fast as TorchScript here, needs a C++ compiler
and takes over a minute to compile forty steps.
"""

from __future__ import annotations

import warnings

import torch
from problem import Floats, Problem, Training
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


def plain(problem: Problem) -> Training:
    """`Linear`, `backward` and `optim.SGD`, minibatches picked by their row numbers."""
    X, y, w = (torch.from_numpy(x) for x in (problem.X, problem.y[:, None], problem.w))
    batches = list(torch.from_numpy(problem.rows.reshape(-1, problem.rows.shape[-1])))
    mse = torch.nn.MSELoss()

    def run() -> tuple[Floats, float]:
        net, optimizer = _model(problem, w)
        for rows in batches:
            optimizer.zero_grad()
            loss = mse(net(X[rows]), y[rows]) / 2
            loss.backward()
            optimizer.step()
        return _result(net)

    return run


def guide(problem: Problem) -> Training:
    """The same with a `DataLoader`, and both losses after every epoch."""
    w, mse = torch.from_numpy(problem.w), torch.nn.MSELoss(reduction="none")
    training, validation = (
        TensorDataset(torch.from_numpy(X), torch.from_numpy(y[:, None]))
        for X, y in ((problem.X, problem.y), (problem.X_val, problem.y_val))
    )
    size = problem.rows.shape[-1]
    loaders = [DataLoader(training, batch_sampler=epoch.tolist()) for epoch in problem.rows]
    parts = [DataLoader(part, batch_size=size) for part in (training, validation)]

    def run() -> tuple[Floats, float]:
        net, optimizer = _model(problem, w)
        for loader in loaders:
            for X, y in loader:
                optimizer.zero_grad()
                loss = mse(net(X), y) / 2
                loss.mean().backward()
                optimizer.step()
            with torch.no_grad():
                for part in parts:
                    sum((mse(net(X), y) / 2).sum().item() for X, y in part) / len(part.dataset)
        return _result(net)

    return run


def lean_buffers(problem: Problem) -> Training:
    """One minibatch at a time, in place, decay and rate in the factors of `addmv_`."""
    X, y, w0 = (torch.from_numpy(x) for x in (problem.X, problem.y, problem.w))
    size = problem.rows.shape[-1]
    keep, rate = 1 - problem.lr * problem.lambd, -problem.lr / size
    batches = list(torch.from_numpy(problem.rows.reshape(-1, size)))

    @torch.inference_mode()
    def run() -> tuple[Floats, float]:
        w, b = w0.clone(), torch.tensor(problem.b)
        for rows in batches:
            Xb = X.index_select(0, rows)
            r = torch.addmv(y.index_select(0, rows), Xb, w, beta=-1).add_(b)
            w.addmv_(Xb.t(), r, beta=keep, alpha=rate)
            b.add_(r.sum(), alpha=rate)
        return w.numpy(), b.item()

    return run


def lean(problem: Problem) -> Training:
    """Three calls a step: bias and target are columns, and all minibatches are gathered at once."""
    Z, rows, rate, keep, start = _columns(problem)
    k, size = problem.X.shape[1], problem.rows.shape[-1]
    mv, addcmul = torch.mv, torch.addcmul

    @torch.inference_mode()
    def run() -> tuple[Floats, float]:
        B = Z.index_select(0, rows).view(-1, size, k + 2)
        u = start
        for b, s in zip(B.unbind(), (B * rate).mT.unbind(), strict=True):
            u = addcmul(mv(s, mv(b, u)), u, keep)
        u = u.numpy()
        return u[:k], u[k]

    return run


def lean_in_place(problem: Problem) -> Training:
    """The same, changing the weights in place."""
    Z, rows, rate, keep, start = _columns(problem)
    k, size = problem.X.shape[1], problem.rows.shape[-1]

    @torch.inference_mode()
    def run() -> tuple[Floats, float]:
        B = Z.index_select(0, rows).view(-1, size, k + 2)
        u = start.clone()
        for b, s in zip(B.unbind(), (B * rate).mT.unbind(), strict=True):
            r = b.mv(u)
            u.mul_(keep).addmv_(s, r)
        u = u.numpy()
        return u[:k], u[k]

    return run


def lean_script(problem: Problem) -> Training:
    """`lean` as TorchScript, which has no Python between the calls and is deprecated."""
    Z, rows, rate, keep, start = _columns(problem)
    k, size = problem.X.shape[1], problem.rows.shape[-1]

    def train(Z: Tensor, rows: Tensor, rate: Tensor, keep: Tensor, start: Tensor) -> Tensor:
        B = Z.index_select(0, rows).view(-1, size, k + 2)
        u = start
        for b, s in zip(B.unbind(), (B * rate).mT.unbind(), strict=True):
            u = torch.addcmul(torch.mv(s, torch.mv(b, u)), u, keep)
        return u

    arguments = (Z, rows, rate, keep, start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(train, arguments, check_trace=False)

    @torch.inference_mode()
    def run() -> tuple[Floats, float]:
        u = traced(*arguments).numpy()
        return u[:k], u[k]

    return run


def _columns(problem: Problem) -> tuple[Tensor, ...]:
    """The examples with a column of ones and one of targets, and what goes with them."""
    k, size = problem.X.shape[1], problem.rows.shape[-1]
    X, y, w = (torch.from_numpy(x) for x in (problem.X, problem.y, problem.w))
    Z = torch.column_stack([X, torch.ones_like(y), y])
    start = torch.cat([w, torch.tensor([problem.b, -1.0])])
    keep = torch.full((k + 2,), 1 - problem.lr * problem.lambd)
    keep[k:] = 1
    rate = torch.full((k + 2,), -problem.lr / size)
    rate[k + 1] = 0
    return Z, torch.from_numpy(problem.rows.reshape(-1)), rate, keep, start


def _model(problem: Problem, w: Tensor) -> tuple[torch.nn.Linear, torch.optim.Optimizer]:
    net = torch.nn.Linear(len(w), 1)
    with torch.no_grad():
        net.weight.copy_(w[None])
        net.bias.fill_(problem.b)
    groups = [{"params": net.weight, "weight_decay": problem.lambd}, {"params": net.bias}]
    return net, torch.optim.SGD(groups, lr=problem.lr)


def _result(net: torch.nn.Linear) -> tuple[Floats, float]:
    return net.weight.detach().numpy()[0], net.bias.item()


CONTESTANTS = {
    "plain": plain,
    "guide": guide,
    "lean": lean,
    "lean, in place": lean_in_place,
    "lean, a batch at a time": lean_buffers,
    "lean, TorchScript": lean_script,
}
