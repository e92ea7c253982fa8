"""A model as judge of pairs of replies."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import Verdict
from tts_agent.verifiers.pairwise_judge import OrderBias, PairwiseJudge

STEP = Step((user("Say a large number."),))


def larger(request: SampleRequest, index: int) -> str:
    """Prefers the larger number."""
    one, other = (int(number) for number in re.findall(r"^\d+$", request.messages[-1].content, re.MULTILINE))
    return f"Compared.\nBetter: {'tie' if one == other else 1 if one > other else 2}"


def scores(judge: PairwiseJudge, sampler: ScriptedSampler, *texts: str) -> list[float]:
    verdicts: Sequence[Verdict] = run_sync(
        Driver(sampler, CheckedBudget()).run(judge.verify(STEP, [Sample(text) for text in texts]))
    )
    assert not any(verdict.accepted for verdict in verdicts)
    return [verdict.score for verdict in verdicts]


def test_a_round_robin_scores_the_share_of_points() -> None:
    sampler = ScriptedSampler(larger)
    assert scores(PairwiseJudge(), sampler, "20", "30", "10") == [0.5, 1.0, 0.0]
    assert len(sampler.calls) == 3 * 2


@pytest.mark.parametrize("n", range(2, 10))
def test_a_knockout_finds_the_best_in_as_few_calls_as_it_says(n: int) -> None:
    sampler, numbers = ScriptedSampler(larger), [11 * k % 13 + 10 for k in range(n)]
    found = scores(PairwiseJudge(matches="knockout"), sampler, *map(str, numbers))
    assert len(sampler.calls) == 2 * (n - 1)
    assert [number for number, score in zip(numbers, found, strict=True) if score == 1.0] == [max(numbers)]


@pytest.mark.parametrize("matches", ["round_robin", "knockout"])
def test_a_judge_that_looks_at_the_order_alone_decides_nothing(matches: str) -> None:
    judge = PairwiseJudge(matches=matches)  # type: ignore[arg-type]  # one of the two
    first, second = scores(judge, ScriptedSampler(lambda request, index: "Better: 1"), "10", "20")
    assert (first, second) == ((0.5, 0.5) if matches == "round_robin" else (1.0, 0.0))  # a tie keeps the earlier


def test_what_the_order_does_is_counted() -> None:
    samples = [Sample("10"), Sample("20"), Sample("30")]

    def bias(script: ScriptedSampler) -> OrderBias:
        return run_sync(Driver(script, CheckedBudget()).run(PairwiseJudge().order_bias(STEP, samples)))

    assert bias(ScriptedSampler(larger)) == OrderBias(consistent=3)
    assert bias(ScriptedSampler(lambda request, index: "Better: 1")) == OrderBias(first=3)
    assert bias(ScriptedSampler(lambda request, index: "Better: 2")) == OrderBias(second=3)
    assert bias(ScriptedSampler(lambda request, index: "Both are fine.")) == OrderBias(unread=3)
    assert str(OrderBias(1, 2) + OrderBias(second=3)).startswith("of 6 pairs 1 judged alike in both orders, 2 for the")


def test_equal_replies_share_their_score_and_a_lone_one_has_no_rivals() -> None:
    sampler = ScriptedSampler(larger)
    assert scores(PairwiseJudge(), sampler, "10", "20", "10") == [0.0, 1.0, 0.0]
    assert scores(PairwiseJudge(), ScriptedSampler([]), "10", "") == [0.5, 0.0]


@pytest.mark.parametrize("setting", [{"max_tokens": 0}, {"rubric": " "}, {"matches": "league"}])
def test_what_makes_no_sense_is_refused(setting: dict[str, int | str]) -> None:
    with pytest.raises(ConfigurationError):
        PairwiseJudge(**setting)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("matches", ["round_robin", "knockout"])
def test_it_keeps_the_contract(matches: str) -> None:
    check_verifier(lambda: PairwiseJudge(matches=matches, max_tokens=16))  # type: ignore[arg-type]  # one of the two
