"""Refusals: one sentence for the user and the exit code that scripts read."""

from __future__ import annotations

EXIT_FAULT = 1
EXIT_USAGE = 2
EXIT_IO = 74
EXIT_DATA = 78


class TrainerError(Exception):
    """A refusal; its text names the step, the subject, what was due and what came."""

    exit_code = EXIT_FAULT


class UsageError(TrainerError):
    """A flag cannot mean what it says."""

    exit_code = EXIT_USAGE


class OutputError(TrainerError):
    """A file cannot be read or a bundle cannot be written where it should go."""

    exit_code = EXIT_IO


class DataError(TrainerError):
    """The training set cannot give an honest model."""

    exit_code = EXIT_DATA


class ParityError(TrainerError):
    """The exported graph does not say what the library that trained it says: our fault."""
