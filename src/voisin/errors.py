"""All errors and warnings that this package raises on purpose.

VoisinError
├── InputError (ValueError)              the caller passed something that cannot be used
├── UnreadableImageError (ValueError)    one image cannot be decoded; the others can go on
├── MissingDependencyError (ImportError) an optional extra is not installed
├── ProjectError (RuntimeError)          the project folder is foreign, older or damaged
└── DownloadError (OSError)              a file could not be fetched or is not the one expected
ConvergenceWarning (UserWarning)         a solver stopped before reaching its tolerance
InputWarning (UserWarning)               the input can be used, but not quite as asked

A message names a setting in backticks, with its value or without: "`alpha=2` is outside (0, 1)".
The command line shows the option instead: "--alpha=2 is outside (0, 1)".
"""


class VoisinError(Exception):
    """Base of every error raised on purpose."""


class InputError(VoisinError, ValueError):
    """The caller passed something that cannot be used."""


class UnreadableImageError(VoisinError, ValueError):
    """One image cannot be decoded."""


class MissingDependencyError(VoisinError, ImportError):
    """An optional extra is not installed."""


class ProjectError(VoisinError, RuntimeError):
    """The project folder is foreign, older or damaged."""


class DownloadError(VoisinError, OSError):
    """A file could not be fetched, or is not the one expected."""


class ConvergenceWarning(UserWarning):
    """A solver stopped before reaching its tolerance."""


class InputWarning(UserWarning):
    """The input can be used, but not quite as asked."""
