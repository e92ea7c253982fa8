"""Sequential refinement."""

import random
from collections.abc import Callable, Sequence

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, ToolCall, assistant, user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.stopping.refinement import limit
from tts_agent.strategies import SequentialRefinement
from tts_agent.strategies.sequential_refinement import plain_feedback
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier, Verdict

WRONG = Verdict(0.0)
RIGHT = Verdict(1.0, accepted=True)


def judge(**verdicts: Verdict) -> FunctionVerifier:
    """Judges answers a, b, c, ... as told, and others wrong."""

    def verdict(step: Step, sample: Sample) -> Verdict:
        return verdicts.get(sample.text[-2], WRONG)

    return FunctionVerifier(verdict)


def turns(strategy: SequentialRefinement, replies: Sequence[SampleBatch]) -> list[tuple[str, ...]]:
    """What stood after the question in each request."""
    played = play(strategy, replies)
    return [tuple(message.content for message in ask.request.messages[1:]) for ask in played.asked]


def test_a_right_first_attempt_is_not_touched() -> None:
    outcome = play(SequentialRefinement(judge(a=RIGHT)), [batch("a")]).outcome
    assert (outcome.stop, outcome.answer, outcome.accepted) == ("accepted", "a", True)


def test_a_wrong_attempt_goes_back_with_what_is_wrong() -> None:
    refine = SequentialRefinement(judge(a=Verdict(0.0, feedback="Carry the one."), b=RIGHT))
    played = play(refine, [batch("a"), batch("b")])
    messages = played.asked[1].request.messages
    assert messages == (*STEP.messages, assistant("The answer is a."), user("Carry the one."))
    assert played.outcome.answer == "b"
    assert played.outcome.samples == batch("a", "b").samples
    assert played.outcome.votes == {"a": 1, "b": 1}


def refusing(attempt: Sample) -> Sequence[Message]:
    """What stands after the question once the verifier has refused this attempt."""
    refuse = FunctionVerifier(lambda step, sample: Verdict(0.0, feedback="Not so."))
    played = play(SequentialRefinement(refuse, 1), [SampleBatch((attempt,)), NO_BUDGET])
    return played.asked[1].request.messages[1:]


def test_tool_calls_that_were_refused_go_back_as_text_and_never_as_calls_that_want_results() -> None:
    calls = (ToolCall("search", '{"q": "x", "n": 1}', id="7"), ToolCall("stop", ""))
    shown = 'search({"n":1,"q":"x"})\nstop({})'
    assert refusing(Sample("", "tool_calls", calls)) == (assistant(shown), user("Not so."))
    both = refusing(Sample("I look it up.", "tool_calls", calls))
    assert both == (assistant(f"I look it up.\n{shown}"), user("Not so."))


def test_a_tool_call_that_is_no_json_goes_back_as_it_was_written() -> None:
    broken = Sample("", "tool_calls", (ToolCall("search", '{"q": ', valid=False),))
    assert refusing(broken)[0] == assistant('search({"q": )')


def test_after_an_empty_attempt_the_question_is_asked_again() -> None:
    assert refusing(Sample(" ")) == ()


def test_without_words_of_the_verifier_the_strategy_has_its_own() -> None:
    located = Verdict(0.0, wrong_at=3)
    assert "step 3" in plain_feedback(located)
    assert "wrong" in plain_feedback(WRONG)
    refine = SequentialRefinement(judge(a=located, b=RIGHT), feedback=lambda verdict: f"wrong at {verdict.wrong_at}")
    assert turns(refine, [batch("a"), batch("b")])[1] == ("The answer is a.", "wrong at 3")


def test_an_attempt_that_went_astray_earlier_is_dropped() -> None:
    refine = SequentialRefinement(judge(a=Verdict(0.0, wrong_at=3), b=Verdict(0.0, wrong_at=1)), max_rounds=2)
    asked = turns(refine, [batch("a"), batch("b"), batch("c")])
    assert [turn[0] for turn in asked[1:]] == ["The answer is a.", "The answer is a."]


def test_the_higher_score_is_refined_further() -> None:
    refine = SequentialRefinement(judge(a=Verdict(0.2), b=Verdict(0.6), c=Verdict(0.4)), max_rounds=3)
    asked = turns(refine, [batch("a"), batch("b"), batch("c"), batch("d")])
    assert [turn[0][-2] for turn in asked[1:]] == ["a", "b", "b"]


def test_of_equally_bad_attempts_the_latest_is_refined_even_if_the_verifier_says_the_same_twice() -> None:
    asked = turns(SequentialRefinement(judge(), max_rounds=2), [batch("a"), batch("b"), batch("c")])
    assert [turn[0][-2] for turn in asked[1:]] == ["a", "b"]


def test_it_stops_after_the_most_rounds_with_the_best_attempt() -> None:
    refine = SequentialRefinement(judge(b=Verdict(0.5)), max_rounds=2)
    outcome = play(refine, [batch("a"), batch("b"), batch("c")]).outcome
    assert (outcome.stop, outcome.answer, outcome.accepted, outcome.p_correct) == ("rounds", "b", False, 0.5)


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_it_keeps_the_best_attempt_when_no_more_come(reply: SampleBatch, stop: str) -> None:
    outcome = play(SequentialRefinement(judge()), [batch("a"), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "a")
    assert play(SequentialRefinement(judge()), [reply]).outcome == Outcome("sequential_refinement", outcome.stop)


def test_it_starts_from_the_best_of_what_was_drawn_before() -> None:
    step = STEP.with_drawn((says("a"), says("b")))
    played = play(SequentialRefinement(judge(b=Verdict(0.5)), max_rounds=1), [batch("c")], step)
    assert played.asked[0].request.messages[1] == assistant("The answer is b.")
    assert len(played.outcome.samples) == 3


@pytest.mark.parametrize("rounds", [1, 3, 12])
def test_rounds_that_nobody_can_judge_converge_to_the_share_of_fixes(rounds: int) -> None:
    """P(right) after t rounds is L + (p - L) (1 - f - r) ** t with L = f / (f + r)."""
    p, fix, broken, rng = 0.9, 0.3, 0.2, random.Random(rounds)

    def model(ask: Generate) -> SampleBatch:
        chance = p
        if len(ask.request.messages) > 1:
            chance = 1.0 - broken if ask.request.messages[1].content == "4" else fix
        return SampleBatch((Sample("4" if rng.random() < chance else "5"),))

    refine = SequentialRefinement(FunctionVerifier(lambda step, sample: WRONG), rounds)
    share, tolerance = rate([simulate(refine, model, PLAIN).outcome.answer == "4" for _ in range(800)])
    ends = limit(fix, broken)
    assert share == pytest.approx(ends + (p - ends) * (1.0 - fix - broken) ** rounds, abs=tolerance)


def test_a_verifier_that_knows_keeps_what_was_fixed() -> None:
    """Wrong after t rounds with (1 - p) (1 - f) ** t: nothing is broken where refinement stops at success."""
    p, fix, rounds, rng = 0.3, 0.25, 4, random.Random(0)

    def model(ask: Generate) -> SampleBatch:
        chance = p if len(ask.request.messages) == 1 else fix
        return SampleBatch((Sample("4" if rng.random() < chance else "5"),))

    exact = FunctionVerifier(lambda step, sample: sample.text == "4")
    refine = SequentialRefinement(exact, rounds)
    share, tolerance = rate([simulate(refine, model, PLAIN).outcome.answer == "4" for _ in range(800)])
    assert share == pytest.approx(1.0 - (1.0 - p) * (1.0 - fix) ** rounds, abs=tolerance)


def test_no_round_is_no_refinement() -> None:
    with pytest.raises(ConfigurationError, match="at least one round"):
        SequentialRefinement(judge(), 0)


@pytest.mark.parametrize("make", [judge, lambda: judge(**{"4": RIGHT})], ids=["never", "soon"])
def test_it_keeps_the_contract(make: Callable[[], FunctionVerifier]) -> None:
    check_strategy(lambda: SequentialRefinement(make(), 2))
