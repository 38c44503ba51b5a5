"""The errors that users may see. The command line prints each as one line and exits with its status."""


class GenclError(Exception):
    """Something failed while running: damaged data, a full disk, a loss that became NaN (exit status 1)."""

    exit_status = 1


class UsageError(GenclError):
    """The user's request is invalid: an unknown name, a value out of range (exit status 2)."""

    exit_status = 2


class NotWritten(GenclError):
    """A file could not be written: the disk is full, or the folder is read-only."""


class Interrupted(GenclError):
    """The run stopped on a signal (SIGINT, SIGTERM or SIGHUP) after writing a checkpoint. Status: 128 + signal."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_status = 128 + signal_number
