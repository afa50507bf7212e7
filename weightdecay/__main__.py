"""``python -m weightdecay``, and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt while it is still being imported is one as well."""
    try:
        from weightdecay.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("weightdecay: interrupted.\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
