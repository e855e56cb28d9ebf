"""Errors that a user can mend, each with its exit code.

Every message is one line that names the file, the key or the value, and says what is allowed. ``cli.py`` prints it on
stderr and exits with the class's ``exit_code``. Anything else that is raised is a full disk, too little memory, or a
defect of this package; ``commands/_net.py`` turns it into one line as well.
"""


class Ex3Error(Exception):
    """Base of them all."""

    exit_code = 1


class CheckFailedError(Ex3Error):
    """The package's own check of itself failed."""

    exit_code = 1


class ConfigError(Ex3Error):
    """A config file, a ``--set`` or an option holds something that is not allowed."""

    exit_code = 2


class DataError(Ex3Error):
    """A data set, a model or an optional part is missing or bad."""

    exit_code = 3


class WriteError(Ex3Error):
    """A result cannot be written."""

    exit_code = 4


class DivergedError(Ex3Error):
    """The loss became infinite or not a number."""

    exit_code = 5


class ClaimError(Ex3Error):
    """A claim of the answers contradicts the results, or the written answers are out of date."""

    exit_code = 5


class ExperimentError(Ex3Error):
    """An experiment of ``reproduce`` failed."""

    exit_code = 5


class WorkerError(Ex3Error):
    """Worker processes were killed again and again."""

    exit_code = 6


class StoppedError(Ex3Error):
    """The user pressed Ctrl-C; the message says how to go on."""

    exit_code = 130
