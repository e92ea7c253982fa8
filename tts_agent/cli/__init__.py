"""The command line: `tts-agent COMMAND`."""

from __future__ import annotations

import errno
import sys

from tts_agent.exceptions import ConfigurationError, MissingExtraError, TTSAgentError

USAGE_ERROR = 2
RUN_TIME_ERROR = 1


def main() -> None:
    """Run the command line; every error of ours is one sentence on stderr and a non-zero exit code.

    2: something that was typed is wrong, and nothing was run. 1: it was right and failed at run time. What the
    operating system refuses on the way (no permission, a full disk) is such a sentence too.
    """
    try:
        _run()
    except TTSAgentError as error:
        print(f"tts-agent: {error}", file=sys.stderr)
        typed = isinstance(error, ConfigurationError) and not _full(error.__cause__)
        sys.exit(USAGE_ERROR if typed else RUN_TIME_ERROR)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"tts-agent: {place}{error.strerror or error}", file=sys.stderr)
        sys.exit(RUN_TIME_ERROR)
    except KeyboardInterrupt:
        print("tts-agent: interrupted", file=sys.stderr)
        sys.exit(130)


def _full(cause: BaseException | None) -> bool:
    """Whether a disk or a quota was full: what was typed is right, and goes through when there is room."""
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def _run() -> None:
    try:
        from tts_agent.cli.app import app
    except ModuleNotFoundError as error:
        if error.name in ("typer", "rich"):
            raise MissingExtraError("the command line", "cli") from None
        raise
    app()
