"""Which parameters of a model its optimizer decays, and which it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from weightdecay.models import judging
from weightdecay.models.convention import Wanted, expected
from weightdecay.models.finding import reader_of
from weightdecay.models.measuring import Decay, measure
from weightdecay.models.reading import Held, ModelParameter, Stand
from weightdecay.models.scheduling import get_past_zero


@dataclass(frozen=True)
class CoveredParameter:
    """One parameter, its decay as measured, and what is usual for it.

    Attributes
    ----------
    name, kind, shape, size
        As the framework has them; `kind` is the class of the layer, '' in a plain tree.
    shared_as : tuple of str
        Its further names, where it is tied.
    held, frozen : bool
        Whether the optimizer steps it, or would with a gradient; whether it is kept from training.
    decays : bool
        Whether a step with a zero gradient pulls any element of it towards 0, or away from it, and
        rounding in `dtype` leaves something of that.
    shrink : float or None
        κ = 1 − w′/w that one such step means, in float64, without what the optimizer's memory adds
        to it; negative where the weights grow. None where the optimizer does not hold it.
    uniform : bool
        Whether κ is one number, for every element and size of weight. It is not where the decay is
        coupled through an optimizer's own scaling (Adam), clipped, of L1, or of some elements only;
        `shrink` is then a mean, at weights of the parameter's present size.
    decaying : int
        How many elements decay.
    lr : float or None
        η, the learning rate of that step; None where nobody can say (optax).
    decay : float or None
        κ/η, where `uniform`: λ of decoupled decay, and of L2 regularisation under plain SGD. Under
        a trust ratio (LAMB) it is 1 whatever the λ: a step without a gradient is all decay there.
    setting : float or None
        The λ that the framework states for this parameter, where it states one.
    expected : str
        'decay', 'no decay' or 'either', by the usual convention.
    reason : str
        What it was taken for: 'weight', 'bias', 'norm', 'embedding', 'gain', 'frozen'.
    agrees : bool
        Whether it is as expected.
    dtype : str
        That of the numbers which training changes: the parameter's, or that of master weights.
    kept : float or None
        The share of the decay that rounding in `dtype` leaves in one such step from the present
        values: 0 where it is lost, about 1 where rounding is no matter, more where elements that
        move do so by more than is meant. None where no decay is meant, or nobody can say (random
        steps, as of stochastic rounding; a decay beside a larger memory).
    carried : float or None
        Where `kept` is not about 1, the share that real steps with random gradients as large as the
        weights leave, in all parameters of which this is asked: 0 where the decay is applied apart
        and lost whatever the gradient, about 1 where both are rounded as one sum.
    turned : bool
        Whether its weights are moved across themselves, as by an orthogonal regularizer: no decay.
    projected : bool
        Whether a step puts them back into a set (clipped, non-negative, of bounded norm): no decay.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    size: int
    shared_as: tuple[str, ...]
    held: bool
    frozen: bool
    decays: bool
    shrink: float | None
    uniform: bool
    decaying: int
    lr: float | None
    decay: float | None
    setting: float | None
    expected: Wanted
    reason: str
    agrees: bool
    dtype: str = ""
    kept: float | None = None
    carried: float | None = None
    turned: bool = False
    projected: bool = False

    @property
    def lost(self) -> bool:
        """Whether a decay is meant, and rounding leaves none of it."""
        return self.kept == 0


@dataclass(frozen=True)
class Coverage:
    """Every parameter of a model, and what its optimizer's weight decay does to it.

    Attributes
    ----------
    rows : tuple of CoveredParameter
        In the order of the model.
    problems : tuple of str
        Where the measured decay is not the usual one, as sentences; none where all agrees.
    remarks : tuple of str
        What else there is to know of the measurement.
    """

    rows: tuple[CoveredParameter, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def not_held(self) -> tuple[str, ...]:
        """Parameters that are not frozen and that the optimizer does not hold."""
        return tuple(row.name for row in self.rows if not row.held and not row.frozen)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "agrees": self.agrees,
            "problems": list(self.problems),
            "remarks": list(self.remarks),
            "not_held": list(self.not_held),
            "parameters": [
                asdict(row) | {"shape": list(row.shape), "shared_as": list(row.shared_as)}
                for row in self.rows
            ],
        }

    def __str__(self) -> str:
        """As a table, with the problems below it."""
        from weightdecay.report.coverage import as_text

        return as_text(self)


def coverage(
    model: Any, optimizer: Any, *, state: Any = None, learning_rate: float | None = None
) -> Coverage:
    """Which parameters decay, as measured, and which usually do: weights alone.

    The optimizer takes steps with a zero gradient on copies, from the memory it has now: in
    float64, for the decay that is meant, and in the model's own dtypes, for what rounding leaves of
    it. The model, the optimizer and the random numbers of the process stay as they are. What a
    loss adds is not in the optimizer; only the regularizers of a Keras model are measured along.

    Parameters
    ----------
    model : torch.nn.Module, Keras model or layer, Gluon block, or tree of JAX arrays
        Flax's variables, ``{"params": ...}``, and an nnx module are such trees.
    optimizer : torch.optim.Optimizer (or several), Keras optimizer, gluon.Trainer or
        optax.GradientTransformation
        What trains it.
    state : tree of JAX arrays, optional
        For optax alone, whose optimizers are pure functions: the present state, by default that of
        a first step.
    learning_rate : float, optional
        For optax alone: that of the step, by default what ``optax.inject_hyperparams`` tells;
        without either only `shrink` is known, and no `decay`.

    Raises
    ------
    InputError
        Model or optimizer are of no supported kind, do not belong together, are not built, or do
        not step without a loss.

    Notes
    -----
    An optimizer that keeps weights of its own and returns to them (lookahead, schedule-free
    averaging, FTRL) pulls towards those, which looks like decay: the known ones are refused, by
    name.

    A decay that is lost to rounding in steps without a gradient is lost in all steps where it is
    applied apart, as torch's AdamW and Keras's `weight_decay` do. Where it is added to the
    gradient's share first (optax, Gluon, L2 under plain SGD), gradients that are larger than the
    rounding carry it along: `carried` tells the two apart.
    """
    options = {"state": state, "learning_rate": learning_rate}
    options = {name: value for name, value in options.items() if value is not None}
    reader = reader_of(model)
    parameters = reader.parameters(model)
    stand = reader.stand(model, optimizer, options)
    rows = _rows(parameters, stand)
    idle = [r.name for r in rows if r.held and r.expected == "decay" and not r.decaying]
    later = get_past_zero(stand, idle)
    if later:
        rows = _rows(parameters, stand)
    replaced = [name for name, held in stand.held.items() if held.replaced_lr]
    return Coverage(
        rows,
        judging.problems(rows),
        (*stand.remarks, *later, *judging.remarks(rows, replaced)),
    )


def _rows(parameters: Sequence[ModelParameter], stand: Stand) -> tuple[CoveredParameter, ...]:
    measured = measure(stand)
    return tuple(_row(p, stand.held.get(p.name), measured.get(p.name)) for p in parameters)


def _row(parameter: ModelParameter, held: Held | None, decay: Decay | None) -> CoveredParameter:
    if held is not None and held.frozen:
        parameter = parameter._replace(frozen=True)
    wanted, reason = expected(parameter)
    size = 1
    for length in parameter.shape:
        size *= length
    decays = decay is not None and decay.decaying > 0 and decay.kept != 0
    lr = held.lr if held else None
    return CoveredParameter(
        name=parameter.name,
        kind=parameter.kind,
        shape=parameter.shape,
        size=size,
        shared_as=tuple(owner.name for owner in parameter.owners[1:]),
        held=held is not None,
        frozen=parameter.frozen,
        decays=decays,
        shrink=decay.shrink if decay else None,
        uniform=decay is None or decay.uniform,
        decaying=decay.decaying if decay else 0,
        lr=lr,
        decay=decay.shrink / lr if decay and decay.uniform and lr else None,
        setting=held.setting if held else None,
        expected=wanted,
        reason=reason,
        agrees=_agrees(wanted, decay, size),
        dtype=decay.dtype if decay and decay.dtype else held.dtype if held else "",
        kept=decay.kept if decay else None,
        carried=decay.carried if decay else None,
        turned=decay.turned if decay else False,
        projected=decay.projected if decay else False,
    )


def _agrees(wanted: Wanted, decay: Decay | None, size: int) -> bool:
    if decay is None:  # not held, which is a problem of its own
        return True
    if decay.shrink < 0:
        return False
    decaying = decay.decaying if decay.kept != 0 else 0
    return {
        "decay": decaying == size,
        "no decay": decaying == 0,
        "either": True,
    }[wanted]
