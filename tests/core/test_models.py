"""Coverage and decay groups, the same on every framework.

``tests/frameworks/*/test_models_*.py`` build one small model each: an embedding, a dense layer, a
norm and a head, with biases that start at 0. What an optimizer should do is said here by its own
means, not by `decay_groups`, which is then held against `coverage`.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import ROUNDED_SETTINGS
from weightdecay.errors import InputError
from weightdecay.models.convention import expected
from weightdecay.models.covering import Coverage, CoveredParameter, coverage
from weightdecay.models.grouping import decay_groups
from weightdecay.models.judging import problems
from weightdecay.models.patterns import assign, matches
from weightdecay.models.reading import ModelParameter, Owner, unique
from weightdecay.report.coverage import as_json

LAMBDA = 0.125
WEIGHTS = ("weight", "head")

ZOOS = {
    "torch": "tests.frameworks.torch.test_models_torch",
    "tensorflow": "tests.frameworks.tensorflow.test_models_keras",
    "jax": "tests.frameworks.jax.test_models_optax",
    "mxnet": "tests.frameworks.mxnet.test_models_gluon",
}


@pytest.fixture
def zoo(native_backend: str) -> Any:
    return importlib.import_module(ZOOS[native_backend])


def decaying(found: Coverage) -> set[str]:
    return {row.name for row in found.rows if row.decays}


def disagreeing(found: Coverage) -> set[str]:
    return {row.name for row in found.rows if not row.agrees}


def covered(zoo: Any, roles: Any, rule: str = "sgd", steps: int = 0) -> Coverage:
    net = zoo.build()
    optimizer = zoo.optimizer(net, rule, {zoo.NAMES[role] for role in roles}, LAMBDA)
    zoo.train(net, optimizer, steps)
    found = zoo.cover(net, optimizer)
    assert isinstance(found, Coverage)
    return found


def test_the_usual_pattern_is_no_problem(zoo: Any) -> None:
    found = covered(zoo, WEIGHTS)
    assert found.agrees
    assert found.problems == found.remarks == found.not_held == ()
    names = {zoo.NAMES[role] for role in WEIGHTS}
    assert decaying(found) == names
    for row in found.rows:
        assert row.held
        assert row.uniform
        assert row.lr == zoo.LR
        strength = LAMBDA if row.name in names else 0.0
        assert row.decay == pytest.approx(strength, rel=zoo.TOLERANCE, abs=0)
        assert row.shrink == pytest.approx(strength * zoo.LR, rel=zoo.TOLERANCE, abs=0)
    assert {row.name for row in found.rows} == set(zoo.NAMES.values())
    assert "every parameter is as is usual" in str(found)


def test_a_bias_that_decays_by_mistake_is_found(zoo: Any) -> None:
    bias = zoo.NAMES["head_bias"]
    found = covered(zoo, [*WEIGHTS, "head_bias"])
    assert not found.agrees
    assert disagreeing(found) == {bias}
    assert found.problems == (f"{bias} (a bias) decays with λ = 0.125; biases usually do not.",)
    assert found.problems[0] in str(found)


def test_a_layer_that_does_not_decay_is_found(zoo: Any) -> None:
    found = covered(zoo, ["head"])
    name = zoo.NAMES["weight"]
    assert disagreeing(found) == {name}
    assert found.problems == (f"{name} (a weight) does not decay; weights usually do.",)


@pytest.mark.parametrize("role", ["embedding", "norm_weight", "norm_bias"])
def test_norms_and_embeddings_that_decay_are_found(zoo: Any, role: str) -> None:
    assert disagreeing(covered(zoo, [*WEIGHTS, role])) == {zoo.NAMES[role]}


def test_an_inverted_pattern_is_named(zoo: Any) -> None:
    found = covered(zoo, set(zoo.NAMES) - set(WEIGHTS))
    assert disagreeing(found) == set(zoo.NAMES.values())
    assert found.problems[0].startswith("the pattern is inverted: what usually decays (")
    almost = covered(zoo, {*zoo.NAMES} - {"head"})
    assert "inverted" not in " ".join(almost.problems)


def test_no_decay_at_all_is_one_problem(zoo: Any) -> None:
    found = covered(zoo, [])
    assert len(found.problems) == 1
    assert found.problems[0].startswith("nothing decays of what usually does: ")


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("rule", ["momentum", "decoupled"])
def test_the_memory_of_a_trained_optimizer_is_no_decay(zoo: Any, rule: str, steps: int) -> None:
    if rule not in zoo.RULES:  # Gluon has no decoupled decay
        rule = "sgd"
    found = covered(zoo, [*WEIGHTS, "bias", "head_bias"], rule, steps)
    for row in found.rows:
        strength = LAMBDA if row.name in decaying(found) else 0.0
        assert row.decay == pytest.approx(strength, rel=zoo.TOLERANCE, abs=0)
    assert decaying(found) == {zoo.NAMES[role] for role in [*WEIGHTS, "bias", "head_bias"]}


@pytest.mark.parametrize("steps", [0, 3])
def test_decay_coupled_through_adam_is_decay_but_no_lambda(zoo: Any, steps: int) -> None:
    found = covered(zoo, [*WEIGHTS, "bias"], "coupled", steps)
    names = {zoo.NAMES[role] for role in [*WEIGHTS, "bias"]}
    assert decaying(found) == names
    assert disagreeing(found) == {zoo.NAMES["bias"]}
    for row in found.rows:
        if row.name in names:
            assert row.shrink > 0
            assert (row.uniform, row.decay) == (False, None)
            assert row.setting == (LAMBDA if zoo.COUPLED_SETTING else None)
    assert any("not in proportion to the weights" in remark for remark in found.remarks)
    assert "decays out of proportion to itself" in found.problems[0]


def test_the_optimizer_steps_from_the_memory_it_has(zoo: Any) -> None:
    """Past gradients are in Adam's scaling, beside which a coupled decay is small."""
    fresh, trained = (
        {row.name: row.shrink for row in covered(zoo, WEIGHTS, "coupled", steps).rows}
        for steps in (0, 3)
    )
    for role in WEIGHTS:
        assert 0 < trained[zoo.NAMES[role]] < 0.5 * fresh[zoo.NAMES[role]]


@pytest.mark.parametrize("rule", ["momentum", "decoupled", "coupled"])
def test_model_and_optimizer_stay_bit_identical(zoo: Any, rule: str) -> None:
    if rule not in zoo.RULES:
        rule = "sgd"

    def trained(looked_at: bool) -> list[bytes]:
        net = zoo.build()
        everything = set(zoo.NAMES.values())
        optimizer = zoo.optimizer(net, rule, everything, LAMBDA)
        if looked_at:
            zoo.cover(net, optimizer)  # before the optimizer has any memory
        zoo.train(net, optimizer, 2)
        if looked_at:
            before = zoo.snapshot(net, optimizer)
            zoo.cover(net, optimizer)
            assert zoo.snapshot(net, optimizer) == before
        zoo.train(net, optimizer, 2)
        held: list[bytes] = zoo.snapshot(net, optimizer)
        return held

    assert trained(looked_at=True) == trained(looked_at=False)


def assert_follows(zoo: Any, wanted: dict[str, float]) -> None:
    """Groups made by exact names, and by what coverage measures of them."""
    net = zoo.build()
    model = zoo.model(net)
    optimizer = zoo.from_groups(net, decay_groups(model, wanted))
    measured = zoo.figures(zoo.cover(net, optimizer))
    assert measured.keys() == wanted.keys()
    for name, strength in wanted.items():
        assert measured[name] == pytest.approx(
            strength, rel=max(zoo.TOLERANCE, ROUNDED_SETTINGS), abs=0
        )


def test_coverage_agrees_with_decay_groups(zoo: Any, native_backend: str) -> None:
    strengths = [0.0, 0.5] if native_backend == "tensorflow" else [0.0, 0.03125, 0.125, 0.3]

    @given(st.lists(st.sampled_from(strengths), min_size=7, max_size=7))
    def check(chosen: list[float]) -> None:
        assert_follows(zoo, dict(zip(zoo.NAMES.values(), chosen, strict=True)))

    check()


def test_patterns_are_the_same_everywhere(zoo: Any) -> None:
    net = zoo.build()
    patterns = {"*.bias": 0, "norm*": 0, "embed*": 0, "*": LAMBDA}
    decay = decay_groups(zoo.model(net), patterns)
    found = zoo.cover(net, zoo.from_groups(net, decay))
    assert found.agrees
    assert decaying(found) == {zoo.NAMES[role] for role in WEIGHTS}


def test_errors_of_patterns_name_the_parameters(zoo: Any) -> None:
    net = zoo.build()
    model = zoo.model(net)
    head = zoo.NAMES["head"]
    with pytest.raises(InputError, match=f"'{head}s' matches no parameter: the nearest is '{head}"):
        decay_groups(model, {f"{head}s": 0, "*": 1})
    with pytest.raises(InputError, match=r"no pattern matches .* and 2 more: add them"):
        decay_groups(model, {"head*": 0})


def test_the_report_is_json_and_text(zoo: Any) -> None:
    found = covered(zoo, ["head", "bias"], "coupled")
    report = json.loads(as_json(found))
    assert report["agrees"] is False
    assert report["problems"] == list(found.problems)
    assert [row["name"] for row in report["parameters"]] == [row.name for row in found.rows]
    assert len(report["parameters"][0]["shape"]) == len(found.rows[0].shape)
    text = str(found)
    assert all(row.name in text for row in found.rows)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines()[: len(found.rows)])) <= 120


# What needs no framework.


@pytest.mark.parametrize(
    ("name", "kind", "shape", "wanted", "reason"),
    [
        ("fc.weight", "Linear", (3, 4), "decay", "weight"),
        ("fc.weight", "Linear", (1, 4), "decay", "weight"),
        ("fc.bias", "Linear", (3,), "no decay", "bias"),
        ("rnn.weight_hh_l0", "LSTM", (8, 2), "decay", "weight"),
        ("rnn.bias_hh_l0", "LSTM", (8,), "no decay", "bias"),
        ("attn.in_proj_weight", "MultiheadAttention", (12, 4), "decay", "weight"),
        ("attn.bias_k", "MultiheadAttention", (1, 1, 4), "no decay", "bias"),
        ("mha.query.bias", "EinsumDense", (2, 4), "no decay", "bias"),
        ("layer.relative_position_bias_table", "Swin", (9, 3), "no decay", "bias"),
        ("norm.weight", "LayerNorm", (3,), "no decay", "norm"),
        ("n.gamma", "BatchNormalization", (3,), "no decay", "norm"),
        ("n.weight", "LlamaRMSNorm", (3,), "no decay", "norm"),
        ("norm1.linear.weight", "Linear", (3, 4), "decay", "weight"),
        ("dense.kernel", "SpectralNormalization", (3, 4), "decay", "weight"),
        ("wte.weight", "Embedding", (9, 3), "no decay", "embedding"),
        ("e.embeddings", "Embedding", (9, 3), "no decay", "embedding"),
        ("pos_embed", "VisionTransformer", (1, 9, 3), "no decay", "embedding"),
        ("cls_token", "VisionTransformer", (1, 1, 3), "no decay", "embedding"),
        ("patch_embed.proj.weight", "Conv2d", (3, 3, 4, 4), "decay", "weight"),
        ("block.gamma", "ConvNeXtBlock", (3, 1, 1), "no decay", "gain"),
        ("act.weight", "PReLU", (1,), "no decay", "gain"),
        ("temperature", "Model", (), "no decay", "gain"),
        ("Dense_0.kernel", "", (3, 4), "decay", "weight"),
        ("Dense_0.bias", "", (4,), "no decay", "bias"),
        ("LayerNorm_0.scale", "", (4,), "no decay", "norm"),
        ("LayerNorm_0.bias", "", (4,), "no decay", "norm"),
        ("ln_f.scale", "", (4,), "no decay", "norm"),
        ("batch_norm.offset", "", (1, 1, 4), "no decay", "bias"),
        ("batch_norm.scale", "", (1, 1, 4), "no decay", "gain"),
        ("norm1.linear.kernel", "", (3, 4), "decay", "weight"),
        ("normal_head.kernel", "", (3, 4), "decay", "weight"),
        ("Embed_0.embedding", "", (9, 3), "no decay", "embedding"),
        ("wpe.weight", "", (9, 3), "no decay", "embedding"),
        ("patch_embedding.kernel", "", (4, 4, 3, 8), "decay", "weight"),
        ("embedder.dense.kernel", "", (3, 4), "decay", "weight"),
        ("linear.w", "", (3, 4), "decay", "weight"),
        ("a.parametrizations.weight.original0", "ParametrizationList", (4, 1), "no decay", "gain"),
        ("a.parametrizations.weight.original1", "ParametrizationList", (4, 3), "decay", "weight"),
        ("a.parametrizations.weight.original", "ParametrizationList", (4, 3), "decay", "weight"),
        ("a.parametrizations.bias.original", "ParametrizationList", (4,), "no decay", "bias"),
        ("fc.weight_g", "Linear", (4, 1), "no decay", "gain"),
        ("fc.weight_v", "Linear", (4, 3), "decay", "weight"),
        ("n.weight", "LayerNorm", (3, 4, 4), "no decay", "norm"),
        ("fc.weight", "LayerNormLinear", (3, 4), "decay", "weight"),
        ("fc.layer_norm_weight", "LayerNormLinear", (3,), "no decay", "norm"),
        ("conv.weight", "ConvNormAct", (3, 3, 3, 3), "decay", "weight"),
        ("patch.weight", "PatchEmbedding", (3, 4, 2, 2), "decay", "weight"),
        ("pos_embed.W_pos", "PosEmbed", (9, 3), "no decay", "embedding"),
        ("ssm.A_log", "Mamba", (4, 16), "no decay", "gain"),
        ("normal_head.weight", "Linear", (3, 4), "decay", "weight"),
        ("h.0.attn.c_attn.weight", "Conv1D", (4, 12), "decay", "weight"),
        ("mlp/~/linear_0.b", "", (4,), "no decay", "bias"),
        ("net/ln_1.scale", "", (4,), "no decay", "norm"),
        ("0.1", "", (3, 4), "decay", "weight"),
        ("0.2", "", (3,), "no decay", "gain"),
    ],
)
def test_the_convention(
    name: str, kind: str, shape: tuple[int, ...], wanted: str, reason: str
) -> None:
    assert expected(ModelParameter((Owner(name, kind),), shape)) == (wanted, reason)


def test_frozen_and_tied_parameters() -> None:
    embedding, head = Owner("embed.weight", "Embedding"), Owner("head.weight", "Linear")
    assert expected(ModelParameter((head,), (2, 2), frozen=True)) == ("no decay", "frozen")
    both = expected(ModelParameter((embedding, head), (2, 2)))
    assert both == ("either", "tied embedding and weight")
    again = Owner("again.weight", "Linear")
    assert expected(ModelParameter((head, again), (2, 2))).wanted == "decay"


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("*.bias", "fc.bias", True),
        ("*.bias", "a.b.bias", True),
        ("*.bias", "bias", True),
        ("*.bias", "rebias", False),
        ("norm*", "norm1.weight", True),
        ("norm*", "encoder.norm1.weight", False),
        ("*.norm*", "encoder.norm1.weight", True),
        ("*.norm*", "norm1.weight", True),
        ("Norm*", "norm1.weight", False),
        ("fc.?eight", "fc.weight", True),
        ("*", "anything.at.all", True),
        ("fc", "fc.weight", False),
    ],
)
def test_patterns(pattern: str, name: str, wanted: bool) -> None:
    assert matches(name, pattern) is wanted


def test_the_first_pattern_wins_and_gives_the_order() -> None:
    names = ["a.weight", "a.bias", "b.weight", "b.bias"]
    found = assign(names, {"b.bias": 3, "*.bias": 0, "*": 1}, {})
    assert found == {"a.weight": 1, "a.bias": 0, "b.weight": 1, "b.bias": 3}
    assert list(found) == ["b.bias", "a.bias", "a.weight", "b.weight"]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"*.bais": 0, "*": 1}, r"'\*\.bais' matches no parameter: the nearest is 'a\.bias'"),
        ({"*.bias": 0, "a.bias": 2, "*": 1}, r"'a\.bias' comes too late: '\*\.bias' before it"),
        ({"a.*": 0, "b.*": 1, "*": 2}, r"'\*' comes too late: 'a\.\*' and 'b\.\*' before it"),
        ({"a.*": 0}, r"no pattern matches b\.weight and b\.bias: add them, or a last"),
        ({"*": -1}, r"the strength of '\*' is -1: it must be a finite number at least 0"),
        ({"*": float("nan")}, "it must be a finite number at least 0"),
        ({"*": float("inf")}, "it must be a finite number at least 0"),
        ({"*": "1"}, "it must be a finite number at least 0"),
        ({1: 0}, "the pattern 1 is no string"),
        ({}, "the patterns must be a mapping such as"),
        ([("*", 1)], "the patterns must be a mapping such as"),
        ({"c.*": 0, "*": 1}, r"'c\.\*' matches c\.weight, which is tied: name it a\.weight"),
    ],
)
def test_patterns_that_cannot_be_meant(patterns: Any, message: str) -> None:
    names = ["a.weight", "a.bias", "b.weight", "b.bias"]
    with pytest.raises(InputError, match=message):
        assign(names, patterns, {"c.weight": "a.weight"})
    with pytest.raises(InputError, match="the model has no parameters"):
        assign([], {"*": 1}, {})


def test_second_names_are_numbered() -> None:
    assert unique(["a", "b", "a", "a"]) == ["a", "b", "a~2", "a~3"]


def row(name: str, **changed: Any) -> CoveredParameter:
    plain: dict[str, Any] = {
        **{"name": name, "kind": "Linear", "shape": (2,), "size": 2, "shared_as": ()},
        **{"held": True, "frozen": False, "decays": True, "shrink": 0.25, "uniform": True},
        **{"decaying": 2, "lr": 0.5, "decay": 0.5, "setting": None},
        **{"expected": "no decay", "reason": "bias", "agrees": False},
    }
    return CoveredParameter(**plain | changed)


def test_many_of_a_kind_share_a_sentence() -> None:
    biases = [row(f"{i}.bias") for i in range(5)]
    weight = row("w", expected="decay", reason="weight", agrees=True)
    assert problems([*biases, weight]) == (
        "5 biases decay, and usually do not: 0.bias, 1.bias, 2.bias and 2 more.",
    )
    assert len(problems([*biases[:3], weight])) == 3


def test_what_is_not_held_is_a_problem_unless_it_is_frozen() -> None:
    absent = {"held": False, "decays": False, "shrink": None, "decay": None, "agrees": True}
    rows = (row("a", **absent), row("b", **absent, frozen=True))
    assert problems(rows) == ("the optimizer does not hold a: nothing that it does reaches it.",)
    assert Coverage(rows, ()).not_held == ("a",)
    assert "not held" in str(Coverage(rows, ()))


def test_without_a_learning_rate_the_shrinkage_is_named() -> None:
    bias = row("b", decay=None, lr=None, setting=0.5)
    weight = row("w", expected="decay", reason="weight", agrees=True)
    assert problems([bias, weight]) == (
        "b (a bias) decays by 0.25 of itself a step, set to λ = 0.5; biases usually do not.",
    )


@pytest.mark.parametrize("model", [None, {}, {"w": 1.0}, np.ones(2), object(), 3])
def test_a_model_of_no_framework_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match=r"the model is a .*: give a torch\.nn\.Module"):
        decay_groups(model, {"*": 0})


def test_no_framework_is_imported_to_find_out_what_a_model_is() -> None:
    code = (
        "import sys, numpy\n"
        "from weightdecay.models.covering import coverage\n"
        "try: coverage({'w': numpy.ones(2)}, None)\n"
        "except ValueError as error: print(error, file=sys.stderr)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the model is a builtins.dict" in done.stderr
    assert not {"torch", "keras", "tensorflow", "jax", "mxnet"} & set(done.stdout.split())


def test_the_two_functions_refuse_alike() -> None:
    for function in (coverage, decay_groups):
        with pytest.raises(InputError, match=r"the model is a builtins\.object"):
            function(object(), {"*": 0})
