"""Each framework's own settings: their defaults, and that its code does what its recipe says."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np

from tests.tolerances import TRANSLATION, relative_difference
from weightdecay.tolerances import FLOAT32_SETTINGS
from weightdecay.translation import dialects, proof, reference, staging
from weightdecay.translation import recipe as r
from weightdecay.translation.catalogue import SETTINGS
from weightdecay.translation.dialects import keras, mxnet, torch
from weightdecay.translation.dialects.arguments import REQUIRED, Signature
from weightdecay.translation.dialects.optax import vocabulary as optax
from weightdecay.translation.syntax import Constant, parse, render
from weightdecay.translation.translating import in_float32

FRAMEWORKS = {"torch": "torch", "tensorflow": "keras", "jax": "optax", "mxnet": "mxnet"}
STEPS = 25
SIGNATURES: dict[str, dict[str, dict[str, Signature]]] = {
    "torch": {"torch.optim": torch.OPTIMIZERS, "torch.optim.lr_scheduler": torch.SCHEDULERS},
    "keras": {"keras.optimizers": keras.OPTIMIZERS, "keras.regularizers": keras.REGULARIZERS,
              "keras.optimizers.schedules": keras.SCHEDULES},
    "optax": {"optax": {**optax.TRANSFORMS, **optax.SCHEDULES, **optax.OPTIMIZERS}},
    "mxnet": {"mxnet.optimizer": mxnet.OPTIMIZERS, "mxnet.lr_scheduler": mxnet.SCHEDULERS},
}  # fmt: skip


def loaded(native_backend: str) -> str:
    """The framework of a backend, imported as its adapter imports it."""
    framework = FRAMEWORKS[native_backend]
    staging.stage(framework, proof.Problem().initial, "float64")
    return framework


def trajectory(framework: str, text: str, printed: bool, recipe: r.Recipe) -> proof.Trajectory:
    given = proof.Problem(steps=STEPS)
    kind = proof.dtype(framework, recipe)
    return staging.rehearse(framework, text, printed, kind, given.initial, given.gradients)


def test_defaults_are_those_of_the_installed_framework(native_backend: str) -> None:
    framework = loaded(native_backend)
    for module, signatures in SIGNATURES[framework].items():
        for name, ours in signatures.items():
            assert_same_defaults(getattr(importlib.import_module(module), name), name, ours)


def assert_same_defaults(factory: Any, name: str, ours: Signature) -> None:
    theirs = dict(inspect.signature(factory).parameters)
    bases = inspect.getmro(factory)[1:-1] if inspect.isclass(factory) else ()
    for base in bases:  # where **kwargs pass on what the base class takes
        for parameter in inspect.signature(base).parameters.values():
            theirs.setdefault(parameter.name, parameter)
    for argument, default in ours.defaults.items():
        found = theirs[argument].default
        if default is REQUIRED:
            assert found is inspect.Parameter.empty, (name, argument)
        else:
            assert repr(found) == render(default) or found == plain(default), (name, argument)


def plain(node: Any) -> Any:
    return node.value if isinstance(node, Constant) else tuple(map(plain, node.items))


def test_the_code_of_every_setting_does_what_the_text_does(native_backend: str) -> None:
    framework = loaded(native_backend)
    for text in SETTINGS[framework]:
        reading = dialects.read(framework, parse(text))
        if reading.dropped or not reading.runs:
            continue
        written = dialects.write(framework, reading.recipe)
        source = trajectory(framework, text, False, reading.recipe)
        target = trajectory(framework, written.code, True, reading.recipe)
        apart = proof.difference(target, source)
        assert apart <= proof.tolerance((framework, reading.recipe)), (text, apart)


def test_the_code_of_every_setting_is_its_equations(native_backend: str) -> None:
    """With settings that float32 holds, so that its rounding is not what is measured."""
    framework = loaded(native_backend)
    given = proof.Problem(steps=STEPS)
    gradients = [{n: g[t] for n, g in given.gradients.items()} for t in range(STEPS)]
    for text in SETTINGS[framework]:
        reading = dialects.read(framework, parse(text))
        recipe = in_float32(reading.recipe)
        written = dialects.write(framework, recipe)
        found = trajectory(framework, written.code, True, recipe)
        wanted = list(reference.run(written.recipe, given.initial, gradients))
        for name in found:
            apart = relative_difference(found[name], np.array([p[name] for p in wanted]))
            assert apart <= TRANSLATION[_precision(framework, recipe)], (text, name, apart)


def _precision(framework: str, recipe: r.Recipe) -> str:
    """Float64 unless something in the framework computes in float32, whatever it is given."""
    if proof.dtype(framework, recipe) == "float32":
        return "float32"
    sensitive = framework in ("mxnet", "keras") and not (
        recipe.constant and isinstance(recipe.rule, r.Sgd | r.Lion | r.Adagrad | r.Adadelta)
    )
    own = proof.tolerance((framework, recipe)) > proof.TOLERANCE and framework not in (
        "mxnet", "keras",
    )  # fmt: skip
    return "rounded" if sensitive or own else "float64"


def test_the_checks_above_can_fail(native_backend: str) -> None:
    framework = loaded(native_backend)
    recipe = r.Recipe(r.Sgd(), r.Constant(0.125), r.Decay("coupled", 0.25))
    other = r.Recipe(r.Sgd(), r.Constant(0.125), r.Decay("coupled", 0.25 + 2**-20))
    one, two = (trajectory(framework, dialects.write(framework, x).code, True, x)
                for x in (recipe, other))  # fmt: skip
    assert proof.difference(one, two) > FLOAT32_SETTINGS
