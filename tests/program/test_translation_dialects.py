"""Dialects: what is written reads back, what is read is what the text says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY
from weightdecay.errors import InputError
from weightdecay.translation import dialects, reference
from weightdecay.translation import recipe as r
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import parse

rates = st.floats(1e-6, 10)
betas = st.floats(0, 0.999)
small = st.floats(0, 1e-2)
places = st.sampled_from(["outside", "inside"])

rules = st.one_of(
    st.builds(r.Sgd, betas, st.booleans(), places, st.just(0.0) | st.floats(0.01, 0.9)),
    st.builds(r.Adam, betas, betas, small, st.sampled_from(["corrected", "raw"]), small,
              st.sampled_from(["no", "raw", "corrected"])),
    st.builds(r.Nadam, betas, betas, small, st.sampled_from([4e-3, 1.0, math.inf])),
    st.builds(r.RmsProp, betas, small, places, st.booleans(), betas, places),
    st.builds(r.Adagrad, small, small, places),
    st.builds(r.Lion, betas, betas),
    st.builds(r.Adadelta, betas, small),
    st.builds(r.Adamax, betas, betas, small, places),
)  # fmt: skip
factors = st.floats(0.01, 1.5)
schedules = st.one_of(
    st.builds(r.Constant, rates),
    st.builds(r.Exponential, rates, factors, st.integers(1, 50).map(float), st.booleans(), small),
    st.builds(
        lambda lr, pairs: r.Piecewise(lr, tuple(b for b, _ in pairs), tuple(f for _, f in pairs)),
        rates,
        st.lists(st.tuples(st.integers(0, 99), factors), min_size=1, max_size=3,
                 unique_by=lambda pair: pair[0]).map(sorted),
    ),
    st.builds(r.Cosine, rates, st.integers(2, 200), small, st.booleans(), st.integers(0, 1)),
    st.builds(r.Polynomial, rates, st.integers(1, 200), st.just(0.0) | small, st.floats(0.5, 3)),
    st.builds(r.InverseTime, rates, small),
    st.builds(r.InversePower, rates, st.floats(0, 1)),
)  # fmt: skip
decays = st.builds(
    r.Decay,
    st.sampled_from(["none", "coupled", "decoupled", "independent"]),
    st.just(0.0) | st.floats(1e-9, 5),
    st.just(0.0),
    st.booleans(),
)
clips = st.builds(r.Clip, st.sampled_from(["value", "norm", "global norm"]), st.floats(0.1, 9),
                  st.sampled_from(["loss", "penalised"]), st.sampled_from([0.0, 1e-6]))  # fmt: skip
warmups = st.builds(r.Warmup, st.just(0.0) | rates, st.integers(1, 9), schedules)
recipes = st.builds(
    Recipe, rules, schedules | warmups, decays, st.none() | clips
).map(r.normal)  # fmt: skip


def same(found: Any, wanted: Any) -> bool:
    """Equal, numbers to rounding: factors are divided when written, multiplied when read."""
    if isinstance(wanted, float | int) and not isinstance(wanted, bool):
        return bool(
            found == wanted
            or math.isclose(found, wanted, rel_tol=PARITY["float64"], abs_tol=1e-300)
        )
    if isinstance(wanted, tuple):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if hasattr(wanted, "__dataclass_fields__"):
        return type(found) is type(wanted) and all(
            same(getattr(found, name), getattr(wanted, name))
            for name in wanted.__dataclass_fields__
        )
    return bool(found == wanted)


@pytest.mark.parametrize("name", ["torch", "keras", "optax", "mxnet", "sklearn", "book"])
@given(recipe=recipes)
def test_what_is_written_reads_back_as_what_it_does(name: str, recipe: Recipe) -> None:
    written = dialects.write(name, recipe, 100)
    compile(written.code, "code", "exec")
    if written.readable:
        reading = dialects.read(name, parse(written.settings), 100)
        # A refusal of the writer's own may be one of the reader's, too.
        assert not reading.dropped or any("stops at 0" in why for why in written.refusals)
        assert same(reading.recipe, written.recipe), (reading.recipe, written.recipe, written.code)
    if not written.conditions and not written.refusals:
        assert_same_steps(recipe, written.recipe)


def assert_same_steps(recipe: Recipe, written: Recipe) -> None:
    """What is bent without a condition does the same, by the equations."""
    rng = np.random.default_rng(0)
    gradients = [
        {"weight": rng.standard_normal(3), "bias": rng.standard_normal(1)} for _ in range(9)
    ]
    initial = {"weight": rng.standard_normal(3), "bias": rng.standard_normal(1)}
    # Recipes drawn at random may take any step, 0/0 and overflow included: then on both sides.
    with np.errstate(all="ignore"):
        pairs = zip(*(reference.run(x, initial, gradients) for x in (recipe, written)), strict=True)
        for one, two in pairs:
            for name in initial:
                finite = np.isfinite(one[name])  # 0/0 where a rate is 0 too, else infinite
                assert (np.isfinite(two[name]) == finite).all()
                np.testing.assert_allclose(
                    two[name][finite], one[name][finite], rtol=PARITY["float64"]
                )


SOURCES: list[tuple[str, Recipe]] = [
    ("torch.optim.AdamW(lr=1e-3, weight_decay=1e-2)",
     Recipe(r.Adam(), r.Constant(1e-3), r.Decay("decoupled", 1e-2))),
    ("optim.Adam(model.parameters(), 1e-3, (0.8, 0.9), weight_decay=2)",
     Recipe(r.Adam(0.8, 0.9), r.Constant(1e-3), r.Decay("coupled", 2.0))),
    ("torch.optim.SGD([{'params': net.weight, 'weight_decay': 3}, {'params': net.bias}], lr=0.01)",
     Recipe(r.Sgd(), r.Constant(0.01), r.Decay("coupled", 3.0, bias=False))),
    ("tf.keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=1e-2)",
     Recipe(r.Sgd(0.9, rate="inside"), r.Constant(0.1), r.Decay("decoupled", 1e-2))),
    ("keras.layers.Dense(1, kernel_regularizer=keras.regularizers.l2(0.005))\n"
     "keras.optimizers.Adam()",
     Recipe(r.Adam(eps=1e-7, eps_at="raw"), r.Constant(1e-3),
            r.Decay("coupled", 0.01, bias=False))),
    ("schedule = keras.optimizers.schedules.PiecewiseConstantDecay([9], [1.0, 0.5])\n"
     "keras.optimizers.SGD(learning_rate=schedule)",
     Recipe(r.Sgd(), r.Piecewise(1.0, (10,), (0.5,)))),
    ("optax.chain(optax.add_decayed_weights(1e-2, mask=not_bias), optax.sgd(0.1, momentum=0.9))",
     Recipe(r.Sgd(0.9), r.Constant(0.1), r.Decay("coupled", 1e-2, bias=False))),
    ("optax.chain(optax.trace(0.9), optax.add_decayed_weights(1e-2), optax.scale(-0.1))",
     Recipe(r.Sgd(0.9), r.Constant(0.1), r.Decay("decoupled", 1e-2))),
    ("optax.chain(optax.sgd(0.1, 0.9), optax.add_decayed_weights(-1e-3))",
     Recipe(r.Sgd(0.9), r.Constant(0.1), r.Decay("independent", 1e-3))),
    ("optax.lion(1e-3)", Recipe(r.Lion(), r.Constant(1e-3), r.Decay("decoupled", 1e-3))),
    ('gluon.Trainer(net.collect_params(), "sgd", {"wd": 1e-2})',
     Recipe(r.Sgd(), r.Constant(0.01), r.Decay("coupled", 1e-2))),
    ("mx.optimizer.AdaGrad(wd=1e-2)",
     Recipe(r.Adagrad(0.0, 1e-7, "inside"), r.Constant(0.01), r.Decay("decoupled", 1e-2))),
    ("mx.optimizer.SGD(lr_scheduler=mx.lr_scheduler.CosineScheduler(50, base_lr=0.1))",
     Recipe(r.Sgd(), r.Cosine(0.1, 50, shift=1))),
    ("Ridge(alpha=3)",
     Recipe(r.Objective(), r.Constant(0.01), r.Decay("coupled", 0.03, bias=False))),
    ("Lasso(alpha=3)", Recipe(r.Objective(), r.Constant(0.01), r.Decay(l1=3.0, bias=False))),
    ("ElasticNet(2.0, l1_ratio=0.25)",
     Recipe(r.Objective(), r.Constant(0.01), r.Decay("coupled", 1.5, 0.5, False))),
    ("SGDRegressor(alpha=0.1, learning_rate='constant')",
     Recipe(r.Sgd(), r.Constant(0.01), r.Decay("coupled", 0.1, bias=False))),
    ("WeightDecay(lambd=3, lr=0.01)",
     Recipe(r.Sgd(), r.Constant(0.01), r.Decay("coupled", 3.0, bias=False))),
    ("d2l.WeightDecayScratch(200, 3, 0.01)",
     Recipe(r.Sgd(), r.Constant(0.01), r.Decay("coupled", 3.0, bias=False))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), SOURCES)
def test_a_text_says_what_it_says(text: str, wanted: Recipe) -> None:
    program = parse(text)
    assert dialects.read(dialects.recognise(program), program, 100).recipe == r.normal(wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("torch.optim.SGF(lr=0.1)", "did you mean"),
        ("torch.optim.SGD(0.1)", "first argument .* is the parameters"),
        ("torch.optim.SGD(lr=0.1, weight_decy=1)", "unknown .*did you mean 'weight_decay'"),
        ("torch.optim.SGD(lr=-0.1)", "lr is -0.1"),
        ("torch.optim.SGD(lr=rate)", "lr of .* is 'rate'"),
        ("torch.optim.SGD(lr=0.1, weight_decay=-1)", "at least 0"),
        ("torch.optim.SGD(lr='0.1')", "finite number"),
        ("torch.optim.Adam(betas=0.9)", "write two numbers"),
        ("torch.optim.SGD([{'params': a, 'weight_decay': 1}, {'params': b, 'weight_decay': 2}])",
         "whose params name bias"),
        ("torch.optim.SGD([{'params': head, 'weight_decay': 0}, {'params': b}], weight_decay=2)",
         "whose params name bias"),
        ("torch.optim.SGD([{'params': a, 'lr': 1}, {'params': bias}])", "'lr' of its own"),
        ("torch.optim.SGD(lr=1); torch.optim.SGD(lr=1)", "2 optimizers"),
        ("keras.optimizers.SGD(0.1); keras.losses.MSE()", "part of Keras"),
        ("keras.layers.Dense(1, kernel_regularizer='l2'); keras.optimizers.SGD(weight_decay=1.0)",
         "both a regularizer and weight_decay"),
        ("optax.chain(optax.sgd(0.1), optax.add_decayed_weights(1e-4))", "makes the weights grow"),
        ("optax.chain(optax.scale_by_adam(), optax.scale_by_rms(), optax.scale(-1))", "second"),
        ("optax.chain(optax.centralize(), optax.sgd(0.1))", "'centralize' is not translated by"),
        ("optax.chain(optax.sgd(0.1), optax.clip(1.0))", "clips its steps, after the direction"),
        ("optax.chain(optax.clip(1.0), optax.clip(2.0), optax.sgd(0.1))", "clips twice"),
        ("optax.ad(0.1)", "did you mean"),
        ("optax.adamw(0.1, mask=some)", "leaves out the bias"),
        ("optax.scale_by_adam()", "no learning rate"),
        ("Ridge()", "--n"),
        ("AdamW(lr=1)", "no optimizer that is known here"),
        ("SGDRegressor(learning_rate='adaptive')", "follows the training"),
        ("mx.optimizer.Nadam()", "'Nadam' is not translated by this"),
    ],
)  # fmt: skip
def test_what_cannot_be_translated_is_told(text: str, message: str) -> None:
    program = parse(text)
    with pytest.raises(InputError, match=message):
        dialects.read(dialects.recognise(program), program)


def test_arguments_without_a_translation_are_named() -> None:
    program = parse("keras.optimizers.SGD(0.1, use_ema=True, name='mine')")
    assert dialects.read("keras", program).dropped == ("use_ema=True",)


def test_an_outer_eps_is_squared_inside_a_root() -> None:
    recipe = Recipe(r.RmsProp(eps=1e-8, eps_at="outside"), r.Constant(0.01))
    written = dialects.write("keras", recipe)
    assert isinstance(written.recipe.rule, r.RmsProp)
    assert written.recipe.rule.eps == pytest.approx(1e-16)


def test_the_nearest_coupled_decay_is_what_the_buffer_repeats() -> None:
    recipe = Recipe(r.Sgd(0.9, rate="inside"), r.Constant(0.1), r.Decay("decoupled", 0.01))
    written = dialects.write("torch", recipe)
    assert written.recipe.decay.strength == pytest.approx(0.001)
    assert len(written.refusals) == 1
