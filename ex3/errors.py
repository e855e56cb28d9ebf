"""What can go wrong for a user, each with its exit code.

Every message is one line that names the file, the key or the value, and says what is allowed. ``cli.py`` prints it on
stderr and exits with the class's ``exit_code``. Anything else that is raised is a defect of this package.
"""


class Ex3Error(Exception):
    """Base of all errors that a user can mend."""

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
    """The results do not bear out what the answers say."""

    exit_code = 5


class ExperimentError(Ex3Error):
    """One or several of many experiments failed."""

    exit_code = 5


class WorkerError(Ex3Error):
    """Processes that should compute were killed."""

    exit_code = 6


class StoppedError(Ex3Error):
    """The user pressed Ctrl-C, and there is more to say than that."""

    exit_code = 130
