"""Verifiers judge samples; they never see gold answers, clients or ledgers.

Each is a file of its own, which loads when its name is first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.verifiers.base import Verdict, Verifier
    from tts_agent.verifiers.exact import Checked, ExactChecker
    from tts_agent.verifiers.function import FunctionVerifier

_MODULES = {
    "Checked": "exact",
    "ExactChecker": "exact",
    "FunctionVerifier": "function",
    "Verdict": "base",
    "Verifier": "base",
}

__all__ = ["Checked", "ExactChecker", "FunctionVerifier", "Verdict", "Verifier"]

__getattr__ = lazy_exports(__name__, _MODULES)
