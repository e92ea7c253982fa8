"""Always the same strategy."""

from tts_agent.budget import Budget
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.strategies import SelfConsistency


def test_it_chooses_its_strategy_whatever_the_step_without_a_probe() -> None:
    strategy = SelfConsistency()
    step = Step((user("?"),))
    for seen in (step, step.with_drawn((Sample("4"),)), Step((user("?"),), difficulty=Beta(9.0, 1.0))):
        decision = Fixed(strategy).decide(seen, Budget(1).view())
        assert decision.strategy is strategy
        assert decision.name == "self_consistency"
        assert decision.reason
