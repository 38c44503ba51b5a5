"""The errors that a user can meet; the command line turns each into one line and an exit status."""


class GenclError(Exception):
    """Something failed while running: damaged data, a full disk, a loss that became NaN (exit status 1)."""

    exit_status = 1


class UsageError(GenclError):
    """Something was asked for wrongly: an unknown name, a value out of range (exit status 2)."""

    exit_status = 2


class NotWritten(GenclError):
    """A file could not be written: the disk is full, or the folder is read-only."""


class Interrupted(GenclError):
    """The run was asked to stop (SIGINT or SIGTERM) and did so after writing a checkpoint."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_status = 128 + signal_number
