"""The errors a user can meet, each with the exit code of the command line."""


class WhetError(Exception):
    """A one-line message: what was found, what was expected, what to do."""

    exit_code = 1


class Failed(WhetError):
    """The work itself failed."""


class WrongOption(WhetError):
    """Wrong usage or configuration."""

    exit_code = 2


class WrongArtifact(WhetError):
    """An input is missing, unfinished, damaged or of the wrong kind."""

    exit_code = 3


class Stopped(WhetError):
    """Stopped before the end; the draft is kept and the same command goes on."""

    exit_code = 75


class DraftGone(WhetError):
    """Another process published (or removed) the draft this process worked on."""

    exit_code = 75
