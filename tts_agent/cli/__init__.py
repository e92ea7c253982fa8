"""The command line: `tts-agent COMMAND`."""

from __future__ import annotations

import sys

from tts_agent.exceptions import ConfigurationError, MissingExtraError, TTSAgentError

USAGE_ERROR = 2
RUN_TIME_ERROR = 1


def main() -> None:
    """Run the command line; every error of ours is one sentence on stderr and a non-zero exit code.

    2: something that was typed is wrong, and nothing was run. 1: it was right and failed at run time.
    """
    try:
        _run()
    except TTSAgentError as error:
        print(f"tts-agent: {error}", file=sys.stderr)
        sys.exit(USAGE_ERROR if isinstance(error, ConfigurationError) else RUN_TIME_ERROR)
    except KeyboardInterrupt:
        print("tts-agent: interrupted", file=sys.stderr)
        sys.exit(130)


def _run() -> None:
    try:
        from tts_agent.cli.app import app
    except ModuleNotFoundError as error:
        if error.name in ("typer", "rich"):
            raise MissingExtraError("the command line", "cli") from None
        raise
    app()
