"""Cascades."""

import asyncio
import random
from statistics import fmean

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, batch, play, rate, says
from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.samplers.panel import PanelSampler
from tts_agent.sampling import SampleRequest
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, Cascade, Rung, SelfConsistency, Single
from tts_agent.testing.conformance import check_strategy
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import FunctionVerifier

RIGHT = FunctionVerifier(lambda step, sample: sample.text == "The answer is 4.")
ONE = BestOfN(RIGHT, FixedSize(1))
LOW, HIGH = Rung(ONE, {"reasoning_effort": "low"}, max_tokens=4), Rung(ONE, {"reasoning_effort": "high"})


def test_an_accepted_answer_of_the_first_rung_ends_it() -> None:
    played = play(Cascade((LOW, HIGH)), [batch(4)])
    assert (played.asked[0].request.options, played.asked[0].request.max_tokens) == ({"reasoning_effort": "low"}, 4)
    assert (played.outcome.strategy, played.outcome.stop, played.outcome.answer) == ("cascade", "accepted", "4")


def test_else_the_next_rung_is_asked_and_the_last_one_is_believed() -> None:
    played = play(Cascade((LOW, HIGH)), [batch(5), batch(6)])
    assert [ask.request.options["reasoning_effort"] for ask in played.asked] == ["low", "high"]
    assert played.asked[1].request.max_tokens == STEP.max_tokens
    assert (played.outcome.answer, played.outcome.accepted, len(played.outcome.samples)) == ("6", False, 2)


def test_agreement_is_confidence_enough() -> None:
    voting = Cascade((Rung(SelfConsistency(FixedSize(3))), Rung(Single())), confident=0.7)
    assert len(play(voting, [batch(4, 4, 4)]).outcome.samples) == 3
    assert play(voting, [batch(4, 5, 6), batch(7)]).outcome.answer == "7"


def test_a_rung_whose_calls_fail_is_passed_over_and_an_ended_budget_ends_it() -> None:
    assert play(Cascade((LOW, HIGH)), [NO_LUCK, batch(4)]).outcome.answer == "4"
    stands = play(Cascade((LOW, HIGH)), [batch(5), NO_BUDGET]).outcome
    assert (stands.answer, stands.stop) == ("5", "budget")
    assert play(Cascade((LOW, HIGH)), [NO_BUDGET]).outcome == Outcome("cascade", "budget")
    assert play(Cascade((LOW, HIGH)), [NO_LUCK, NO_LUCK]).outcome == Outcome("cascade", "failed")


def test_samples_drawn_before_are_the_first_rungs() -> None:
    played = play(Cascade((LOW, HIGH)), [batch(4)], STEP.with_drawn((says(5),)))
    assert [ask.request.options["reasoning_effort"] for ask in played.asked] == ["high"]
    assert [sample.text for sample in played.outcome.samples] == ["The answer is 5.", "The answer is 4."]


def test_accuracy_and_tokens_over_models_follow_the_closed_form() -> None:
    """Real driver, ledger and panel: rungs with pass rates p_i, prices c_i, and a verifier that errs."""
    rates, words, accepts, rng = (0.5, 0.7, 0.9), (4, 12, 40), (0.9, 0.2), random.Random(5)

    def model(p: float, length: int) -> ScriptedSampler:
        def reply(request: SampleRequest, index: int) -> str:
            is_right = rng.random() < p
            accepted = rng.random() < accepts[0 if is_right else 1]
            head = f"{'right' if is_right else 'wrong'} {'yes' if accepted else 'no'}"
            return " ".join([head, *["so"] * (length - 2)])

        return ScriptedSampler(reply, name=f"model-{length}")

    panel = PanelSampler({str(n): model(p, n) for p, n in zip(rates, words, strict=True)})
    judge = BestOfN(FunctionVerifier(lambda step, sample: " yes" in sample.text), FixedSize(1))
    cascade = Cascade(tuple(Rung(judge, {"model": str(n)}) for n in words))
    step = Step((user("What?"),), max_tokens=50)

    async def once() -> tuple[bool, int]:
        budget = Budget()
        outcome = await Driver(panel, budget).run(cascade.run(step))
        assert outcome.sample is not None
        return outcome.sample.text.startswith("right"), budget.spent.tokens

    async def often() -> list[tuple[bool, int]]:
        return [await once() for _ in range(800)]

    results = asyncio.run(often())
    going, right, tokens = 1.0, 0.0, 0.0
    for p, n in zip(rates, words, strict=True):
        tokens += going * (1 + n)
        right += going * p * accepts[0]
        going *= 1.0 - (p * accepts[0] + (1.0 - p) * accepts[1])
    last = rates[-1]
    rejected_right = last * (1.0 - accepts[0]) / (last * (1.0 - accepts[0]) + (1.0 - last) * (1.0 - accepts[1]))
    share, tolerance = rate([is_right for is_right, _ in results])
    assert share == pytest.approx(right + going * rejected_right, abs=tolerance)
    spent = [spent for _, spent in results]
    spread = (sum((n - fmean(spent)) ** 2 for n in spent) / len(spent) ** 2) ** 0.5
    assert fmean(spent) == pytest.approx(tokens, abs=4.0 * spread)


def test_bad_settings_are_refused() -> None:
    for rungs, confident in (((), 0.9), ((LOW,), 0.0), ((LOW,), 1.1)):
        with pytest.raises(ConfigurationError, match="at least one rung"):
            Cascade(rungs, confident)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: Cascade((LOW, Rung(SelfConsistency(FixedSize(3))))))
    check_strategy(lambda: Cascade((Rung(SelfConsistency(FixedSize(2))), Rung(Single()))))
