"""Bad inputs over all commands, drawn from a seed."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LONG = "n" * 100_000

NUMBERS = [
    *("9" * 5000, "-" + "9" * 5000, "1" + "0" * 15, "1" + "0" * 30, "1" + "0" * 400),
    *("-1", "0", "-0", "nan", "inf", "-inf", "1e400", "1e-400", "1e309", "-1e308", "1e308"),
    *(
        "1_000",
        "0x10",
        "１２",
        "٣",
        "1,5",
        "1.5",
        "",
        " ",
        "1e",
        "--3",
        "+-1",
        "1" * 40,
        "0" * 4000,
    ),
    *("5e-324", "2147483648", "4294967296", "9223372036854775808", "18446744073709551617"),
    *("\x1b[31m1", "1\u202e", "𝟙", "1e5000000000", "-" * 20_000 + "1", "NaN", "1j"),
]
GRIDS = [
    *("1:10:1000000000000", "1:10:" + "9" * 5000, "0:1:5", "1:2:3:4", ":", ",", "1,,2", "nan"),
    *("1e-400:1:5", "1e-308:1e308:7", "-1", "inf", "1:inf:3", "1:1:2", "1:2:1", "a" * 100_000),
    *(",".join(["1:2:100000"] * 30), "1" + ":" * 50_000, "１:２:３", "\x1b[2J", "1:2:-5"),
]
NAMES = [
    *("[/x]", "[bold]b", "[link=file:///]l[/link]", "a\x08", "\x1b[2J\x1b[31mred", "a\x9b31mb"),
    *("=cmd|'/c calc'!A1", "@SUM(1)", "+1+1", "-2+3", "\u202egnp.exe", "a\u2066b", "\u200b"),
    *("a\nweightdecay: all is well", "a\tb", 'quo"te', "a,b", "a;b", "<script>", "&amp;", "\\x1b"),
    *("n" * 500, LONG, "λ", "名", "e\u0301", ":smile:", "%s%n", "{0}", "__class__", "--drop", "-"),
    *("\x7f", "\x00b", "a\x0bb", "a\rb", "]]>", "\U000e0041", "\ufeffx", "'; --", "nan", "0"),
]
WORDS = [
    *NAMES,
    "",
    " ",
    "numpy ",
    "NUMPY",
    "../..",
    "/dev/zero",
    "http://x",
    "\udcff",
    "loo",
    "full",
]


@dataclass(frozen=True)
class Case:
    """What is typed, which files there are, and which variables are set."""

    arguments: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str | None] = field(default_factory=dict)
    written: tuple[str, ...] = ()

    def __str__(self) -> str:
        typed = " ".join(
            repr(a if len(a) < 200 else f"{a[:80]}…({len(a)})") for a in self.arguments
        )
        return f"{typed} {self.variables or ''} {[*self.files]}"


Draw = Callable[[random.Random], Case]

TABLE = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (i % 7, (i * i) % 5, (3 * i) % 11) for i in range(24))
MODEL_KEYS = ("target", "inputs", "degree", "columns", "weights", "bias", "lambda", "penalty",
              "l1_ratio", "penalty_factors", "mean", "scale", "rule", "cv", "loss", "num_examples",
              "dropped", "group", "format", "version", "objective", "epochs")  # fmt: skip
MODEL = {
    "format": "weightdecay-model", "version": 1, "objective": "", "target": "y",
    "inputs": ["a", "b"], "degree": 1, "columns": ["a", "b"], "weights": [0.5, -1.0], "bias": 0.1,
    "lambda": 0.1, "penalty": "l2", "l1_ratio": 0.0, "penalty_factors": None, "mean": [0, 0],
    "scale": [1, 1], "rule": "best", "cv": "5 folds", "loss": 1.0, "standard_error": 0.1,
    "num_examples": 20, "solver": "exact", "epochs": None, "dropped": [], "sample_weight": None,
    "group": None, "time": None, "weightdecay": "0.1.0", "numpy": "2",
}  # fmt: skip

COUNTS = {
    "run": ("--epochs --num-train --num-val --num-inputs --seed --degree --batch-size "
            "--momentum --eps --lr --lambda --l1-ratio --true-weight --noise-std --init-std"),
    "sweep": "--epochs --num-train --seeds --folds --max-memory --seed --lr --lambdas --num-inputs",
    "tune": "--cv --repeats --degree --seed --lambdas --l1-ratio --epochs --lr --batch-size",
    "compare-remedies": "--folds --epochs --copies --seed --num-train --degree --num-inputs",
    "bench": "--lambdas --epochs --threads --rounds --batch-size --size",
    "audit": "--seed",
    "translate": "--n --seed",
    "book": "--seed",
}  # fmt: skip
WORDED = {
    "run": "--data --target --drop --penalty --optimizer --decay --l1-update --standardize "
           "--backend --implementation --device --dtype --experiment --format --penalty-factor "
           "--sample-weight --plot --save-experiment",
    "sweep": "--data --penalty --backend --device --dtype --experiment --max-memory --format",
    "tune": "--target --drop --penalty --rule --solver --backend --dtype --device --missing "
            "--group --time --sample-weight --standardize --penalty-factor --cv --out --plot",
    "compare-remedies": "--data --target --backend --dtype --device --format --plot",
    "bench": "--backends --implementation --size --dtype --device --format --plot",
    "parity": "--backends --dtype --experiment --format",
    "audit": "--set --knob --backend --format --out",
    "translate": "--to --frameworks --format",
    "predict": "--out --format",
    "env": "create remove list",
    "backends": "--format",
}  # fmt: skip
FIRST = {
    "tune": ("t.csv", "--target", "y", "--no-compare"),
    "audit": ("no_such_module:f",),
    "bench": ("--backends", "numpy", "--rounds", "1"),
    "parity": ("--backends", "numpy"),
    "translate": ("Ridge(alpha=3)", "--to", "book"),
    "predict": ("model.json", "t.csv"),
}


def _json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


BASIC = {"t.csv": TABLE, "model.json": _json(MODEL)}


def numbers(rng: random.Random) -> Case:
    command = rng.choice([*COUNTS])
    option = rng.choice(COUNTS[command].split())
    value = rng.choice(NUMBERS + GRIDS * (option in ("--lambdas", "--lr", "--cv", "--size")))
    first = FIRST.get(command, ())
    if option == "--degree" and command != "tune" and rng.random() < 0.5:
        first = ("--data", "t.csv", "--target", "y")
    return Case((command, *first, f"{option}={value}"), dict(BASIC))


def words(rng: random.Random) -> Case:
    command = rng.choice([*WORDED])
    option, word = rng.choice(WORDED[command].split()), rng.choice(WORDS)
    return Case((command, *FIRST.get(command, ()), option, word), dict(BASIC))


def _csv(columns: list[str], cells: Callable[[int, int], str], rows: int = 24) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([[cells(i, j) for j in range(len(columns))] for i in range(rows)])
    return text.getvalue().encode("utf-8", "surrogatepass")


def columns(rng: random.Random) -> Case:
    """Names of columns, in their part as input, target, group or weight, to every format."""
    one, two, target = rng.sample(NAMES, 3)
    table = _csv([one, two, target], lambda i, j: str((i * (j + 2) + i * i) % 7 + (j == 0)))
    command = rng.choice(["tune", "run", "sweep", "compare-remedies", "predict", "trained"])
    fast = {"run": ("--epochs", "2"), "sweep": ("--epochs", "2", "--lambdas", "1e-2:1:3")}
    extra = [*fast.get(command, ())]
    if command == "predict":
        known = {"target": target, "inputs": [one, two], "columns": [one, two]}
        shown = rng.choice([("--format", "csv"), ("--format", "json"), ("--format", "table"), ()])
        model = _json(MODEL | known)
        return Case(("predict", "model.json", "x.csv", *shown, "--out", "p.csv"),
                    {"x.csv": table, "model.json": model}, written=("p.csv",))  # fmt: skip
    written = []
    if rng.random() < 0.6:
        extra += ["--plot", "p.svg"]
        written.append("p.svg")
    if command in ("tune", "trained"):
        extra += ["--out", "m.json", "--lambdas", "0.1,1"]
        written.append("m.json")
        role = rng.choice(["", "--group", "--drop", "--sample-weight", "--penalty-factor"])
        if role:
            extra += [role, f"{two}=0" if role == "--penalty-factor" else two]
    extra += rng.choice([["--format", "json"], []])
    head = ("tune", "x.csv") if command in ("tune", "trained") else (command, "--data", "x.csv")
    return Case((*head, f"--target={target}", *extra), {"x.csv": table}, written=tuple(written))


def cells(rng: random.Random) -> Case:
    """Cells of a table that are no numbers."""
    bad = rng.choice(WORDS + NUMBERS)
    table = _csv(["a", "b", "y"], lambda i, j: bad if (i, j) == (7, 1) else str((i + j * i) % 9))
    command = rng.choice([("tune",), ("run", "--data"), ("predict", "model.json")])
    target = () if command[0] == "predict" else ("--target", "y")
    return Case((*command, "x.csv", *target), {"x.csv": table, "model.json": BASIC["model.json"]})


def _damaged(rng: random.Random, whole: bytes) -> bytes:
    deep = rng.choice([b"[", b'{"a":', b"[[1],", b"a = [", b"[a."]) * 100_000
    at = rng.randrange(len(whole))
    return rng.choice([
        *(b"", b"\x00", b"\xff\xfe", deep, b"\x80\x04\x95", b"PK\x03\x04", b"null", b"[]", b"3"),
        *(whole[:at], whole[:at] + bytes([rng.randrange(256)]) + whole[at:], whole * 2),
        *(whole.replace(b"1", b"9" * 5000), whole.replace(b"0", b"NaN")),
        *(whole.replace(b"0.1", b"1e999"), whole.replace(b"y", b"\\u0000")),
        *(whole.replace(b"y", b"\\ud800"), whole.decode().encode("utf-16")),
        b"\xef\xbb\xbf" + whole,
    ])  # fmt: skip


VALUES: list[object] = [None, [], {}, "", "x", -1, 0, 10**30, 1e308, True, [[]], {"a": 1}, [None],
                        [1e308, 1e308], ["a", "a"], ["y"], "\x1b[2J", [float("nan")], LONG,
                        float("inf"), ["a", "b", "c"], "[/x]", "\ud800"]  # fmt: skip


def models(rng: random.Random) -> Case:
    whole: bytes
    if rng.random() < 0.5:
        whole = _damaged(rng, BASIC["model.json"])
    else:
        changed = {rng.choice(MODEL_KEYS): rng.choice(VALUES) for _ in range(rng.randint(1, 2))}
        whole = _json(MODEL | changed)
    return Case(("predict", "model.json", "t.csv", *rng.choice([(), ("--format", "json")])),
                {"t.csv": TABLE, "model.json": whole})  # fmt: skip


SETTINGS = ("lambda", "epochs", "lr", "seed", "penalty", "optimizer", "data", "betas", "batch_size",
            "penalty_factors", "shuffle", "l1_ratio", "decay", "init_std", "momentum")  # fmt: skip


def experiments(rng: random.Random) -> Case:
    plain: dict[str, object] = {"epochs": 2, "lambda": [0.1, 1], "data": {"source": "synthetic"}}
    kind = rng.choice(["json", "toml"])
    text = b"epochs = 2\nlambda = [0.1, 1]\n[data]\nsource = 'synthetic'\n"
    if rng.random() < 0.5:
        whole = _damaged(rng, _json(plain) if kind == "json" else text)
    else:
        kind, name = "json", rng.choice(SETTINGS)
        value = rng.choice(VALUES)
        whole = _json(plain | {name: value})
        if rng.random() < 0.3:
            inner = rng.choice(["num_train", "num_inputs", "source", "weight", "target", "drop"])
            whole = _json(plain | {"data": {"source": "synthetic", inner: value}})
    command = rng.choice([("run",), ("sweep", "--lambdas", "1"), ("parity", "--backends", "numpy")])
    return Case((*command, "--experiment", f"e.{kind}"), {f"e.{kind}": whole})


def variables(rng: random.Random) -> Case:
    name, value = rng.choice([
        *[("WEIGHTDECAY_BACKEND", word) for word in ("\x1b[31m", LONG, "[/x]", "torhc", "\udcff")],
        *[("COLUMNS", word) for word in ("1", "0", "-5", "9" * 5000, "x", "100000", "")],
        *[("WEIGHTDECAY_TORCH_PYTHON", word) for word in ("", "/", "\x1b[2J", LONG, "/bin/false")],
        *[("WEIGHTDECAY_ENVIRONMENTS", word) for word in ("", "/dev/null", "\x1b[2J", LONG)],
        *[("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "\x1b"), ("HOME", None), ("LANG", "C")],
        *[("FORCE_COLOR", ""), ("LINES", "x"), ("TMPDIR", "/no"), ("XDG_DATA_HOME", "\x1b[2J")],
    ])  # fmt: skip
    command = rng.choice([
        ("run", "--epochs", "2"), ("backends",), ("env", "list"), ("env", "remove", "torch"),
        ("tune", "t.csv", "--target", "y", "--lambdas", "1"), ("env", "list", "--format", "json"),
        ("sweep", "--epochs", "2", "--lambdas", "1,2"), ("run", "--backend", "torch"),
    ])  # fmt: skip
    return Case(command, dict(BASIC), {name: value})


def outputs(rng: random.Random) -> Case:
    """Files that cannot be written, or must not be."""
    command, option, ending = rng.choice([
        (("run", "--epochs", "2"), "--plot", ".svg"),
        (("run", "--epochs", "2"), "--save-experiment", ".toml"),
        (("sweep", "--epochs", "2", "--lambdas", "1,2"), "--save-experiment", ".toml"),
        (("tune", "t.csv", "--target", "y", "--lambdas", "1", "--no-compare"), "--out", ".json"),
        (("predict", "model.json", "t.csv"), "--out", ".csv"),
    ])  # fmt: skip
    name = rng.choice([
        *("nowhere/x", "t.csv/x", "/proc/x", "/dev/x", "x" * 300, "x\n", "x\x1b[2J", "", "\udcff"),
        *("folder", "readonly", "pipe", "circle", "-x", " ", "[bold]x", "../" * 2000 + "x"),
        "./" * 900 + "x",
    ])  # fmt: skip
    return Case((*command, f"{option}={name}{ending}"), dict(BASIC), written=(f"{name}{ending}",))


SOURCES = [
    "torch.optim.SGD(lr=" + "-" * 20_000 + "1)", "Ridge(alpha=" + "(" * 5000 + "1" + ")" * 5001,
    "Ridge(alpha=" + "9" * 5000 + ")", "Ridge(alpha=1e400)", "Ridge(alpha='\x1b[2J')", LONG, "(",
    "Ridge(alpha=9**9**9)", "Ridge(alpha=nan)", "Ridge(**{})", "\x1b[31m", "Ridge(alpha=1\x01)", "",
    "lambda: 0", "Ridge(" + "a=1," * 5000 + ")", "WeightDecay(lambd=3, lr=1_0)", "Ridge([/x])",
    "x" * 300 + "(1)", "Ridge(alpha=1)(2)", "Ridge(alpha=1).fit(X, y)", ";" * 10_000, "\u202eR(1)",
    "sklearn.linear_model.Lasso(alpha=" + "1+" * 20_000 + "1)",
]  # fmt: skip
FACTORIES = [
    ":foo", "..:x", "a:", "os:getcwd", "os.path", ".", "", "[/x]", "\x1b[2J:x", "a b:c", LONG,
    "json:loads", "torch", "keras.optimizers.", "optax.λ", "os:nope", "t.csv",
    "a" * 300 + ":f",
]  # fmt: skip
SET = ["lr=" + "-" * 20_000 + "1", "lr=", "=", "lr=" + "(" * 9000, "lr=" + "9" * 5000, "x=\x1b[2J",
       "lr=[1,", "lr={}", "a.b=1", "\x1b=1", "lr=1e999", "lr=" + "[" * 500 + "]" * 500]  # fmt: skip


def programs(rng: random.Random) -> Case:
    if rng.random() < 0.5:
        to = rng.choice(["book", "sklearn"])
        return Case(("translate", rng.choice(SOURCES), "--to", to, "--n=100"))
    if rng.random() < 0.6:
        return Case(("audit", rng.choice(FACTORIES)))
    return Case(("audit", "json:loads", "--set", rng.choice(SET)))


def paths(rng: random.Random) -> Case:
    """Files to read that are none."""
    name = rng.choice([
        *("x" * 300, "nowhere", "folder", "pipe", "/dev/zero", "/dev/null", "circle"),
        *("\x1b[2J", "[/x]", "*", "t[1]", "\udcff", "../" * 3000, " ", "a\nb", "~", "$HOME", LONG),
    ])  # fmt: skip
    ending = rng.choice(["", ".csv", ".parquet", ".npz", ".json", ".toml", ".tsv", ".CSV"])
    command = rng.choice([
        ("tune", "{}", "--target", "y"), ("run", "--data", "{}", "--target", "y"),
        ("predict", "{}", "t.csv"), ("predict", "model.json", "{}"), ("run", "--experiment", "{}"),
        ("parity", "--experiment", "{}"), ("compare-remedies", "--data", "{}", "--target", "y"),
    ])  # fmt: skip
    return Case(tuple(part.replace("{}", name + ending) for part in command), dict(BASIC))


KINDS: tuple[Draw, ...] = (numbers, words, columns, cells, models, experiments, variables, outputs,
                           programs, paths)  # fmt: skip


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """So many bad inputs, the same ones for the same seed, kind by kind in turn."""
    rng = random.Random(seed)
    for i in range(count):
        yield KINDS[i % len(KINDS)](rng)
