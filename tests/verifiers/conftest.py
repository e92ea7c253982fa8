"""Tests that run programs need a machine that can sandbox them."""

import os
import sys

import pytest

from tts_agent.exceptions import ConfigurationError


@pytest.fixture(scope="session")
def needs_sandbox() -> None:
    """Skips where nothing can be sandboxed. Where `CI` is set, that is a failure on Linux."""
    from tts_agent.verifiers.sandbox import Sandbox

    try:
        Sandbox()
    except ConfigurationError as refusal:
        if os.environ.get("CI") and sys.platform == "linux":
            raise
        pytest.skip(str(refusal))
