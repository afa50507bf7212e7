"""Where the examples come from: frozen, serialisable descriptions, without the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from weightdecay import bounds
from weightdecay.data.dialect import Reading
from weightdecay.errors import InputError
from weightdecay.validate import choice, integer, names, number, numbers, optional_name

Standardize: TypeAlias = Literal["none", "inputs", "both"]
STANDARDIZE: tuple[str, ...] = get_args(Standardize)
Missing: TypeAlias = Literal["error", "drop-rows"]
MISSING: tuple[str, ...] = get_args(Missing)


def _set(description: object, **canonical: Any) -> None:
    for name, value in canonical.items():
        object.__setattr__(description, name, value)


@dataclass(frozen=True)
class Synthetic:
    """y = bias + Σ weight · xᵢ + ε with x ~ N(0, 1) and ε ~ N(0, noise_std²).

    Few examples and many inputs: the data on which weight decay shows.
    """

    source: ClassVar[str] = "synthetic"
    num_train: int = 20
    num_val: int = 100
    num_inputs: int = 200
    weight: float = 0.01
    bias: float = 0.05
    noise_std: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        _set(
            self,
            num_train=integer("num_train", self.num_train, 1),
            num_val=integer("num_val", self.num_val, 1),
            num_inputs=integer("num_inputs", self.num_inputs, 1),
            weight=number("weight", self.weight),
            bias=number("bias", self.bias),
            noise_std=number("noise_std", self.noise_std, least=0),
        )


@dataclass(frozen=True)
class Polynomial:
    """y = Σ cᵢ xⁱ/i! + ε with one x ~ N(0, 1); the inputs are xⁱ/i! for i = 1 … degree.

    The degree is the capacity: below the degree of the truth the model underfits, far above it,
    with few examples, it overfits. `coefficients` holds c₀ (the true bias), c₁, ….
    """

    source: ClassVar[str] = "polynomial"
    num_train: int = 20
    num_val: int = 100
    degree: int = 20
    coefficients: tuple[float, ...] = (5.0, 1.2, -3.4, 5.6)
    noise_std: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        _set(
            self,
            num_train=integer("num_train", self.num_train, 1),
            num_val=integer("num_val", self.num_val, 1),
            degree=integer("degree", self.degree, 1, bounds.FACTORIAL),
            coefficients=numbers("coefficients", self.coefficients),
            noise_std=number("noise_std", self.noise_std, least=0),
        )


@dataclass(frozen=True)
class Table:
    """A table with named columns: a CSV, TSV, Parquet or NPZ file, or a data set known by name.

    Attributes
    ----------
    source : str
        Path of the file, or the name of a data set ('diabetes').
    target : str, optional
        The column to predict; a named data set knows its own.
    drop : tuple of str
        Columns to leave out.
    sample_weight : str, optional
        A column of non-negative weights, one an example; they are scaled to mean 1.
    validation_fraction : float
        Share of the rows held out for validation, drawn from the experiment's seed.
    standardize : 'none', 'inputs' or 'both'
        Scale the inputs (or the inputs and the target) to mean 0 and standard deviation 1, as
        measured on the training part alone. With 'both' the losses are in squared standard
        deviations of the target.
    degree : int
        Expand the inputs to all their monomials of degree 1 to `degree`, before standardising.
    missing : 'error' or 'drop-rows'
        Refuse missing values, or leave out the rows that have any.
    separator, decimal, encoding : str, optional
        Of a file of text, where it does not say so itself; see `weightdecay.data.dialect.Reading`.
    na : tuple of str
        Further marks of a missing value.
    """

    source: str
    target: str | None = None
    drop: tuple[str, ...] = ()
    sample_weight: str | None = None
    validation_fraction: float = 0.2
    standardize: Standardize = "inputs"
    degree: int = 1
    missing: Missing = "error"
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no table could satisfy."""
        if not isinstance(self.source, str) or not self.source:
            raise InputError(f"source is {self.source!r}: it must be a file or a data set's name.")
        choice("standardize", self.standardize, STANDARDIZE)
        choice("missing", self.missing, MISSING)
        reading = self.reading
        fraction = number("validation_fraction", self.validation_fraction, above=0, below=1)
        _set(
            self,
            target=optional_name("target", self.target),
            drop=names("drop", self.drop),
            sample_weight=optional_name("sample_weight", self.sample_weight),
            validation_fraction=fraction,
            degree=integer("degree", self.degree, 1, bounds.DEGREE),
            separator=reading.separator,
            na=reading.na,
        )

    @property
    def reading(self) -> Reading:
        """What was said of the file."""
        return Reading(self.separator, self.decimal, self.encoding, self.na)


@dataclass(frozen=True)
class Arrays:
    """Data that came from Python: only its shape is known here, so it must be passed again."""

    source: ClassVar[str] = "arrays"
    num_train: int
    num_val: int
    num_inputs: int


DataSource: TypeAlias = Synthetic | Polynomial | Table | Arrays

GENERATED: dict[str, type[Synthetic | Polynomial | Arrays]] = {
    kind.source: kind for kind in (Synthetic, Polynomial, Arrays)
}


def source_kind(source: str) -> type[DataSource]:
    """The class that describes data from `source`, a name or a path."""
    return GENERATED.get(source, Table)


def make_source(source: str, options: Mapping[str, Any]) -> DataSource:
    """Describe data from a name or path and its options.

    Raises
    ------
    InputError
        An option that this source does not have, or a value it cannot take.
    """
    kind = source_kind(source)
    known = [f.name for f in fields(kind) if f.name != "source"]
    for option in options:
        if option not in known:
            raise InputError(
                f"{option} does not apply to the data {source!r}, which takes {', '.join(known)}."
            )
    if kind is Arrays and set(known) - set(options):
        raise InputError("the data 'arrays' comes from Python: pass it to fit, or name a file.")
    return Table(source, **options) if kind is Table else kind(**options)
