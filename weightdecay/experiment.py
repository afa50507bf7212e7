"""The description of what to run: frozen, validated, serialisable; every layer speaks it.

For n training examples, weights w (num_inputs) and bias b, every run minimises

    J(w, b) = (1/n) Σ ½ (w·xᵢ + b − yᵢ)²  +  λ₂/2 ‖w‖²  +  λ₁ ‖w‖₁

with λ₂ = λ for the penalty 'l2', λ₁ = λ for 'l1', and λ₁ = λ · l1_ratio, λ₂ = λ · (1 − l1_ratio)
for 'elasticnet'. The bias is never penalised unless asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from weightdecay import bounds
from weightdecay.data.sources import DataSource, Synthetic, make_source
from weightdecay.documents import parse_json, parse_toml, read_text
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.escaping import shown, to_json
from weightdecay.validate import choice, flag, integer, number, numbers

PenaltyName: TypeAlias = Literal["none", "l1", "l2", "elasticnet"]
OptimizerName: TypeAlias = Literal["sgd", "momentum", "nesterov", "adam"]
DecayName: TypeAlias = Literal["coupled", "decoupled"]
L1UpdateName: TypeAlias = Literal["proximal", "subgradient"]

PENALTIES: tuple[str, ...] = get_args(PenaltyName)
OPTIMIZERS: tuple[str, ...] = get_args(OptimizerName)
DECAYS: tuple[str, ...] = get_args(DecayName)
L1_UPDATES: tuple[str, ...] = get_args(L1UpdateName)

DEFAULT_LAMBDAS = (0.0, 3.0)


@dataclass(frozen=True)
class Experiment:
    """One training problem and how to train it, for one or more values of λ.

    Attributes
    ----------
    data : Synthetic, Polynomial, Table or Arrays
        Where the examples come from.
    penalty : 'none', 'l1', 'l2' or 'elasticnet'
        See the module docstring for the objective.
    lambd : tuple of float
        λ, one run each; a single number stands for itself. In JSON and TOML it is ``lambda``. By
        default 0 and 3, and 0 without a penalty.
    l1_ratio : float
        Share of λ that goes to ‖w‖₁ in the elastic net, in [0, 1].
    penalty_factors : sequence or mapping, optional
        Multiplies λ input by input: one number each, or a mapping from column name (others 1). 0
        leaves an input unpenalised.
    penalize_bias : bool
        Whether the bias is penalised like a weight with factor 1.
    optimizer : 'sgd', 'momentum', 'nesterov' or 'adam'
        The update rule; see `weightdecay.update`.
    decay : 'coupled' or 'decoupled'
        Whether λ₂w is part of the gradient that the optimizer is fed, or the weights shrink by
        1 − ηλ₂ beside its step. 'adam' with 'decoupled' is AdamW.
    l1_update : 'proximal' or 'subgradient'
        Soft thresholding after the optimizer's step (exact zeros), or λ₁ sign(w) in the gradient.
    lr : float
        The learning rate η.
    momentum, betas, eps : float, (float, float), float
        Of momentum and nesterov; of adam.
    batch_size : int or 'full'
        Examples in a minibatch; the last of an epoch may be shorter.
    epochs : int
        Passes over the training data.
    shuffle : bool
        Draw the minibatches of every epoch anew; without it they are the rows in their order.
    init_std : float
        Standard deviation of the initial weights, drawn from N(0, init_std²); the bias starts at 0.
    seed : int
        Of the data, the split, the initial weights and the minibatches, each a stream of its own.
    """

    data: DataSource = field(default_factory=Synthetic)
    penalty: PenaltyName = "l2"
    lambd: tuple[float, ...] = None  # type: ignore[assignment]  # depends on the penalty
    l1_ratio: float = 0.5
    penalty_factors: tuple[float, ...] | dict[str, float] | None = field(default=None, hash=False)
    penalize_bias: bool = False
    optimizer: OptimizerName = "sgd"
    decay: DecayName = "coupled"
    l1_update: L1UpdateName = "proximal"
    lr: float = 0.01
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    batch_size: int | Literal["full"] = 5
    epochs: int = 10
    shuffle: bool = True
    init_std: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        """Validate every field, and bring numbers and sequences to their canonical types."""
        if not isinstance(self.data, DataSource):
            raise InputError(f"data is {shown(self.data)}: it must describe a data source.")
        choice("penalty", self.penalty, PENALTIES)
        choice("optimizer", self.optimizer, OPTIMIZERS)
        choice("decay", self.decay, DECAYS)
        choice("l1_update", self.l1_update, L1_UPDATES)
        flag("penalize_bias", self.penalize_bias)
        flag("shuffle", self.shuffle)
        canonical: dict[str, Any] = {
            "lambd": self._canonical_lambdas(),
            "l1_ratio": number("l1_ratio", self.l1_ratio, least=0, most=1),
            "penalty_factors": self._canonical_factors(),
            "lr": number("lr", self.lr, above=0),
            "momentum": number("momentum", self.momentum, least=0, below=1),
            "betas": numbers("betas", self.betas, least=0, below=1),
            "eps": number("eps", self.eps, least=0),
            "batch_size": self.batch_size
            if self.batch_size == "full"
            else integer("batch_size (unless it is 'full')", self.batch_size, 1),
            "epochs": integer("epochs", self.epochs, 1, bounds.EPOCHS),
            "init_std": number("init_std", self.init_std, least=0),
            "seed": integer("seed", self.seed, 0, bounds.SEED),
        }
        if len(canonical["betas"]) != 2:
            raise InputError(f"betas is {shown(self.betas)}: it must hold two numbers.")
        for name, value in canonical.items():
            object.__setattr__(self, name, value)

    def _canonical_lambdas(self) -> tuple[float, ...]:
        if self.lambd is None:
            return (0.0,) if self.penalty == "none" else DEFAULT_LAMBDAS
        lambdas = numbers("lambda", self.lambd, least=0)
        if self.penalty == "none" and any(lambdas):
            raise InputError(
                f"lambda is {max(lambdas):g} with the penalty 'none': choose 'l2', 'l1' or "
                "'elasticnet', or leave lambda out."
            )
        return lambdas

    def _canonical_factors(self) -> tuple[float, ...] | dict[str, float] | None:
        if self.penalty_factors is None:
            return None
        if isinstance(self.penalty_factors, Mapping):
            return {
                name: number(f"penalty factor of {shown(name)}", factor, least=0)
                for name, factor in self.penalty_factors.items()
            }
        return numbers("penalty_factors", self.penalty_factors, least=0)

    @property
    def objective(self) -> str:
        """The objective in words and symbols, for whoever reads the numbers."""
        terms = {
            "none": "",
            "l1": " + λ ‖w‖₁",
            "l2": " + λ/2 ‖w‖²",
            "elasticnet": f" + λ ({self.l1_ratio:g} ‖w‖₁ + {1 - self.l1_ratio:g}/2 ‖w‖²)",
        }
        bias = ", bias penalised alike" if self.penalize_bias else ""
        return f"(1/n) Σ ½ (w·x + b − y)²{terms[self.penalty]}{bias}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values only; `from_dict` is its inverse. λ is under the key ``lambda``."""
        plain: dict[str, Any] = {"data": {"source": self.data.source}}
        plain["data"] |= {f.name: _plain(getattr(self.data, f.name)) for f in fields(self.data)}
        for f in fields(self):
            if f.name != "data":
                key = "lambda" if f.name == "lambd" else f.name
                plain[key] = _plain(getattr(self, f.name))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Experiment:
        """The experiment that `to_dict` described; what is left out takes its default.

        Raises
        ------
        InputError
            An unknown key or a value that cannot be used.
        """
        if not isinstance(plain, Mapping):
            raise InputError(f"an experiment is a table of settings, not {shown(plain)}.")
        known = {"lambda" if f.name == "lambd" else f.name for f in fields(cls)}
        for key in plain:
            if key not in known:
                raise UnknownNameError("setting", key, known)
        settings = {"lambd" if key == "lambda" else key: value for key, value in plain.items()}
        if "data" in settings:
            data = settings["data"]
            if not isinstance(data, Mapping) or not isinstance(data.get("source"), str):
                raise InputError("data must be a table with a source, such as 'synthetic'.")
            options = {key: value for key, value in data.items() if key != "source"}
            settings["data"] = make_source(data["source"], options)
        return cls(**settings)

    def to_json(self) -> str:
        """JSON text of `to_dict`."""
        return to_json(self.to_dict(), indent=2)

    def to_toml(self) -> str:
        """TOML text of `to_dict`; settings that are None are left out."""
        import tomli_w

        plain = {key: value for key, value in self.to_dict().items() if value is not None}
        plain["data"] = {key: value for key, value in plain["data"].items() if value is not None}
        return tomli_w.dumps(plain)

    @classmethod
    def from_json(cls, text: str) -> Experiment:
        """The inverse of `to_json`; raises InputError on text that is not JSON."""
        return cls.from_dict(parse_json(text))

    @classmethod
    def from_toml(cls, text: str) -> Experiment:
        """The inverse of `to_toml`; raises InputError on text that is not TOML."""
        return cls.from_dict(parse_toml(text))

    @classmethod
    def from_file(cls, path: str | Path) -> Experiment:
        """Read an experiment from a .toml or .json file.

        Raises
        ------
        InputError
            The file cannot be read, or does not hold an experiment.
        """
        settings = read_settings(Path(path))
        with naming(Path(path)):
            return cls.from_dict(settings)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors that say in which file what is wrong stands."""
    try:
        yield
    except InputError as error:
        raise InputError(f"in {shown(str(path))}: {error}") from error


def read_settings(path: Path) -> Mapping[str, Any]:
    """What a .toml or .json file says of an experiment, not yet validated."""
    parsers = {".toml": parse_toml, ".json": parse_json}
    parse = parsers.get(path.suffix.lower())
    if parse is None:
        raise InputError(
            f"{shown(str(path))} is no experiment file: it must end in .toml or .json."
        )
    text = read_text(path, "experiment", "name a TOML or JSON file")
    with naming(path):
        found = parse(text)
        if not isinstance(found, Mapping):
            raise InputError(f"an experiment is a table of settings, not {shown(found)}.")
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value
