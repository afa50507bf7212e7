"""`weightdecay translate`: output, exit codes, and what happens when a proof fails.

The two sides here are scikit-learn's and the guide's, which run in this process; the table of all
frameworks is `weightdecay translate --all`, where their environments are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.commands import Outcome, in_process
from weightdecay.report.translate import as_text
from weightdecay.translation import dialects, proof, table
from weightdecay.translation import recipe as r
from weightdecay.translation.catalogue import SETTINGS
from weightdecay.translation.dialects import book
from weightdecay.translation.dialects.fitting import Written
from weightdecay.translation.translating import ProofError, translate

Run: TypeAlias = Callable[..., Outcome]
GUIDE = "WeightDecay(wd=3, lr=0.01)"
REGRESSOR = 'sklearn.linear_model.SGDRegressor(alpha=0.01, learning_rate="constant", eta0=0.05)'


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: in_process(["translate", *arguments], capsys, monkeypatch)


def test_an_exact_translation_is_python_with_its_proof(run: Run) -> None:
    found = run(GUIDE, "--to", "sklearn")
    assert (found.code, found.err) == (0, "")
    compile(found.out, "output", "exec")
    code = [line for line in found.out.splitlines() if not line.startswith("#")]
    assert code == [
        'estimator = sklearn.linear_model.SGDRegressor(penalty="l2", alpha=3.0, '
        'learning_rate="constant", eta0=0.01)'
    ]
    assert "exact to rounding" in found.out


def test_a_refusal_has_a_reason_a_nearest_setting_and_a_difference(run: Run) -> None:
    found = run("SGDRegressor()", "--to", "book")
    assert found.code == 3
    assert "the guide's learning rate is constant" in found.out
    assert "WeightDecayScratch(num_inputs, lambd=0.0001, lr=0.01)" in found.out
    assert "above 1e-12" in found.out


def test_json_holds_everything(run: Run) -> None:
    found = run(REGRESSOR, "--to", "book", "--format", "json")
    report = found.json
    assert report["verdict"] == "exact"
    assert report["difference"] <= report["tolerance"] == proof.TOLERANCE
    assert report["recipe"]["decay"] == {
        "kind": "coupled", "strength": 0.01, "l1": 0.0, "bias": False,
    }  # fmt: skip
    assert report["steps"] == 100
    assert run("SGDRegressor()", "--to", "book", "--format", "json").json["verdict"] == "refused"


def test_ridge_needs_n_and_is_lambda_times_n(run: Run) -> None:
    assert run("Ridge(alpha=3)", "--to", "book").code == 2
    found = run("Ridge(alpha=3)", "--to", "book", "--n", "100")
    assert found.code == 0
    assert "lambd=0.03" in found.out
    assert "largest gradient" in found.out


@pytest.mark.parametrize("text", ["Ridge(alpha=3)", "Lasso(alpha=0.1)", "ElasticNet(0.1)"])
def test_the_estimators_own_solution_is_the_optimum_with_this_lambda(text: str) -> None:
    found = translate(text, "sklearn", n=50)
    assert found.verdict == "exact"
    assert "lambd" not in found.code


def test_a_framework_that_is_missing_leaves_the_code_unproved(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weightdecay.registry.is_installed", lambda package: False)
    found = run(GUIDE, "--to", "torch")
    assert found.code == 2
    assert "torch.optim.SGD(" in found.out
    assert "not proved" in found.out
    assert "WEIGHTDECAY_TORCH_PYTHON" in found.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (GUIDE,),
        ("--to", "torch"),
        (GUIDE, "--to", "jax"),
        (GUIDE, "--to", "book", "--frameworks", "torch"),
        ("__import__('os').system('true')", "--to", "torch"),
        ("--all", "--to", "torch"),
        ("--all", "--frameworks", "torhc"),
        (GUIDE, "--to", "book", "--n", "0"),
        (GUIDE, "--to", "book", "--seed", "-1"),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("weightdecay: ")
    assert found.err.count("\n") == 1


def test_a_translation_that_measures_wrong_is_never_called_exact(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = book.write

    def doubled(recipe: r.Recipe) -> Written:
        written = original(recipe)
        wrong = written.settings.replace("lambd=0.01", "lambd=0.02")
        return Written("", wrong, written.recipe, (), ())

    monkeypatch.setattr(book, "write", doubled)
    found = run(REGRESSOR, "--to", "book")
    assert (found.code, found.out) == (1, "")
    assert "should be exact and is not" in found.err
    with pytest.raises(ProofError):
        translate(REGRESSOR, "book")


def test_a_typo_in_the_printed_code_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    typo = Written("", "model = WeightDecayScrach(num_inputs, 3, 0.01)",
                   r.Recipe(r.Sgd(), r.Constant(0.01)), (), ())  # fmt: skip
    monkeypatch.setattr(book, "write", lambda recipe: typo)
    with pytest.raises(NameError):
        translate(REGRESSOR, "book")


def test_a_refusal_that_the_trial_does_not_reach_stays_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = book.write

    def refused(recipe: r.Recipe) -> Written:
        written = original(recipe)
        return Written("", written.settings, written.recipe, (), ("a reason",))

    monkeypatch.setattr(book, "write", refused)
    found = translate(REGRESSOR, "book")
    assert (found.verdict, found.reasons) == ("refused", ("a reason",))
    assert "does not reach what differs" in as_text(found)


def test_the_table_holds_and_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table.run(("sklearn", "book"))
    assert len(rows) == 2 * len(SETTINGS["sklearn"] + SETTINGS["book"])
    assert all(row.holds for row in rows), [row for row in rows if not row.holds]
    monkeypatch.setattr(proof, "difference", lambda found, source: 0.5)
    assert not all(row.holds for row in table.run(("sklearn", "book")))


def test_the_command_runs_the_table(run: Run) -> None:
    found = run("--all", "--frameworks", "sklearn,book")
    assert found.code == 0
    assert "14 of 14 translations hold" in found.out
    assert len(run("--all", "--frameworks", "book", "--format", "json").json["rows"]) == 2


def test_every_framework_has_a_dialect_and_the_table_all_of_them() -> None:
    assert set(SETTINGS) == set(dialects.NAMES)


def test_translation_imports_no_framework_until_a_side_runs() -> None:
    """The dialects are text: they do not even name their framework in an import."""
    for path in Path(dialects.__file__).parent.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(("import ", "from ")):
                assert line.split()[1].split(".")[0] not in ("torch", "keras", "optax", "mxnet")


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_is_another_problem_and_the_same_verdict(seed: int) -> None:
    found = translate(GUIDE, "sklearn", seed=seed)
    assert found.verdict == "exact"
    assert not (proof.Problem(seed).gradients["bias"] == proof.Problem(0).gradients["bias"]).any()
