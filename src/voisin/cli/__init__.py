"""The command line: one function a command, and no logic."""

from voisin.cli.app import main

__all__ = ["main"]
