"""What every probe promises, whatever its framework."""

from __future__ import annotations

import numpy as np
import pytest

from weightdecay.auditing.trials import draw
from weightdecay.probe import Setup, Stepper
from weightdecay.registry import load_probe

SHAPES = {"weight": (3, 2), "bias": (2,)}
ADAMS = {
    "torch": ("torch.optim.AdamW", "lr", "weight_decay"),
    "tensorflow": ("keras.optimizers.AdamW", "learning_rate", "weight_decay"),
    "jax": ("optax.adamw", "learning_rate", "weight_decay"),
    "mxnet": ("mxnet.optimizer.Adam", "learning_rate", "wd"),
}


def adam(backend: str, dtype: str = "float64", lrs: tuple[float, ...] | None = None) -> Stepper:
    name, lr, decay = ADAMS[backend]
    probe = load_probe(backend)
    settings = {lr: 0.125, decay: 0.5}
    start = draw(0, SHAPES).start
    return probe.build(Setup(probe.find(name), settings, start, dtype=dtype, lrs=lrs))


def walk(stepper: Stepper, steps: int = 4) -> list[np.ndarray]:
    path = []
    for gradients in draw(1, SHAPES).gradients[:steps]:
        stepper.step(gradients)
        path.append(np.concatenate([x.ravel() for x in stepper.read()]))
    return path


@pytest.mark.parametrize("lrs", [None, (0.5, 0.25, 0.125, 1.0)])
def test_a_restart_is_a_new_beginning(native_backend: str, lrs: tuple[float, ...] | None) -> None:
    stepper = adam(native_backend, lrs=lrs)
    first = walk(stepper)
    stepper.write([np.zeros(shape) for shape in SHAPES.values()])
    stepper.restart()
    assert np.array_equal(walk(stepper), first)
    assert np.array_equal(walk(adam(native_backend, lrs=lrs)), first)


def test_rates_are_followed(native_backend: str) -> None:
    constant, halved = walk(adam(native_backend)), walk(adam(native_backend, lrs=(0.125,) * 4))
    assert np.array_equal(constant, halved)
    other = walk(adam(native_backend, lrs=(0.125, 0.125, 0.5, 0.125)))
    assert np.array_equal(constant[:2], other[:2])
    assert not np.array_equal(constant[2], other[2])


def test_reading_gives_copies_of_the_dtype(native_backend: str, dtype: str) -> None:
    stepper = adam(native_backend, dtype)
    before = stepper.read()
    assert {x.dtype.name for x in before} == {dtype}
    kept = [x.copy() for x in before]
    walk(stepper)
    assert all(np.array_equal(x, y) for x, y in zip(before, kept, strict=True))
    before[0][...] = 7.0
    assert not np.array_equal(stepper.read()[0], before[0])


def test_writing_takes_copies_and_leaves_the_memory(native_backend: str) -> None:
    stepper, other = adam(native_backend), adam(native_backend)
    walk(stepper, 2)
    walk(other, 2)
    values = [np.ones(shape) for shape in SHAPES.values()]
    stepper.write(values)
    values[0][...] = 5.0
    assert np.array_equal(stepper.read()[0], np.ones(SHAPES["weight"]))
    stepper.write(other.read())
    assert np.array_equal(walk(stepper), walk(other))
