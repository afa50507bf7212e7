"""``python -m tests.hostile --count 500``: bad inputs, and those that are answered badly."""

from __future__ import annotations

import argparse
import sys

from tests.hostile.answering import LIMIT, ask, faults, prepare
from tests.hostile.drawing import cases


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one answer")
    given = parser.parse_args()
    prepare()
    bad = 0
    for case in cases(given.count, given.seed):
        answer = ask(case, given.limit)
        wrong = faults(case, answer)
        bad += bool(wrong)
        if wrong:
            print(f"{'; '.join(wrong)}\n  {case}\n  {answer.err[-300:]!r}")
    print(f"{given.count - bad} of {given.count} bad inputs were answered as they should be")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
