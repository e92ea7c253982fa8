"""What tests of the lab share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tts_agent.evaluation.banks import Bank, bank_folder, find_bank, load_bank

Recorded = Callable[[str], Bank]


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    """Loads a recorded bank by name; the test is skipped where there are none."""
    if bank_folder() is None:
        pytest.skip("no recorded banks on this machine: set TTS_AGENT_BANKS")
    return lambda name: load_bank(find_bank(name))
