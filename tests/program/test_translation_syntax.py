"""Reading settings: what is read, what is refused, and that nothing is ever run."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdecay.errors import InputError
from weightdecay.translation import dialects, staging
from weightdecay.translation.syntax import (
    Call,
    Constant,
    Items,
    Name,
    Program,
    Statement,
    Table,
    parse,
    render_program,
)

MALICIOUS = [
    "__import__('os').system('touch {path}')",
    "torch.optim.SGD(lr=__import__('os').system('touch {path}'))",
    "open('{path}', 'w')",
    "torch.optim.SGD(lr=open('{path}', 'w'))",
    "torch.optim.SGD(lr=eval(\"open('{path}', 'w')\"))",
    "exec(\"open('{path}', 'w')\")",
    "torch.optim.SGD(lr=(lambda: 0.1)())",
    "torch.optim.SGD([p for p in open('{path}', 'w')], lr=0.1)",
    "torch.optim.SGD(lr=[open('{path}', 'w')][0])",
    "torch.optim.SGD(lr=f\"{{open('{path}', 'w')}}\")",
    "torch.optim.SGD(lr=0.1 if open('{path}', 'w') else 0.2)",
    "torch.optim.SGD(lr=(x := open('{path}', 'w')))",
    "torch.optim.SGD(*open('{path}', 'w'))",
    "torch.optim.SGD(**open('{path}', 'w'))",
    "torch.optim.__builtins__.open('{path}', 'w')",
    "torch.load('{path}')",
    "keras.optimizers.SGD(keras.layers.TFSMLayer('{path}'))",
    "import os",
    "def f(): pass",
    "x = y = torch.optim.SGD(lr=0.1)",
    "torch.optim.SGD(lr=0.1).step()",
    "mx.gluon.Trainer(net.collect_params(), 'sgd').save_states('{path}')",
    "optax.chain(optax.sgd(0.1), mask=open('{path}', 'w'))",
]


def read(text: str) -> None:
    program = parse(text)
    dialects.read(dialects.recognise(program), program)


@pytest.mark.parametrize("text", MALICIOUS)
def test_what_is_no_setting_is_refused_and_never_run(text: str, tmp_path: Any) -> None:
    path = tmp_path / "written"
    with pytest.raises(InputError):
        read(text.format(path=path))
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "torch.optim.SGD(open('{path}', 'w').write('x'), lr=0.1)",
        "torch.optim.SGD(params=torch.save(1, '{path}'), lr=1)",
        "torch.optim.SGD([torch.save(1, '{path}')], lr=1)",
        "torch.optim.SGD([{{'params': open('{path}', 'w')}}], lr=1)",
    ],
)
def test_parameters_are_replaced_by_ones_of_our_own(text: str, tmp_path: Any) -> None:
    """So that what a user calls to get them is not called when a translation is proved."""
    completed = dialects.dialect("torch").complete(parse(text.format(path=tmp_path / "written")))
    called = {call.name for call in completed.calls()}
    assert called == {"torch.optim.SGD", "model.parameters"}


@pytest.mark.parametrize("name", ["open", "os.system", "torch.save", "model.save", "keras.Model"])
def test_only_what_a_dialect_knows_is_called(name: str) -> None:
    called: list[str] = []

    class Stage:
        names: ClassVar[dict[str, Any]] = {"torch": called, "keras": called, "open": called.append}
        known: ClassVar[dict[str, Any]] = {"model.parameters": list}
        methods = ("step",)

    program = Program((Statement("x", Call("model.parameters")), Statement(None, Call(name))))
    with pytest.raises(InputError, match="cannot be called"):
        staging.build(Stage(), "torch", program)
    assert not called


@pytest.mark.parametrize("text", ["__x__(1)", "a.__x__(1)", "f(__x=1)", "f(a.__b)", "__x = f(1)"])
def test_names_with_two_underscores_are_refused_by_themselves(text: str) -> None:
    with pytest.raises(InputError, match="is no setting"):
        parse(text)


def test_a_refusal_shows_where() -> None:
    with pytest.raises(InputError, match=r"'lambda: 0' at line 2, column 10: .*never run"):
        parse("a = f(1)\nb = f(lr=lambda: 0)")


@pytest.mark.parametrize(
    "text",
    ["", " \n", "f(" * 30 + ")" * 30, "(" * 5000, "f(" + "-" * 5000 + "1)", "1 +" * 3000 + "1",
     "f(lr=" + "9" * 5000 + ")", "f(lr=10**400)", "f(lr=10.0**10.0**10)", "f(lr=1/0)",
     "f(lr=1e400)", "f(lr=-1e400)", "f(lr=(-1)**0.5)", "f(lr=1j)", "f(lr='a' * 10**9)",
     "f(lr=True + 1)", "f(lr=1 if 2 else 3)", "f(lr=not 1)", "f(lr=~1)", "f(lr=1 % 2)",
     "f(lr=\0)", "f(lr=", "f(lr=b'x')", "f(...)", "x" * 10_001],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(text)
    assert len(str(raised.value)) < 300


def test_eleven_calls_within_one_another_are_few() -> None:
    assert len(list(parse("f(x, " * 11 + "1" + ")" * 11).calls())) == 11


@pytest.mark.parametrize(
    ("text", "value"),
    [("1/128", 1 / 128), ("-1e-3", -1e-3), ("5 * 1e-4", 5e-4), ("2**-3", 0.125), ("+3", 3),
     ("1 - 0.9", 1 - 0.9), ("-(-2)", 2), ("10", 10), ("1e-2", 0.01)],
)  # fmt: skip
def test_arithmetic_on_numbers_is_done(text: str, value: float) -> None:
    found = parse(f"f(lr={text})").statements[0].value
    assert found == Call("f", (), (("lr", Constant(value)),))


names = st.sampled_from(["lr", "optimizer", "net", "model.bias", "torch.optim.SGD", "weights"])
constants = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e18),
    st.integers(0, 10**9),
    st.text("abc'\"\n\\λ ", max_size=5),
    st.booleans(),
    st.none(),
).map(Constant)
kinds = st.sampled_from(["list", "tuple"])
nodes = st.recursive(
    constants | names.map(Name),
    lambda inner: st.one_of(
        st.builds(Items, st.lists(inner, max_size=3).map(tuple), kinds),
        st.builds(Table, st.lists(st.tuples(constants, inner), max_size=3).map(tuple)),
        st.builds(
            Call,
            names,
            st.lists(inner, max_size=2).map(tuple),
            st.lists(st.tuples(st.sampled_from("ab"), inner), max_size=2, unique_by=lambda p: p[0])
            .map(tuple),
        ),
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(st.tuples(st.none() | st.sampled_from(["x", "y"]), nodes), min_size=1, max_size=3))
def test_what_is_rendered_reads_back(parts: Any) -> None:
    program = Program(tuple(Statement(target, node) for target, node in parts))
    assert parse(render_program(program)) == program


@given(st.floats(-1e18, 1e18))
def test_every_float_is_read_bit_for_bit(value: float) -> None:
    assert parse(f"f({value!r})").statements[0].value == Call("f", (Constant(value),))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse(text), Program)


def test_statements_are_separated_by_lines_and_semicolons() -> None:
    program = parse("a = f(1); b = g(a)\nh()")
    assert [s.target for s in program.statements] == ["a", "b", None]
    assert program.assigned() == {
        "a": Call("f", (Constant(1),)),
        "b": Call("g", (Name("a"),)),
    }
