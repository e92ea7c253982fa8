"""The known-p oracle."""

from dataclasses import dataclass, field, replace

import pytest

from tts_agent.budget import Budget, BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import Decision, KnownPassRate, Thresholds
from tts_agent.step import Step
from tts_agent.strategies import SelfConsistency, Single

RATES = {"easy": 1.0, "hard": 0.1, "hopeless": 0.0}


@dataclass(frozen=True)
class Listening:
    """Remembers the beliefs it is asked with."""

    beliefs: list[Beta | None] = field(default_factory=list)

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        self.beliefs.append(step.difficulty)
        return Decision(Single(), "")


@pytest.mark.parametrize(("text", "mean"), [("easy", 0.995), ("hard", 0.1), ("hopeless", 0.005)])
def test_the_policy_is_told_the_truth_whatever_was_estimated(text: str, mean: float) -> None:
    policy = Listening()
    oracle = KnownPassRate(RATES, policy, concentration=100.0)
    step = Step((user(text),))
    oracle.decide(step, Budget().view())
    oracle.decide(replace(step, difficulty=Beta(3.0, 3.0)), Budget().view())
    for belief in policy.beliefs:
        assert belief is not None
        assert belief.mean == pytest.approx(mean)
        assert belief.concentration == pytest.approx(100.0)


def test_the_decision_is_the_policys() -> None:
    oracle = KnownPassRate(RATES, Thresholds())
    assert isinstance(oracle.decide(Step((user("easy"),)), Budget().view()).strategy, Single)
    assert isinstance(oracle.decide(Step((user("hard"),)), Budget().view()).strategy, SelfConsistency)


def test_by_default_it_decides_by_marginal_value_and_probes_first() -> None:
    assert KnownPassRate(RATES).decide(Step((user("easy"),)), Budget().view()).strategy is None


def test_an_unknown_question_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no pass rate of the question 'new'"):
        KnownPassRate(RATES).decide(Step((user("new"),)), Budget().view())


@pytest.mark.parametrize(("rate", "concentration"), [(1.1, 10.0), (-0.1, 10.0), (0.5, 1.0), (0.5, float("nan"))])
def test_senseless_settings_are_refused(rate: float, concentration: float) -> None:
    with pytest.raises(ConfigurationError, match="rates must be between"):
        KnownPassRate({"?": rate}, concentration=concentration)
