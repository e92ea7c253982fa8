"""The names of policies, and the objects they stand for: nothing else under `nodes/` knows a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.arguments import having, whole
from tts_agent.routing import Fixed, MarginalValue, Policy
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single
from tts_agent.verifiers import Verifier

PolicyName = Literal["auto", "single", "parallel", "sequential"]


def policy_of(policy: Policy | PolicyName, verifier: Verifier | None, max_samples: int) -> Policy:
    """The policy that is meant.

    auto: `MarginalValue`, which probes with one call and goes on as long as it pays. single: one call. parallel:
    `max_samples` at once, the best by the verifier if there is one, else the majority's. sequential: up to
    `max_samples` - 1 revisions of the first answer, until the verifier accepts.

    Raises:
        ConfigurationError: no such policy, or not with these settings.
    """
    whole(max_samples, "max_samples", least=1)
    having(verifier, "verifier", "verify")
    if not isinstance(policy, str):
        if not callable(getattr(policy, "decide", None)):
            raise _unknown(policy)
        if verifier is not None:
            raise ConfigurationError("a policy brings its own verifiers: give verifier= only beside the name of one")
        return policy
    if verifier is None:
        return _unverified(policy, max_samples)
    return _verified(policy, verifier, max_samples)


def _unverified(name: str, max_samples: int) -> Policy:
    match name:
        case "auto":
            return MarginalValue(max_samples=max_samples)
        case "single":
            return Fixed(Single())
        case "parallel":
            return Fixed(SelfConsistency(FixedSize(max_samples)))
        case "sequential":
            raise ConfigurationError("policy='sequential' needs a verifier: without one, revising does not help")
    raise _unknown(name)


def _verified(name: str, verifier: Verifier, max_samples: int) -> Policy:
    match name:
        case "auto":
            return MarginalValue(verifiers=_OfEveryKind(verifier), max_samples=max_samples)
        case "single":
            raise ConfigurationError("with policy='single' a verifier has nothing to choose from")
        case "parallel":
            return Fixed(BestOfN(verifier, FixedSize(max_samples)))
        case "sequential":
            if max_samples < 2:
                raise ConfigurationError(
                    "policy='sequential' needs max_samples of at least 2: an answer and a revision"
                )
            return Fixed(SequentialRefinement(verifier, max_samples - 1))
    raise _unknown(name)


def _unknown(policy: object) -> ConfigurationError:
    return ConfigurationError(f"policy is {policy!r}: give a policy or one of {', '.join(get_args(PolicyName))}")


@dataclass(frozen=True, slots=True)
class _OfEveryKind(Mapping[str, Verifier]):
    """The same verifier whatever the class of step."""

    verifier: Verifier

    def __getitem__(self, kind: str) -> Verifier:
        return self.verifier

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
