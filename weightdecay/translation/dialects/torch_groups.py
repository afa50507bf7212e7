"""PyTorch's parameter groups: which kinds of parameters decay, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

from weightdecay.errors import InputError
from weightdecay.translation import selection
from weightdecay.translation.dialects.arguments import Arguments, mentions_bias
from weightdecay.translation.selection import Kinds
from weightdecay.translation.syntax import (
    Call,
    Constant,
    Items,
    Name,
    Node,
    Selection,
    Table,
    render,
    shown,
)

NORMS = (
    "the groups leave the scales of norms out of the decay, and the code here only what is named "
    "bias: leave out those scales as well"
)


@dataclass(frozen=True)
class Groups:
    """λ of the weights, whether biases have it too, and what has to be said."""

    strength: float
    bias: bool
    notes: tuple[str, ...] = ()


def _tables(given: Node | None) -> list[Table]:
    items = given.items if isinstance(given, Items) else ()
    return [item for item in items if isinstance(item, Table)]


def replaced(given: Node | None) -> Node:
    """What is updated, of our own: everything, or the weights and the biases in groups."""
    if not _tables(given):
        return Call("model.parameters")
    assert isinstance(given, Items)
    groups = []
    for group, kinds in zip(given.items, _kinds(given), strict=True):
        assert isinstance(group, Table)
        params: Node = Call("model.parameters")
        if not kinds >= {"weights", "biases"}:
            params = Name("weights" if "weights" in kinds else "biases")
        if kinds & {"weights", "biases"}:
            pairs = ((k, params if k == Constant("params") else v) for k, v in group.pairs)
            groups.append(Table(tuple(pairs)))
    return Items(tuple(groups))


def _kinds(given: Items) -> list[Kinds]:
    """Which parameters each group has; a name tells whether it is of biases."""
    found = [_chosen(_params_of(group)) for group in given.items]
    by_name = [kinds for kinds in found if kinds is None]
    if len(by_name) > 2:
        raise InputError("there are more than two parameter groups: give one for the weights and "
                         "one for the biases.")  # fmt: skip
    names = [
        mentions_bias(render(_params_of(group)))
        for group, kinds in zip(given.items, found, strict=True)
        if kinds is None
    ]
    if names == [False, False] or names == [True, True]:
        names = [False, True]
    if len(names) == len(found) == 1:
        return [selection.ALL]
    told = iter(names)
    return [
        kinds if kinds is not None else frozenset({"biases" if next(told) else "weights"})
        for kinds in found
    ]


def _chosen(params: Node) -> Kinds | None:
    """By a comprehension's test; None where there is a name alone."""
    if not isinstance(params, Selection):
        return None
    kinds = selection.kinds(params)
    if kinds is None:
        raise InputError(
            f"{shown(params)!r} chooses some weights and not others: groups of all weights "
            "and of all biases are translated."
        )
    return kinds


def _params_of(group: Node) -> Node:
    params = group.get("params") if isinstance(group, Table) else None
    if params is None:
        raise InputError(
            "a parameter group is a dict with 'params': write "
            '[{"params": weights}, {"params": biases, "weight_decay": 0}].'
        )
    return params


def read(arguments: Arguments) -> Groups:
    """λ by group."""
    default = arguments.number("weight_decay", least=0.0)
    params = arguments.node("params")
    if isinstance(params, Selection) and _chosen(params) != selection.ALL:
        raise InputError(
            f"{shown(params)!r} leaves parameters untrained, and no recipe does: give all of "
            "them, in groups."
        )
    tables = _tables(params)
    if not tables:
        return Groups(default, True)
    assert isinstance(params, Items)
    strengths: dict[str, set[float]] = {kind: set() for kind in selection.ALL}
    chosen = _kinds(params)
    for group, kinds in zip(tables, chosen, strict=True):
        strength = _strength(group, default)
        for kind in kinds:
            strengths[kind].add(strength)
    groups = [(_strength(group, default), render(_params_of(group))) for group in tables]
    if len({strength for strength, _ in groups}) == 1:
        if any(_chosen(_params_of(group)) is not None for group in tables):
            _trained(strengths)
        return Groups(groups[0][0], True)
    named = all(_chosen(_params_of(group)) is None for group in tables)
    if named:
        bare = [name for strength, name in groups if strength == 0]
        if len({s for s, _ in groups}) == 2 and bare and all(map(mentions_bias, bare)):
            return Groups(max(s for s, _ in groups), False)
    else:
        _trained(strengths)
        weights, biases = strengths["weights"], strengths["biases"]
        if len(weights) == 1 and biases == {0.0}:
            spared = strengths["norms"] and strengths["norms"] != weights
            return Groups(min(weights), bias=False, notes=(NORMS,) if spared else ())
    raise InputError(
        "the groups differ in weight_decay in a way that is not translated: give 0 to one group, "
        "whose params name bias or norm, and the same to all others."
    )


def _trained(strengths: dict[str, set[float]]) -> None:
    missing = [kind for kind in ("weights", "biases") if not strengths[kind]]
    if missing:
        raise InputError(
            f"the {missing[0]} are in no group, so that they are not trained: no recipe holds that."
        )


def _strength(group: Table, default: float) -> float:
    own = group.get("weight_decay")
    for key, _ in group.pairs:
        if key not in (Constant("params"), Constant("weight_decay")):
            raise InputError(
                f"a parameter group has a {shown(key)} of its own: only weight_decay is "
                "translated by group."
            )
    if own is None:
        return default
    if not isinstance(own, Constant) or isinstance(own.value, bool | str | None) or own.value < 0:
        raise InputError(f"weight_decay of a group is {shown(own)}: write a number ≥ 0.")
    return float(own.value)
