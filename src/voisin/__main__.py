"""``voisin`` and ``python -m voisin``."""

import sys


def main() -> None:
    """Run the program; Ctrl-C ends it quietly even before it has begun."""
    try:
        from voisin.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
