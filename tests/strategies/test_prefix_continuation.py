"""Writing on from the steps that are right."""

import random
from dataclasses import replace
from functools import partial
from math import comb

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, play, rate, simulate
from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.effects import Generate
from tts_agent.embedded.defaults import embedded_step, embedded_verifiers
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.embedded.tasks import STEP_SEPARATOR
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant
from tts_agent.sampling import Sample, SampleBatch, Usage
from tts_agent.step import Outcome, Step
from tts_agent.strategies import PrefixContinuation, SequentialRefinement
from tts_agent.strategies.prefix_continuation import lines_before
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier, Verdict

LENGTH = 4


def check(step: Step, sample: Sample) -> Verdict:
    """Right is `LENGTH` lines of "ok"."""
    lines = sample.text.splitlines()
    wrong = next((at for at, line in enumerate(lines, start=1) if line != "ok"), None)
    return Verdict(float(wrong is None), accepted=wrong is None, wrong_at=wrong)


LINES = FunctionVerifier(check)


def refusing(said: Verdict, step: Step, sample: Sample) -> Verdict:
    return said


def text(*lines: str) -> SampleBatch:
    return SampleBatch((Sample("\n".join(lines), usage=Usage(5, len(lines)), raw="the endpoint's own"),))


def test_the_right_steps_begin_the_next_attempt() -> None:
    played = play(PrefixContinuation(LINES), [text("ok", "ok", "no", "ok"), text("ok", "ok")])
    assert played.asked[1].request.messages == (*STEP.messages, assistant("ok\nok"))
    outcome = played.outcome
    assert outcome.stop == "accepted"
    assert outcome.sample == Sample("ok\nok\nok\nok", usage=Usage(5, 2))
    assert outcome.sample.raw is None, "what the endpoint sent is not the whole reply"


def test_what_an_endpoint_wants_to_be_told_goes_with_continuations_only() -> None:
    told = {"continue_final_message": True}
    step = replace(STEP, options={"effort": "low"})
    played = play(PrefixContinuation(LINES, 1, options=told), [text("ok", "no"), text("ok")], step)
    assert [ask.request.options for ask in played.asked] == [{"effort": "low"}, {"effort": "low", **told}]


def test_the_longest_verified_prefix_is_kept() -> None:
    replies = [text("ok", "ok", "no"), text("no"), text("no"), text("ok")]
    played = play(PrefixContinuation(LINES, 3), replies)
    assert [ask.request.messages[1:] for ask in played.asked[1:]] == [(assistant("ok\nok"),)] * 3
    assert played.outcome.accepted


def test_where_nothing_is_right_or_located_the_round_is_a_fresh_attempt() -> None:
    for wrong_at in (1, None):
        said = Verdict(0.0, wrong_at=wrong_at)
        refuse = FunctionVerifier(partial(refusing, said))
        played = play(PrefixContinuation(refuse, 1), [text("no", "ok"), text("ok", "ok")])
        assert played.asked[1].request == STEP.request()
        assert played.outcome.samples == (*text("no", "ok").samples, *text("ok", "ok").samples)


@pytest.mark.parametrize(
    ("prefix", "continuation", "whole"),
    [
        ("47+38=85 ; ", "85-19=66", "47+38=85 ; 85-19=66"),
        ("a ", " b", "a b"),
        ("wo", "rd", "word"),
        ("a\n", "b", "a\nb"),
    ],
)
def test_prefix_and_continuation_join_as_one_text(prefix: str, continuation: str, whole: str) -> None:
    refuse = FunctionVerifier(lambda step, sample: Verdict(0.0, wrong_at=2))
    strategy = PrefixContinuation(refuse, 1, lambda text, wrong_at: prefix)
    outcome = play(strategy, [text("x"), text(continuation)]).outcome
    assert outcome.samples[1].text == whole


@pytest.mark.parametrize(("wrong_at", "before"), [(1, ""), (2, "a\n\n"), (3, "a\n\nb\n"), (9, "a\n\nb\n c")])
def test_lines_are_counted_without_the_blank_ones(wrong_at: int, before: str) -> None:
    assert lines_before("a\n\nb\n c", wrong_at) == before


def chain(rng: random.Random, right: float) -> list[str]:
    return ["ok" if rng.random() < right else "no" for _ in range(LENGTH)]


def test_success_within_r_rounds_is_negative_binomial_where_fresh_attempts_need_a_whole_run() -> None:
    s, rounds, rng = 0.6, 3, random.Random(4)

    def model(ask: Generate) -> SampleBatch:
        said = ask.request.messages[1:]
        done = len(said[0].content.splitlines()) if len(said) == 1 else 0
        return text(*chain(rng, s)[done:])

    def accuracy(strategy: PrefixContinuation | SequentialRefinement) -> tuple[float, float]:
        return rate([bool(simulate(strategy, model, PLAIN).outcome.accepted) for _ in range(800)])

    share, tolerance = accuracy(PrefixContinuation(LINES, rounds))
    assert share == pytest.approx(
        sum(comb(LENGTH + k - 1, k) * s**LENGTH * (1.0 - s) ** k for k in range(rounds + 1)), abs=tolerance
    )
    fresh, tolerance = accuracy(SequentialRefinement(LINES, rounds))
    assert fresh == pytest.approx(1.0 - (1.0 - s**LENGTH) ** (rounds + 1), abs=tolerance)
    assert fresh + tolerance < share


async def test_the_embedded_model_writes_on_from_its_own_right_steps() -> None:
    """The question is one that this seed gets wrong in its sixth step."""

    def before(text: str, wrong_at: int) -> str:
        return "".join(step + STEP_SEPARATOR for step in text.split(STEP_SEPARATOR)[: wrong_at - 1])

    question = (
        "Start with 864, add 884, minus 607, add 589, subtract 419, minus 937, minus 35, subtract 165, add 579, "
        "take away 631, plus 819. What do you get?"
    )
    driver = Driver(EmbeddedSampler(), Budget())
    strategy = PrefixContinuation(embedded_verifiers()["chain"], prefix=before)
    outcome = await driver.run(strategy.run(embedded_step(question, seed=0)))
    first, *_, last = outcome.samples
    assert (outcome.stop, outcome.answer, outcome.sample) == ("accepted", "941", last)
    assert last.text[:50] == first.text[:50]
    assert last.usage.output_tokens < first.usage.output_tokens, "only the rest was drawn anew"


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_best_attempt_stands_when_no_more_comes(reply: SampleBatch, stop: str) -> None:
    outcome = play(PrefixContinuation(LINES), [text("ok", "no"), reply]).outcome
    assert (outcome.stop, outcome.sample) == (stop, text("ok", "no").samples[0])
    assert play(PrefixContinuation(LINES), [reply]).outcome == Outcome("prefix_continuation", outcome.stop)


def test_no_round_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one round"):
        PrefixContinuation(LINES, 0)


def test_it_keeps_the_contract() -> None:
    located = FunctionVerifier(lambda step, sample: Verdict(0.0, wrong_at=2))
    check_strategy(lambda: PrefixContinuation(located, 2, lambda text, wrong_at: text[:6]))
    check_strategy(lambda: PrefixContinuation(LINES, 2))
