"""Verifiers judge samples; they never see gold answers, clients or ledgers.

Each is a file of its own, which loads when its name is first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.verifiers.agreement import AgreementVerifier
    from tts_agent.verifiers.all_of import AllOf
    from tts_agent.verifiers.any_of import AnyOf
    from tts_agent.verifiers.base import Verdict, Verifier
    from tts_agent.verifiers.cascade import Cascade
    from tts_agent.verifiers.exact import Checked, ExactChecker
    from tts_agent.verifiers.function import FunctionVerifier
    from tts_agent.verifiers.generative_reward_model import GenerativeRewardModel
    from tts_agent.verifiers.json_schema import JsonSchemaVerifier
    from tts_agent.verifiers.judge import Judge
    from tts_agent.verifiers.log_probability import LogProbability
    from tts_agent.verifiers.math_equivalence import MathEquivalence
    from tts_agent.verifiers.pairwise_judge import OrderBias, PairwiseJudge
    from tts_agent.verifiers.process_reward_model import ProcessRewardModel
    from tts_agent.verifiers.program_tests import ProgramTests
    from tts_agent.verifiers.rates import AcceptRates, measured, read_rates, write_rates
    from tts_agent.verifiers.regex import RegexVerifier
    from tts_agent.verifiers.reward_model import RewardModel
    from tts_agent.verifiers.scoring_endpoint import ScoringEndpoint
    from tts_agent.verifiers.tool_dry_run import ToolDryRun
    from tts_agent.verifiers.unit_tests import UnitTests
    from tts_agent.verifiers.weighted import Weighted

_MODULES = {
    "AcceptRates": "rates",
    "AgreementVerifier": "agreement",
    "AllOf": "all_of",
    "AnyOf": "any_of",
    "Cascade": "cascade",
    "Checked": "exact",
    "ExactChecker": "exact",
    "FunctionVerifier": "function",
    "GenerativeRewardModel": "generative_reward_model",
    "JsonSchemaVerifier": "json_schema",
    "Judge": "judge",
    "LogProbability": "log_probability",
    "MathEquivalence": "math_equivalence",
    "OrderBias": "pairwise_judge",
    "PairwiseJudge": "pairwise_judge",
    "ProcessRewardModel": "process_reward_model",
    "ProgramTests": "program_tests",
    "RegexVerifier": "regex",
    "RewardModel": "reward_model",
    "ScoringEndpoint": "scoring_endpoint",
    "ToolDryRun": "tool_dry_run",
    "UnitTests": "unit_tests",
    "Verdict": "base",
    "Verifier": "base",
    "Weighted": "weighted",
    "measured": "rates",
    "read_rates": "rates",
    "write_rates": "rates",
}

__all__ = [
    "AcceptRates",
    "AgreementVerifier",
    "AllOf",
    "AnyOf",
    "Cascade",
    "Checked",
    "ExactChecker",
    "FunctionVerifier",
    "GenerativeRewardModel",
    "JsonSchemaVerifier",
    "Judge",
    "LogProbability",
    "MathEquivalence",
    "OrderBias",
    "PairwiseJudge",
    "ProcessRewardModel",
    "ProgramTests",
    "RegexVerifier",
    "RewardModel",
    "ScoringEndpoint",
    "ToolDryRun",
    "UnitTests",
    "Verdict",
    "Verifier",
    "Weighted",
    "measured",
    "read_rates",
    "write_rates",
]

__getattr__ = lazy_exports(__name__, _MODULES)
