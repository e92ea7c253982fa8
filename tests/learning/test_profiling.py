"""Profiling: knees planted in a model are found, the cap holds, and a run that was killed pays for nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from random import Random

import pytest

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError, RequestRejected
from tts_agent.learning.draw_store import DrawStore
from tts_agent.learning.grading import Grading, exact
from tts_agent.learning.item import Item
from tts_agent.learning.profile_arms import ProfiledArm, ladder, single
from tts_agent.learning.profile_fit import fit
from tts_agent.learning.profiling import Profiled, Profiler
from tts_agent.messages import user
from tts_agent.sampling import SampleRequest
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import FunctionVerifier

VOTES = [single(), *ladder("self_consistency", [3, 5, 9, 17, 33])]


def items(number: int, kind: str = "mixed") -> list[Item]:
    return [Item(f"{kind} {n}", (user(f"{kind} question {n} ?"),), kind=kind, reference="4") for n in range(number)]


def passes(text: str) -> float:
    """Six of ten questions are answered right nine times of ten, the others four times: votes turn over."""
    return 0.9 if int(text.split()[-2]) % 10 < 6 else 0.4


def mixed(request: SampleRequest, index: int) -> str:
    """The answer is right with the planted probability; once told that it is wrong, three times of four."""
    question = request.messages[0].content
    rate = passes(question) if len(request.messages) == 1 else 0.75
    right = Random(f"{question} {len(request.messages)} {index}").random() < rate
    return f"The answer is {4 if right else 5}."


async def profile(
    path: Path,
    questions: list[Item],
    arms: list[ProfiledArm],
    sampler: ScriptedSampler | None = None,
    *,
    budget: Budget | None = None,
    checked: bool = False,
) -> Profiled:
    checker = FunctionVerifier(lambda step, sample: "4" in sample.text, name="four") if checked else None
    profiler = Profiler(arms, Grading("exact", exact()), 20, {}, checker, seed=1)
    with DrawStore(path, {"model": "scripted"}) as store:
        return await profiler.run(questions, sampler or ScriptedSampler(mixed), budget or Budget(), store)


async def test_a_turn_over_planted_in_a_model_is_found_and_holds_the_router(tmp_path: Path) -> None:
    done = await profile(tmp_path / "s.db", items(400), VOTES)
    (report,) = fit(done.items, VOTES, price=1e-4)
    found = report.whole.ladders["self_consistency"]
    assert abs(found.top.best - 1) <= 1  # three votes: 0.724 of 1, 3, 5, ... votes is the most (binomial tails)
    assert found.top.low <= 1 <= found.top.high
    assert found.turns_over
    assert found.knee.low <= 1 <= found.knee.high
    assert report.profile.most_samples == int(found.rungs[found.top.high].name.split()[1]) < 33
    assert report.profile.reference is not None
    assert report.profile.reference.mean == pytest.approx(0.7, abs=0.03)


async def test_rates_of_rounds_and_of_the_verifier_are_counted_where_truth_is_known(tmp_path: Path) -> None:
    arms = [single(), *ladder("best_of_n", [2, 4]), *ladder("sequential_refinement", [3])]
    done = await profile(tmp_path / "s.db", items(200), arms, checked=True)
    (report,) = fit(done.items, arms, price=1e-4)
    turns, rates = report.whole.turns, report.whole.rates
    assert turns is not None
    assert rates is not None
    assert turns.right == 0  # what is right was accepted, and never refined
    assert report.profile.fix_rate == pytest.approx(0.75, abs=0.1)
    assert (rates.right_rejected, rates.wrong_accepted) == (0, 0)
    low, high = turns.fix_rate.interval(0.999)
    assert low < 0.75 < high


async def test_which_of_parallel_and_sequential_wins_is_said_where_it_is_clear(tmp_path: Path) -> None:
    arms = [single(), *ladder("self_consistency", [3, 5]), *ladder("sequential_refinement", [2])]
    done = await profile(tmp_path / "s.db", items(200), arms, checked=True)
    (report,) = fit(done.items, arms, price=1e-5)
    assert report.whole.winner == "sequential"
    done = await profile(tmp_path / "s.db", items(200), VOTES[:2])
    (report,) = fit(done.items, VOTES[:2], price=1.0)
    assert report.whole.winner == "one call"


async def test_bins_by_predicted_difficulty_are_thirds_of_a_class(tmp_path: Path) -> None:
    done = await profile(tmp_path / "s.db", items(60), VOTES[:2])
    predicted = {each.item.id: passes(each.item.text) for each in done.items}
    (report,) = fit(done.items, VOTES[:2], 1e-4, predicted)
    assert [each.items for each in report.bins] == [20, 20, 20]
    assert report.bins[0].name == "hard (0.40-0.40)"


async def test_an_arm_costs_what_it_would_have_cost_alone_and_samples_are_drawn_once(tmp_path: Path) -> None:
    sampler = ScriptedSampler(mixed)
    done = await profile(tmp_path / "s.db", items(5), VOTES, sampler)
    assert len(sampler.samples) == 5 * 33
    assert done.spent.tokens == sum(sample.usage.total for sample in sampler.samples)
    for each in done.items:
        one = each.arms["single"].tokens
        assert each.arms["self_consistency 9"].tokens == 9 * one


async def test_the_budget_is_a_hard_cap_over_all_runs_and_further_runs_go_on(tmp_path: Path) -> None:
    sampler = ScriptedSampler(mixed)
    first = await profile(tmp_path / "s.db", items(12), VOTES, sampler, budget=Budget(1500))
    assert (first.stop, first.spent.tokens <= 1500) == ("budget", True)
    again = await profile(tmp_path / "s.db", items(12), VOTES, sampler, budget=Budget(1500))
    assert (again.stop, len(again.items) >= len(first.items)) == ("budget", True)
    assert sum(sample.usage.total for sample in sampler.samples) <= 1500
    rest = await profile(tmp_path / "s.db", items(12), VOTES, sampler, budget=Budget(100_000))
    assert (rest.stop, len(rest.items), len(sampler.samples)) == ("done", 12, 12 * 33)
    whole = await profile(tmp_path / "whole.db", items(12), VOTES)
    assert rest.items == whole.items


async def test_calls_that_fail_for_good_leave_out_their_items_alone(tmp_path: Path) -> None:
    def reply(request: SampleRequest, index: int) -> str | Exception:
        return RequestRejected("filtered") if "question 3 ?" in request.messages[0].content else mixed(request, index)

    done = await profile(tmp_path / "s.db", items(6), VOTES[:2], ScriptedSampler(reply))
    assert (done.stop, len(done.items)) == ("failed", 5)
    assert "filtered" in (done.last_error or "")


def test_a_store_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database, but long enough to be looked at" * 30)
    with pytest.raises(ConfigurationError, match="no SQLite file"):
        DrawStore(tmp_path / "notes.db", {})
    DrawStore(tmp_path / "a.db", {"model": "a"}).__exit__()
    with pytest.raises(ConfigurationError, match="another model"):
        DrawStore(tmp_path / "a.db", {"model": "b"})


KILLED = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_profiling import VOTES, items, mixed, profile
from tts_agent.testing.scripted import ScriptedSampler
calls = 0
def reply(request, index):
    global calls
    calls += 1
    if calls > int(sys.argv[3]):
        os.kill(os.getpid(), 9)
    return mixed(request, index)
asyncio.run(profile(Path(sys.argv[2]), items(8), VOTES, ScriptedSampler(reply)))
"""


@pytest.mark.parametrize("calls", [40, 150])
async def test_after_a_kill_the_same_is_measured_and_the_file_is_whole(tmp_path: Path, calls: int) -> None:
    path = tmp_path / "s.db"
    killed = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(path), str(calls)]
    process = await asyncio.create_subprocess_exec(*killed)
    assert await process.wait() == -9
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = database.execute("SELECT count(*) FROM draws").fetchone()[0]
    sampler = ScriptedSampler(mixed)
    resumed = await profile(path, items(8), VOTES, sampler)
    assert len(sampler.samples) == 8 * 33 - kept
    undisturbed = await profile(tmp_path / "whole.db", items(8), VOTES)
    assert resumed.items == undisturbed.items
    assert resumed.spent.tokens >= undisturbed.spent.tokens
