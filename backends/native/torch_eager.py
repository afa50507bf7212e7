"""PyTorch's optimizers without its compiler, in a process that does nothing else.

The first step of any torch.optim optimizer imports ``torch._dynamo``, to tell the compiler that is
not running to leave it alone; the import takes longer than a whole audit. Here a stand-in says the
same for as long as a block runs, and hands over to the real module when anything else is asked of
it. It is for PyTorch's own optimizers: one that compiles needs the real package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

NAME = "torch._dynamo"
MARK = "__dynamo_disable"


@contextmanager
def eager() -> Iterator[None]:
    """Stand in for the compiler, unless it is imported already; nothing is left behind.

    Not for a process with other threads, which might want the compiler meanwhile.
    """
    if NAME in sys.modules:
        yield
        return
    marked: list[Any] = []
    stand_in = _stand_in(marked)
    sys.modules[NAME] = stand_in
    torch._dynamo = stand_in
    try:
        yield
    finally:
        _remove(stand_in)
        for function in marked:  # PyTorch keeps what it was given there
            if hasattr(function, MARK):
                delattr(function, MARK)


def _stand_in(marked: list[Any]) -> ModuleType:
    stand_in: Any = ModuleType(NAME)

    def disable(function: Callable[..., Any], *options: Any, **more: Any) -> Callable[..., Any]:
        marked.append(function)
        return function

    def real(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _remove(stand_in)
        return getattr(importlib.import_module(NAME), name)

    stand_in.disable, stand_in.graph_break = disable, lambda *message, **more: None
    stand_in.__getattr__ = real
    return stand_in  # type: ignore[no-any-return]


def _remove(stand_in: ModuleType) -> None:
    if sys.modules.get(NAME) is stand_in:
        del sys.modules[NAME]
        del torch._dynamo
