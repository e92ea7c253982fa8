"""A sandbox for Python programs that nobody trusts: no network, no files, no processes, limited in everything else.

docs/verifiers.md says what is defended against what, and what is not.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.verifiers.sandbox.limits import Limits
    from tts_agent.verifiers.sandbox.sandbox import ProgramRun, Sandbox, TestRun

__all__ = ["Limits", "ProgramRun", "Sandbox", "TestRun"]

__getattr__ = lazy_exports(
    __name__, {"Limits": "limits", "ProgramRun": "sandbox", "Sandbox": "sandbox", "TestRun": "sandbox"}
)
