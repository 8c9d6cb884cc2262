"""The command line: one function a command, and no logic."""
