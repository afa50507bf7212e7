"""Keras 2 and TensorFlow Addons: what their settings did, in Keras 3's words where it has them.

``lr`` is ``learning_rate``, and ``decay`` is not weight decay but a schedule, η/(1 + decay·t), in
updates. Three rules of Keras 2 are not those of Keras 3: RMSprop without momentum and Adagrad had ε
outside the root, and Nadam's momentum grew more slowly. TensorFlow Addons takes its weight_decay
off the weights as it is, without the learning rate and whatever its schedule.
"""

from __future__ import annotations

from dataclasses import replace

from weightdecay.errors import InputError
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import signatures
from weightdecay.translation.syntax import Call, Constant, Node, Program, render, shown

ADDONS = "tfa.optimizers."
_CLIPPING = "clipnorm=None, clipvalue=None, global_clipnorm=None, name=None"
ADDONS_OPTIMIZERS = signatures(
    {
        "AdamW": "weight_decay, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, "
        f"amsgrad=False, exclude_from_weight_decay=None, {_CLIPPING}",
        "SGDW": "weight_decay, learning_rate=0.001, momentum=0.0, nesterov=False, "
        f"exclude_from_weight_decay=None, {_CLIPPING}",
    }
)
_ONLY_THEN = ("decay", "schedule_decay")


def is_old(program: Program) -> bool:
    """Whether a text can only be Keras 2's, or TensorFlow Addons'."""
    return any(
        ".legacy." in call.name
        or _addons(call.name)
        or (".optimizers." in call.name and any(name in _ONLY_THEN for name, _ in call.kwargs))
        for call in program.calls()
    )


def _addons(name: str) -> str:
    for prefix in (ADDONS, "tensorflow_addons.optimizers."):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return ""


def addons(name: str) -> str | None:
    """The name of an optimizer of TensorFlow Addons in full."""
    short = _addons(name)
    return f"{ADDONS}{short}" if short else None


def notes(program: Program) -> list[str]:
    """What the old settings were taken for."""
    told = []
    for call in program.calls():
        given = dict(call.kwargs)
        if ".optimizers." in call.name and given.get("decay", Constant(0)) != Constant(0):
            decay = render(given["decay"])
            told.append(f"decay={decay} is Keras 2's schedule η/(1 + {decay} t), in updates")
        if _addons(call.name):
            told.append(
                "TensorFlow Addons takes weight_decay off the weights as it is, without the "
                "learning rate, which changes it not"
            )
    return told


def modern(call: Call, first: str, default: Node) -> Call:
    """A call with Keras 3's arguments; `first` is the one that may stand without a name."""
    given = dict(call.kwargs)
    if "lr" in given and "learning_rate" in given:
        raise InputError("lr is learning_rate: give one of them.")
    if "lr" in given:
        given = {"learning_rate" if k == "lr" else k: v for k, v in given.items()}
    if not any(name in given for name in _ONLY_THEN):
        return replace(call, kwargs=tuple(given.items()))
    short = call.name.rpartition(".")[2]
    if short == "Nadam":
        raise InputError(
            "Keras 2's Nadam takes decay for its momentum's schedule: leave it out, and write "
            "keras.optimizers.legacy.Nadam."
        )
    if "schedule_decay" in given:
        raise InputError("schedule_decay is Nadam's alone: leave it out.")
    decay = given.pop("decay")
    args = call.args
    position = 0 if first == "learning_rate" else 1
    positional = len(args) > position
    rate = args[position] if positional else given.get("learning_rate", default)
    if decay in (Constant(0), Constant(0.0), Constant(None)):
        return replace(call, kwargs=tuple(given.items()))
    numbers = [n.value for n in (rate, decay) if isinstance(n, Constant)]
    if len(numbers) != 2 or not all(type(n) in (int, float) for n in numbers):
        raise InputError(
            f"decay={shown(decay)} divides the learning rate {shown(rate)} by 1 + decay·t: "
            "write both as numbers."
        )
    schedule = Call("keras.optimizers.schedules.InverseTimeDecay", (rate, Constant(1), decay))
    if positional:
        args = (*args[:position], schedule, *args[position + 1 :])
    else:
        given["learning_rate"] = schedule
    return replace(call, args=args, kwargs=tuple(given.items()))


def rule(found: r.Rule) -> r.Rule:
    """Keras 2's rule of the name that Keras 3's has."""
    if isinstance(found, r.RmsProp) and not found.momentum:
        return replace(found, eps_at="outside")
    if isinstance(found, r.Adagrad):
        return replace(found, eps_at="outside")
    if isinstance(found, r.Nadam):
        return replace(found, momentum_decay=4e-3)
    return found
