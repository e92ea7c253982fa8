"""Verifiers judge samples; they never see gold answers, clients or ledgers."""

from tts_agent.verifiers.base import Verdict, Verifier
from tts_agent.verifiers.exact import Checked, ExactChecker
from tts_agent.verifiers.function import FunctionVerifier

__all__ = ["Checked", "ExactChecker", "FunctionVerifier", "Verdict", "Verifier"]
