"""What was promised stands beside what was measured, and nobody types a verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf

import pytest

from tests.evaluation.synthetic import simulated
from tts_agent.evaluation.acceptance import Line, acceptance
from tts_agent.evaluation.arms import LadderResult, Standing
from tts_agent.evaluation.calibration import Calibration
from tts_agent.evaluation.contenders import Contender, adaptive_consistency, self_consistency
from tts_agent.evaluation.lab import evaluate
from tts_agent.evaluation.lineup import OURS
from tts_agent.evaluation.published import Reproduced
from tts_agent.evaluation.report import Report
from tts_agent.evaluation.signals_table import SignalResult
from tts_agent.evaluation.suite import PARTS, Suite
from tts_agent.evaluation.suite_page import suite_page, suite_to_dict, why_not
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.evaluation.turns_report import TurnsReport

BANKS = [simulated(60), simulated(60, seed=1, name="other")]


def votes(contender: Contender = adaptive_consistency) -> Report:
    ours = {OURS: contender}
    results = [evaluate(trajectories(b, number=3), name=b.name, bank=b, contenders=ours) for b in BANKS]
    stream = evaluate(trajectories(*BANKS, number=3), name="mixed stream", contenders=ours)
    return Report(tuple(results), stream, "tts-agent replay --suite")


VOTES = votes()


def standing(name: str, ratio: float, *, cost: float = 0.5) -> Standing:
    return Standing(name, cost, cost, cost, ratio, ratio - 0.1, ratio + 0.1, (cost, 0.0), ratio)


def ladder(name: str, ours: float, *, router: float = 1.0, cheapest: float = 0.5) -> LadderResult:
    standings = (standing("random mixing", 1.0), standing("ours", ours), standing("length router", router))
    return LadderResult(name, 50, {"low": (cheapest, 1.0), "high": (0.9, 3.0)}, "high", 0.895, standings)


def run(name: str, after: float | None, *, shorter: float = 0.7, learned: float = 0.3) -> SignalResult:
    return SignalResult(name, 45, 300, True, 0.5, 0.6, shorter, after, after, after, 0.5, 0.3, learned, 0.7, 0.7, 0.6)


def suite(**changes: object) -> Suite:
    made = Suite(
        command="tts-agent replay --suite",
        parts=PARTS,
        votes=VOTES,
        published=(Reproduced("bank", "pass@1", 0.2, 0.3, 0.25),),
        signals=(run("one", 0.8), run("two", 0.9)),
        arms=(ladder("winning", 0.8),),
        turns=TurnsReport((), (), (), ()),
        left_out={"strange": "it cannot be voted on"},
        seconds={"votes": 600.0, "arms": 60.0},
        longest=100.0,
        wall=400.0,
        processes=2,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def line(lines: tuple[Line, ...], about: str) -> Line:
    (found,) = (each for each in lines if about in each.about)
    return found


def test_a_policy_that_is_no_better_than_tuned_ac_meets_what_it_meets_and_no_more() -> None:
    lines = acceptance(suite())
    assert line(lines, "tuned AC at 50 %").measured == "1.00 [1.00, 1.00]"
    assert line(lines, "tuned AC at 50 %").met is False
    assert line(lines, "tuned AC at full - .005").met is True
    assert line(lines, "each bank alone").met is True
    assert line(lines, "geometric mean over banks at 75 %").met is False
    assert line(lines, "published").met is True
    assert line(lines, "median AUROC").measured == "0.850 over 2 runs"
    assert line(lines, "learned sign follows").met is None
    assert line(lines, "P(the leader is right), held out").met is None


def test_a_worse_policy_is_named_with_bank_and_target() -> None:
    each = line(acceptance(suite(votes=votes(self_consistency))), "each bank alone")
    assert each.met is False
    assert "simulated at 50 %" in each.measured


@pytest.mark.parametrize(("ece", "met"), [(0.04, True), (0.06, False)])
def test_calibration_is_asked_of_large_banks(ece: float, met: bool) -> None:
    said = {"population": [Calibration(2, ece, 0.5, 0.5)], "Adaptive-Consistency": [Calibration(2, 0.05, 0.5, 0.5)]}
    bank = replace(VOTES.banks[0], questions=200, ece=said)
    lines = acceptance(suite(votes=replace(VOTES, banks=(bank, VOTES.banks[1]))))
    assert line(lines, "P(the leader is right), held out").met is met
    assert line(lines, "relative to Adaptive-Consistency's score").met is met


def test_where_the_sign_flips_it_has_to_be_followed() -> None:
    flipped = (run("one", 0.8, shorter=0.3), run("lost", 0.6, shorter=0.3, learned=-0.2))
    each = line(acceptance(suite(signals=flipped)), "learned sign follows")
    assert (each.met, each.measured) == (False, "1 of 2 such runs; not lost")


def test_a_ladder_that_loses_is_named_and_its_numbers_say_why() -> None:
    losing = ladder("losing", 1.0, cheapest=0.9)
    each = line(acceptance(suite(arms=(ladder("winning", 0.8), losing))), "read off held-out outcomes")
    assert (each.met, each.measured) == (False, "below on 1 of 2; not losing")
    assert why_not(ladder("winning", 0.8)) == ""
    assert "the cheapest arm alone reaches the target (0.900 to 0.895)" in why_not(losing)
    assert "50 questions do not tell" in why_not(losing)
    assert "no router or cascade is clearly below mixing there" in why_not(losing)
    assert "below mixing there: length router" in why_not(ladder("rival", 1.0, router=0.9))


def test_time_is_judged_for_the_whole_suite_only() -> None:
    assert line(acceptance(suite()), "time").met is True
    assert line(acceptance(suite(longest=1000.0)), "time").met is False
    assert line(acceptance(suite(parts=("votes",))), "time").met is None


def test_the_page_and_the_json_say_it_all_and_json_has_no_number_that_it_lacks() -> None:
    all_of_it = suite(arms=(ladder("losing", inf),))
    page, said = suite_page(all_of_it), suite_to_dict(all_of_it)
    for words in (
        "## Promised and measured",
        "| strange |",
        "# Votes",
        "# First-sample signals",
        "# Turns",
        "- losing:",
    ):
        assert words in page
    assert "nan" not in page
    assert json.loads(json.dumps(said, allow_nan=False))["arms"][0]["standings"][1]["to_mixing"] is None
    assert set(said) >= {"banks", "stream", "signals", "arms", "turns", "summary", "published", "seconds"}
    nothing = suite(votes=None, published=(), signals=None, arms=None, turns=None, left_out={})
    assert suite_to_dict(nothing)["banks"] == []
    assert "time of the whole suite" in suite_page(nothing)
