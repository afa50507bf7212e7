"""``python -m weightdecay``."""

from weightdecay.cli import main

if __name__ == "__main__":
    main()
