"""``python -m voisin``."""

from voisin.cli import main

if __name__ == "__main__":
    main()
