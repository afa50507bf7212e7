"""What training scripts write beside an optimizer: groups, bounds, warm-ups, the names of old."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY
from weightdecay.errors import InputError
from weightdecay.translation import dialects, notes, reference
from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.arguments import Reading
from weightdecay.translation.proof import Problem
from weightdecay.translation.recipe import Clip, Recipe
from weightdecay.translation.syntax import parse, settled


def read(text: str) -> Reading:
    program = settled(parse(text))
    return dialects.read(dialects.recognise(program), program, 100)


# --- groups of parameters -------------------------------------------------------------------------

NAMED = "model.named_parameters()"
HUGGING_FACE = f"""
no_decay = ["bias", "LayerNorm.weight"]
groups = [
    {{"params": [p for n, p in {NAMED} if not any(nd in n for nd in no_decay)],
      "weight_decay": 0.01}},
    {{"params": [p for n, p in {NAMED} if any(nd in n for nd in no_decay)], "weight_decay": 0.0}},
]
optimizer = torch.optim.AdamW(groups, lr=2e-5)"""
BY_DIMENSION = f"""
chosen = {{pn: p for pn, p in {NAMED}}}
chosen = {{pn: p for pn, p in chosen.items() if p.requires_grad}}
decay_params = [p for n, p in chosen.items() if p.dim() >= 2]
nodecay_params = [p for n, p in chosen.items() if p.dim() < 2]
groups = [{{'params': decay_params, 'weight_decay': 0.01}},
          {{'params': nodecay_params, 'weight_decay': 0.0}}]
optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=True)"""


def two(inside: str, outside: str) -> str:
    return (
        f"torch.optim.SGD([{{'params': [p for n, p in {NAMED} if {inside}]}}, {{'params': "
        f"[p for n, p in {NAMED} if {outside}], 'weight_decay': 0}}], lr=1, weight_decay=0.01)"
    )


@pytest.mark.parametrize(
    ("text", "norms"),
    [
        (HUGGING_FACE, True),
        (BY_DIMENSION, True),
        (two("'bias' not in n", "'bias' in n"), False),
        (two("not n.endswith('.bias')", "n.endswith('.bias')"), False),
        (two("p.ndim > 1", "p.ndim <= 1"), True),
        (
            "torch.optim.SGD([{'params': net[0].weight, 'weight_decay': 0.01}, "
            "{'params': net[0].bias}], lr=1)",
            False,
        ),
        (two("len(p.shape) != 1", "len(p.shape) == 1"), True),
        (two("n.split('.')[-1] != 'bias'", "n.split('.')[-1] == 'bias'"), False),
        (two("'bias' not in n and 'norm' not in n", "'bias' in n or 'norm' in n"), True),
    ],
)
def test_a_group_of_biases_is_recognised_by_its_test(text: str, norms: bool) -> None:
    found = read(text)
    assert (found.recipe.decay.strength, found.recipe.decay.bias) == (0.01, False)
    assert any("scales of norms" in note for note in found.notes) == norms


@pytest.mark.parametrize(
    "params",
    [
        "[p for p in net.parameters() if p.requires_grad]",
        "filter(lambda p: p.requires_grad, net.parameters())",
        f"[{{'params': [p for n, p in {NAMED} if 'bias' in n]}}, "
        f"{{'params': [p for n, p in {NAMED} if 'bias' not in n]}}]",
    ],
)
def test_all_parameters_are_all_parameters(params: str) -> None:
    assert read(f"torch.optim.SGD({params}, lr=1, weight_decay=0.01)").recipe.decay.bias


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"torch.optim.SGD([p for n, p in {NAMED} if 'bias' not in n], lr=1)", "untrained"),
        (f"torch.optim.SGD([{{'params': [p for n, p in {NAMED} if p.ndim > 1]}}], lr=1)",
         "in no group"),
        (two("'layer1' in n", "'layer1' not in n"), "some weights and not others"),
        (two("secret(n)", "p.ndim > 1"), "is not understood"),
        (two("n in decay", "n not in decay"), "is not understood"),
        (two("n > 1", "p.ndim > 1"), "is not understood"),
        (two("'bias' in n", "'bias' not in n"), "differ in weight_decay in a way"),
        ("torch.optim.SGD([p for p in open('x')], lr=1)", "a comprehension chooses parameters"),
        ("torch.optim.SGD([p for p in a for q in b], lr=1)", "a comprehension chooses parameters"),
        ("torch.optim.SGD(g[n], lr=1)", "one item is read by its number"),
        ("torch.optim.SGD(lr=1); clip_grad_norm_(p, 1.0, norm_type=1)", "norm_type other than 2"),
        ("s = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.9 ** t)", "a function is"),
    ],
)  # fmt: skip
def test_groups_that_no_recipe_holds_are_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(text)


def test_a_mask_by_dimension_leaves_out_the_bias() -> None:
    mask = "lambda params: jax.tree_util.tree_map(lambda x: x.ndim != 1, params)"
    assert not read(f"optax.adamw(1e-3, mask={mask})").recipe.decay.bias
    with pytest.raises(InputError, match="leaves out the bias"):
        read(f"optax.adamw(1e-3, mask={mask.replace('!=', '==')})")
    with pytest.raises(InputError, match="leaves out the bias"):
        read("optax.chain(optax.add_decayed_weights(1e-2, some), optax.sgd(0.1))")


# --- bounds on gradients, and their scale ---------------------------------------------------------

COUPLED = r.Decay("coupled", 0.01)


@pytest.mark.parametrize(
    ("text", "clip"),
    [
        ("torch.optim.SGD(lr=1, momentum=0.9, weight_decay=0.01)\n"
         "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=2)",
         Clip("global norm", 2.0, eps=1e-6)),
        ("torch.optim.SGD(lr=1, weight_decay=0.01); nn.utils.clip_grad_value_(net.parameters(), 2)",
         Clip("value", 2.0)),
        ("keras.optimizers.SGD(1.0, momentum=0.9, clipnorm=2.0)", Clip("norm", 2.0)),
        ("keras.optimizers.SGD(1.0, weight_decay=0.01, global_clipnorm=2.0)",
         Clip("global norm", 2.0)),
        ("keras.layers.Dense(1, kernel_regularizer='l2'); keras.optimizers.SGD(1.0, clipvalue=2.0)",
         Clip("value", 2.0, "penalised")),
        ("optax.chain(optax.clip(2.0), optax.add_decayed_weights(0.01), optax.sgd(1.0))",
         Clip("value", 2.0)),
        ("optax.chain(optax.add_decayed_weights(0.01), optax.clip(2.0), optax.sgd(1.0))",
         Clip("value", 2.0, "penalised")),
        ("gluon.Trainer(net.collect_params(), 'sgd', {'wd': 0.01, 'clip_gradient': 2})",
         Clip("value", 2.0)),
        ("mx.optimizer.Adam(wd=0.01, clip_gradient=2)", Clip("value", 2.0, "penalised")),
    ],
)  # fmt: skip
def test_a_bound_on_gradients_is_part_of_the_recipe(text: str, clip: Clip) -> None:
    found = read(text)
    assert (found.recipe.clip, found.dropped) == (clip, ())


def test_two_bounds_are_one_too_many() -> None:
    with pytest.raises(InputError, match="Keras takes one of them"):
        read("keras.optimizers.SGD(1.0, clipnorm=1.0, clipvalue=1.0)")


def test_rescale_grad_of_sgd_is_in_its_rate_and_its_decay() -> None:
    found = read("mx.optimizer.SGD(learning_rate=0.1, wd=5e-4, rescale_grad=1/128)")
    assert found.recipe == Recipe(
        r.Sgd(), r.Constant(0.1 / 128), r.Decay("coupled", 5e-4 * 128)
    )  # fmt: skip
    assert any("leave rescale_grad out" in note for note in found.notes)
    assert read("mx.optimizer.AdaDelta(rescale_grad=2)").dropped == ("rescale_grad=2",)


rescalable = st.sampled_from(
    [r.Sgd(), r.Sgd(0.9, True, "inside"), r.Adam(eps=1e-2, eps_root=1e-2), r.Adam(eps_at="raw"),
     r.RmsProp(eps=1e-2), r.RmsProp(eps=1e-2, eps_at="inside"), r.Adagrad(0.1, 1e-2, "inside"),
     r.Lion(), r.Nadam(), r.Adamax(eps=1e-2, eps_at="outside")]
)  # fmt: skip


@given(
    rescalable,
    st.sampled_from(["coupled", "decoupled", "independent"]),
    st.sampled_from([1 / 128, 0.5, 8.0]),
    st.none() | st.builds(Clip, st.sampled_from(["value", "norm", "global norm"]), st.just(0.7),
                          st.sampled_from(["loss", "penalised"]), st.just(1e-3)),
)  # fmt: skip
def test_a_rescaled_recipe_does_with_g_what_the_recipe_does_with_a_multiple(
    rule: r.Rule, kind: r.Kind, factor: float, clip: Clip | None
) -> None:
    recipe = Recipe(rule, r.Cosine(0.1, 20), r.Decay(kind, 0.1, l1=0.01), clip)
    given_ = Problem(steps=9)
    plain = [{n: g[t] for n, g in given_.gradients.items()} for t in range(9)]
    multiples = [{n: factor * g for n, g in gradient.items()} for gradient in plain]
    wanted = list(reference.run(recipe, given_.initial, multiples))[-1]
    found = list(reference.run(r.rescaled(recipe, factor), given_.initial, plain))[-1]
    for name, w in wanted.items():
        np.testing.assert_allclose(found[name], w, rtol=PARITY["float64"])


# --- warm-ups -------------------------------------------------------------------------------------


def rises(t: int, steps: int, peak: float) -> float:
    return peak * min(1.0, t / steps)


def cosine(t: int, steps: int, whole: int) -> float:
    """Of transformers, and optax's warmup_cosine_decay_schedule from 0 to 0."""
    left = (t - steps) / (whole - steps)
    return rises(t, steps, 0.1) * (1 if t < steps else (1 + math.cos(math.pi * left)) / 2)


ADAMW = "optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)\n"


@pytest.mark.parametrize(
    "text",
    [
        "keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.0, 90, warmup_target=0.1, "
        "warmup_steps=10))",
        "optax.adamw(optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 100))",
        "warm = optax.linear_schedule(init_value=0.0, end_value=0.1, transition_steps=10)\n"
        "rest = optax.cosine_decay_schedule(init_value=0.1, decay_steps=90)\n"
        "lr = optax.join_schedules(schedules=[warm, rest], boundaries=[10])\noptax.adamw(lr)",
        f"{ADAMW}get_cosine_schedule_with_warmup(optimizer, 10, 100)",
        f"{ADAMW}transformers.get_scheduler('cosine', optimizer=optimizer, num_warmup_steps=10, "
        "num_training_steps=100)",
        f"{ADAMW}warm = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-16, total_iters=10)\n"
        "rest = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 90)\n"
        "s = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, rest], milestones=[10])",
        "mx.optimizer.SGD(lr_scheduler=mx.lr_scheduler.CosineScheduler(101, base_lr=0.1, "
        "warmup_steps=11, warmup_begin_lr=-0.01))",
    ],
)
def test_a_warm_up_is_read_to_the_same_rates(text: str) -> None:
    schedule = read(text).recipe.schedule
    found = [schedule.at(t) for t in range(101)]
    wanted = [cosine(t, 10, 100) for t in range(101)]
    np.testing.assert_allclose(found, wanted, atol=PARITY["float64"])


def test_a_linear_schedule_with_warm_up_falls_to_zero() -> None:
    schedule = read(f"{ADAMW}get_linear_schedule_with_warmup(optimizer, 10, 100)").recipe.schedule
    wanted = [0.1 * max(0.0, min(t / 10, (100 - t) / 90)) for t in range(120)]
    np.testing.assert_allclose([schedule.at(t) for t in range(120)], wanted, atol=1e-15)


@pytest.mark.parametrize("to", ["torch", "keras", "optax", "mxnet"])
def test_a_warm_up_is_written_without_a_condition(to: str) -> None:
    recipe = Recipe(r.Adam(), r.Warmup(0.01, 10, r.Cosine(0.1, 90, 0.001, periodic=to == "torch")))
    written = dialects.write(to, recipe)
    assert not written.refusals
    if written.readable:
        again = dialects.read(to, parse(written.settings)).recipe.schedule
        found = [again.at(t) for t in range(100)]
        np.testing.assert_allclose(found, [recipe.schedule.at(t) for t in range(100)],
                                   rtol=PARITY["float64"])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ADAMW}get_polynomial_decay_schedule_with_warmup(optimizer, 1, 9)", "not translated by"),
        (f"{ADAMW}torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1)", "'OneCycleLR' is not tran"),
        (f"{ADAMW}s = torch.optim.lr_scheduler.SequentialLR(optimizer, [torch.optim.lr_scheduler."
         "LinearLR(optimizer, total_iters=4), torch.optim.lr_scheduler.StepLR(optimizer, 9)], [5])",
         "a SequentialLR is, of a LinearLR"),
        ("optax.adam(optax.join_schedules([optax.linear_schedule(0, 1, 5), optax.constant_schedule("
         "2)], [5]))", "ends at the boundary"),
        ("mx.optimizer.SGD(lr_scheduler=mx.lr_scheduler.FactorScheduler(9, warmup_steps=3))",
         "steps count it too"),
        ("keras.optimizers.SGD(keras.optimizers.schedules.CosineDecayRestarts(0.1, 9))",
         "not translated by"),
    ],
)  # fmt: skip
def test_a_warm_up_that_is_not_read_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(text)


def test_a_scheduler_may_stand_before_its_optimizer() -> None:
    after = "s = torch.optim.lr_scheduler.StepLR(optimizer, 9)\n" + ADAMW
    program = dialects.dialect("torch").complete(settled(parse(after)))
    assert [s.target for s in program.statements] == ["optimizer", "scheduler"]


def test_updates_and_epochs_are_told_apart() -> None:
    recipe = read(f"{ADAMW}torch.optim.lr_scheduler.StepLR(optimizer, 30)").recipe
    assert notes.of("torch", "optax", recipe, "") == (notes.COUNTED,)
    settings = dialects.write("torch", recipe).settings
    assert notes.of("optax", "torch", recipe, settings) == (notes.STEPPED,)
    constant = replace(recipe, schedule=r.Constant(0.1))
    assert notes.of("torch", "optax", constant, "") == ()


# --- names of old ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "recipe", "runs"),
    [
        ("tf.keras.optimizers.SGD(learning_rate=.01, decay=1e-6, momentum=0.9, nesterov=True)",
         Recipe(r.Sgd(0.9, True, "inside"), r.InverseTime(0.01, 1e-6)), True),
        ("keras.optimizers.Adam(lr=0.01, decay=0.0)",
         Recipe(r.Adam(eps=1e-7, eps_at="raw"), r.Constant(0.01)), True),
        ("tf.keras.optimizers.legacy.SGD(0.1, decay=1e-3)",
         Recipe(r.Sgd(), r.InverseTime(0.1, 1e-3)), True),
        ("tf.keras.optimizers.legacy.RMSprop()",
         Recipe(r.RmsProp(0.9, 1e-7, "outside"), r.Constant(1e-3)), False),
        ("tf.keras.optimizers.legacy.RMSprop(momentum=0.9)",
         Recipe(r.RmsProp(0.9, 1e-7, "inside", False, 0.9, "inside"), r.Constant(1e-3)), True),
        ("tf.keras.optimizers.legacy.Nadam()",
         Recipe(r.Nadam(eps=1e-7, momentum_decay=4e-3), r.Constant(1e-3)), False),
        ("tf.keras.optimizers.experimental.AdamW(1e-3, weight_decay=0.01)",
         Recipe(r.Adam(eps=1e-7, eps_at="raw"), r.Constant(1e-3), r.Decay("decoupled", 0.01)),
         True),
        ("tf.optimizers.Adam(1e-3)",
         Recipe(r.Adam(eps=1e-7, eps_at="raw"), r.Constant(1e-3)), True),
        ("tfa.optimizers.AdamW(weight_decay=1e-4, learning_rate=1e-3)",
         Recipe(r.Adam(eps=1e-7, eps_at="raw"), r.Constant(1e-3), r.Decay("independent", 1e-4)),
         False),
        ("tfa.optimizers.SGDW(1e-4, 0.1, momentum=0.9, exclude_from_weight_decay=['bias'])",
         Recipe(r.Sgd(0.9, rate="inside"), r.Constant(0.1), r.Decay("independent", 1e-4,
                                                                    bias=False)), False),
        ("optax.chain(optax.additive_weight_decay(1e-4), optax.sgd(0.1))",
         Recipe(r.Sgd(), r.Constant(0.1), r.Decay("coupled", 1e-4)), True),
        ("mxnet.optimizer.SGD(learning_rate=0.1)", Recipe(r.Sgd(), r.Constant(0.1)), True),
        ("gluon.Trainer(p, 'sgd', (('learning_rate', 0.1), ('wd', 1e-4)))",
         Recipe(r.Sgd(), r.Constant(0.1), r.Decay("coupled", 1e-4)), True),
    ],
)  # fmt: skip
def test_a_name_of_old_says_what_it_did(text: str, recipe: Recipe, runs: bool) -> None:
    found = read(text)
    assert (found.recipe, found.runs) == (r.normal(recipe), runs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("transformers.AdamW(lr=1e-3)", "torch.optim.AdamW is the nearest"),
        ("keras.optimizers.SGD(lr=1, learning_rate=1)", "give one of them"),
        ("keras.optimizers.SGD(rate, decay=1e-6)", "write both as numbers"),
        ("keras.optimizers.Nadam(decay=1e-6)", "its momentum's schedule"),
        ("torch.optim.RAdam(lr=1)", "'RAdam' is not translated by this program"),
        ("gluon.Trainer(p, 'sgd', settings)", "optimizer_params is 'settings'"),
    ],
)
def test_what_the_old_names_cannot_say_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(text)


# --- names that stand for values, and hostile texts -----------------------------------------------


def test_names_stand_for_the_values_that_they_were_given() -> None:
    found = read("lr = 0.1\nwd = 5e-4\ntorch.optim.SGD(lr=lr, weight_decay=wd)")
    assert found.recipe == Recipe(r.Sgd(), r.Constant(0.1), r.Decay("coupled", 5e-4))
    settings = "settings = {'learning_rate': 0.1}\ngluon.Trainer(p, 'sgd', settings)"
    assert read(settings).recipe == Recipe(r.Sgd(), r.Constant(0.1))


@pytest.mark.parametrize(
    "text",
    [
        "a = [" + "1," * 2000 + "]\nb = [" + "a," * 1500 + "]\nc = [" + "b," * 300 + "]\nf(c)",
        two("not " * 900 + "'bias' in n", "p.ndim > 1"),
        two("(" * 20 + "n" + ")" * 20 + ".lower()" * 60 + " == 'bias'", "p.ndim > 1"),
        "torch.optim." + "S" * 9000 + "(lr=1)",
        "S" * 9000 + "(lr=1)",
        "torch.optim.SGD(" + "x" * 9000 + "=1)",
        "torch.optim.SGD(lr='" + "x" * 9000 + "')",
        "torch.optim.SGD(lr=" + "x" * 9000 + ")",
        "torch.optim.SGD([{'params': w, 'weight_decay': '" + "x" * 9000 + "'}], lr=1)",
        "optax.adamw(1e-3, mask=" + "x" * 9000 + ")",
        "gluon.Trainer(p, '" + "x" * 9000 + "')",
        "gluon.Trainer(p, " + "x" * 9000 + ")",
        "keras.optimizers.SGD(" + "x" * 9000 + ")",
        "keras." + "x" * 9000 + "()",
        "mx." + "x" * 9000 + "()",
        "Ridge('" + "x" * 9000 + "')",
        "SGDRegressor(loss='" + "x" * 9000 + "')",
        "SGDRegressor(penalty='" + "x" * 9000 + "')",
        "optax.sgd(0.1, momentum='" + "x" * 9000 + "')",
        "optax.chain('" + "x" * 9000 + "')",
    ],
)  # fmt: skip
def test_a_long_or_deep_text_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(InputError) as raised:
        read(text)
    assert len(str(raised.value)) < 1200


FRAGMENTS = st.sampled_from(
    ["torch.optim.SGD(", "torch.optim.AdamW(", "keras.optimizers.Adam(", "optax.chain(", "lr=",
     "optax.add_decayed_weights(", "optax.sgd(", "gluon.Trainer(", "tfa.optimizers.AdamW(",
     "mx.optimizer.SGD(", "get_linear_schedule_with_warmup(optimizer, ", "weight_decay=", "decay=",
     "torch.optim.lr_scheduler.SequentialLR(", "[", "]", "(", ")", "{", "}", ", ", "\n", "; ",
     "0.1", "1e-4", "10**400", "None", "True", "'bias' in n", "params", "x = ", "x", "mask=",
     "[p for n, p in m.named_parameters() if ", "lambda t: t", "Ridge(", "alpha=", ": ", "not ",
     "optax.warmup_cosine_decay_schedule(", "clipnorm=", "rescale_grad=", "inf", "if ", " for "]
)  # fmt: skip
CLOSED = st.lists(FRAGMENTS, max_size=12).map(
    lambda parts: "".join(parts) + "".join(
        {"(": ")", "[": "]", "{": "}"}[c] for c in reversed("".join(parts)) if c in "([{"
    )
)  # fmt: skip


@given(CLOSED | st.text(max_size=40), st.sampled_from(dialects.NAMES))
def test_any_text_is_translated_or_refused_in_a_sentence(text: str, to: str) -> None:
    with contextlib.suppress(InputError):
        compile(dialects.write(to, read(text).recipe, 100).code, "code", "exec")
