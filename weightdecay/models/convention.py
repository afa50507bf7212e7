"""What a parameter looks like it should be: weights decay; biases, norms and embeddings do not.

This is the usual convention, not a law. It goes by the class of the layer where there is one, and
by the names that the frameworks and their libraries use: `bias`, `beta`, `offset`; `scale`,
`gamma`; `embedding`, `wte`, `pos_embed`, `cls_token`. What is left decays if it has at least two
axes.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from weightdecay.models.reading import ModelParameter, Owner

Wanted = Literal["decay", "no decay", "either"]


class Expected(NamedTuple):
    """What is usual for a parameter, and what it is taken for, such as 'bias'."""

    wanted: Wanted
    reason: str


_NORM = re.compile(r"norm(?!al(?!iz))", re.IGNORECASE)
_NOT_NORM = re.compile(r"(Weight|Spectral)_?Norm", re.IGNORECASE)  # they wrap a layer of weights
_NORM_PATH = re.compile(r"(^|_)(ln|bn|gn)([\d_]|$)|norm(?!al(?!iz))", re.IGNORECASE)
_NORM_ITSELF = re.compile(r"norm(alization)?(\d?d)?$", re.IGNORECASE)  # not NormLinear, ConvNormAct
_EMBEDDING = re.compile(r"embed(?!der)|^w[tp]e$|_tokens?$", re.IGNORECASE)
_GAINS = {"scale", "gamma", "gain", "alpha", "weight_g", "a_log"}
_SHIFTS = {"beta", "offset"}
_PARAMETRIZATIONS = "parametrizations"
"""torch keeps a parametrized `weight` as ``parametrizations.weight.original``; the length of each
row of a weight norm is its ``original0``."""


def expected(parameter: ModelParameter) -> Expected:
    """What is usual for it, by every place at which it is used.

    An embedding that is tied to a layer of weights may decay or not: both are usual.
    """
    if parameter.frozen:
        return Expected("no decay", "frozen")
    ndim = len(parameter.shape)
    found = list(dict.fromkeys(_expected(owner, ndim) for owner in parameter.owners))
    if len({each.wanted for each in found}) > 1:
        return Expected("either", f"tied {' and '.join(each.reason for each in found)}")
    return found[0]


def _expected(owner: Owner, ndim: int) -> Expected:
    *path, leaf = re.split(r"[./]", owner.name)  # Haiku's paths have slashes
    if path[-2:-1] == [_PARAMETRIZATIONS]:
        leaf = f"{path[-1]}_g" if leaf == "original0" else path[-1]
    what = _exempt(owner.kind, path, leaf.lower(), ndim)
    return Expected("no decay", what) if what else Expected("decay", "weight")


def _exempt(kind: str, path: list[str], leaf: str, ndim: int) -> str | None:
    if _is_norm(kind, path, ndim):
        return "norm"
    if re.search(r"(^|_)bias|bias($|_)", leaf) or (leaf == "b" and not kind):
        return "bias"
    if _is_embedding(kind, path, leaf, ndim):
        return "embedding"
    if leaf in _SHIFTS:
        return "bias"
    if leaf in _GAINS or ndim <= 1:
        return "gain"
    return None


def _is_norm(kind: str, path: list[str], ndim: int) -> bool:
    if kind:
        among = bool(_NORM.search(kind)) and not _NOT_NORM.search(kind)
        return among and (ndim <= 1 or bool(_NORM_ITSELF.search(kind)))
    return ndim <= 1 and any(_NORM_PATH.search(part) for part in path)


def _is_embedding(kind: str, path: list[str], leaf: str, ndim: int) -> bool:
    """By its layer, or its own name; in a tree also by the name above a leaf called `weight`."""
    table = kind.startswith("Embed") or kind.endswith(("Embed", "Embedding"))
    patches = "Patch" in kind or (ndim > 2 and leaf in ("weight", "kernel"))  # a convolution
    if (table and not patches) or _EMBEDDING.search(leaf):
        return True
    above = path[-1] if path and not kind and leaf in ("weight", "w", "table") else ""
    return bool(_EMBEDDING.search(above))
