"""Labelling under caps, faults and kills."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tts_agent.budget import Amount, Budget, Tariff
from tts_agent.exceptions import RateLimited, RequestRejected, SamplerError
from tts_agent.learning.draws import Drawer
from tts_agent.learning.enough import Enough
from tts_agent.learning.grading import Grading, exact, judge
from tts_agent.learning.item import Item, items_hash
from tts_agent.learning.labelling import TRIES, Labelled, Labelling
from tts_agent.learning.progress import Progress
from tts_agent.learning.store import LabelStore
from tts_agent.learning.store_file import Settings
from tts_agent.learning.stored_labels import pass_counts
from tts_agent.messages import user
from tts_agent.sampling import Sampler, SampleRequest
from tts_agent.testing.scripted import Fault, ScriptedSampler

ITEMS = [Item(f"q{n}", (user(f"question {n}"),), reference="4") for n in range(6)]
EXACT = Grading("exact", exact())
FOUR = Enough(4, 4)


def half_right(request: SampleRequest, index: int) -> str:
    return "The answer is 4." if (index + len(request.messages[0].content)) % 2 else "The answer is 5."


async def label(
    path: Path,
    sampler: Sampler,
    *,
    enough: Enough = FOUR,
    budget: Budget | None = None,
    grading: Grading = EXACT,
    tariff: Tariff | None = None,
    batch: int = 1,
    concurrency: int = 3,
    seed: int | None = 1,
) -> Labelled:
    settings = Settings(sampler.name, items_hash(ITEMS), grading.name, 20, seed=seed)
    with LabelStore(path, settings, ITEMS) as store:
        drawer = Drawer(sampler, budget or Budget(), settings, grading)
        run = Labelling(ITEMS, drawer, store, enough, batch=batch, concurrency=concurrency, tariff=tariff)
        return await run.run()


async def test_every_question_gets_its_samples_and_every_token_is_counted(tmp_path: Path) -> None:
    sampler = ScriptedSampler(half_right)
    done = await label(tmp_path / "l.db", sampler)
    assert (done.stop, done.given_up, done.progress.samples) == ("done", 0, 24)
    assert pass_counts(tmp_path / "l.db") == {item.id: (2, 4) for item in ITEMS}
    assert done.progress.spent.tokens == sum(sample.usage.total for sample in sampler.samples)


@pytest.mark.parametrize("batch", [2, 3, 7])
async def test_the_size_of_a_call_changes_no_count(tmp_path: Path, batch: int) -> None:
    await label(tmp_path / "singles.db", ScriptedSampler(half_right), enough=Enough(5, 20, 0.4))
    await label(tmp_path / "batches.db", ScriptedSampler(half_right), enough=Enough(5, 20, 0.4), batch=batch)
    assert pass_counts(tmp_path / "batches.db") == pass_counts(tmp_path / "singles.db")


async def test_questions_that_disagree_get_more_samples(tmp_path: Path) -> None:
    def reply(request: SampleRequest, index: int) -> str:
        return half_right(request, index) if "5" in request.messages[0].content else "The answer is 4."

    await label(tmp_path / "l.db", ScriptedSampler(reply), enough=Enough(6, 24, 0.35))
    counts = pass_counts(tmp_path / "l.db")
    assert counts["q0"] == (6, 6)
    assert counts["q5"][1] > 12


async def test_the_budget_is_a_hard_cap_over_all_runs_and_cuts_no_sample_short(tmp_path: Path) -> None:
    sampler = ScriptedSampler(half_right)
    first = await label(tmp_path / "l.db", sampler, budget=Budget(100))
    second = await label(tmp_path / "l.db", sampler, budget=Budget(100))
    assert (first.stop, second.stop) == ("budget", "budget")
    assert second.progress.drawn == 0
    assert sum(sample.usage.total for sample in sampler.samples) <= 100
    assert all(call.request.max_tokens == 20 for call in sampler.calls)
    assert {of for _, of in pass_counts(tmp_path / "l.db").values()} <= {1, 2, 3}
    third = await label(tmp_path / "l.db", sampler, budget=Budget(10_000))
    assert third.stop == "done"
    assert pass_counts(tmp_path / "l.db") == {item.id: (2, 4) for item in ITEMS}


async def test_money_is_capped_too(tmp_path: Path) -> None:
    price = Tariff(10.0, 100.0)
    budget = Budget(money=0.01, tariffs={"scripted": price})
    done = await label(tmp_path / "l.db", ScriptedSampler(half_right), budget=budget, tariff=price)
    assert done.stop == "budget"
    assert 0 < done.progress.spent.dollars <= 0.01


async def test_a_run_that_ends_early_has_samples_of_all_questions(tmp_path: Path) -> None:
    await label(tmp_path / "l.db", ScriptedSampler(half_right), budget=Budget(calls=12), concurrency=1)
    assert {of for _, of in pass_counts(tmp_path / "l.db").values()} == {2}


async def test_failed_calls_are_repeated_for_the_same_samples(tmp_path: Path) -> None:
    faults = {n: Fault(error=RateLimited("busy", retry_after=0.0)) for n in (0, 1, 5)}
    faults[7] = Fault(error=SamplerError("broken", retryable=True))
    done = await label(tmp_path / "l.db", ScriptedSampler(half_right, faults=faults))
    assert (done.stop, done.progress.failures, done.given_up) == ("done", 4, 0)
    assert pass_counts(tmp_path / "l.db") == {item.id: (2, 4) for item in ITEMS}


async def test_while_an_endpoint_asks_to_wait_no_call_is_begun(tmp_path: Path) -> None:
    loop, begun = asyncio.get_running_loop(), []

    def note(call: int) -> Fault | None:
        begun.append(loop.time())
        return Fault(error=RateLimited("busy", retry_after=0.3)) if call == 0 else None

    await label(tmp_path / "l.db", ScriptedSampler(half_right, faults=note), concurrency=1)
    assert begun[1] - begun[0] >= 0.3


async def test_a_call_that_fails_for_good_is_left_to_the_next_run(tmp_path: Path) -> None:
    def reply(request: SampleRequest, index: int) -> str | Exception:
        return RequestRejected("too long") if "3" in request.messages[0].content else half_right(request, index)

    done = await label(tmp_path / "l.db", ScriptedSampler(reply))
    assert (done.stop, done.given_up, done.last_error) == ("done", 1, "too long")
    assert "q3" not in pass_counts(tmp_path / "l.db")
    assert (await label(tmp_path / "l.db", ScriptedSampler(half_right))).given_up == 0
    assert pass_counts(tmp_path / "l.db") == {item.id: (2, 4) for item in ITEMS}


async def test_a_model_out_of_reach_ends_the_run(tmp_path: Path) -> None:
    items_of_calls = {n: Fault(error=RequestRejected("wrong key")) for n in range(1000)}
    many = [Item(f"q{n}", (user(f"question {n}"),), reference="4") for n in range(200)]
    settings, sampler = Settings("scripted", "h", "exact", 20), ScriptedSampler(half_right, faults=items_of_calls)
    with LabelStore(tmp_path / "l.db", settings, many) as store:
        done = await Labelling(many, Drawer(sampler, Budget(), settings, EXACT), store, Enough(4, 4)).run()
    assert (done.stop, done.last_error) == ("failed", "wrong key")
    assert len(sampler.calls) < 2 * TRIES * 8


async def test_a_short_reply_uses_its_numbers_up_and_the_counts_are_complete(tmp_path: Path) -> None:
    sampler = ScriptedSampler(half_right, faults={2: Fault(missing=1)})
    done = await label(tmp_path / "l.db", sampler, batch=4)
    assert done.stop == "done"
    assert [of for _, of in pass_counts(tmp_path / "l.db").values()] == [4] * 6


async def test_a_judge_that_could_not_be_asked_is_no_rejection(tmp_path: Path) -> None:
    def reply(request: SampleRequest, index: int) -> str | Exception:
        if "RESPONSE 1" in str(request.messages):
            return RequestRejected("the judge is out of order")
        return "The answer is 4."

    done = await label(tmp_path / "l.db", ScriptedSampler(reply), grading=Grading("judge", judge()))
    assert pass_counts(tmp_path / "l.db") == {}
    assert done.last_error == "grading failed: the judge is out of order"


async def test_an_interrupted_run_keeps_what_was_finished_and_charges_what_was_in_flight(tmp_path: Path) -> None:
    in_flight = asyncio.Event()

    def slow(call: int) -> Fault | None:
        if call == 10:
            in_flight.set()
        return Fault(latency=30.0) if call >= 8 else None

    sampler = ScriptedSampler(half_right, faults=slow)
    run = asyncio.create_task(label(tmp_path / "l.db", sampler))
    await in_flight.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert sum(of for _, of in pass_counts(tmp_path / "l.db").values()) == 8
    settings = Settings("scripted", items_hash(ITEMS), "exact", 20, seed=1)
    with LabelStore(tmp_path / "l.db", settings, ITEMS) as store:
        bound = 3 * (2 + 20)
        assert store.spent() == Amount(sum(sample.usage.total for sample in sampler.samples) + bound, 11)


def test_progress_says_how_long_it_will_take() -> None:
    assert Progress(10, 2, 20, 0, 20, 80, Amount(), 5.0).seconds_left == 20.0
    assert Progress(10, 0, 0, 0, 0, 80, Amount(), 5.0).seconds_left is None


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from tts_agent.budget import Budget
from tts_agent.embedded import EmbeddedSampler
from tts_agent.embedded.questions import embedded_grading, embedded_items
from tts_agent.learning.draws import Drawer
from tts_agent.learning.enough import Enough
from tts_agent.learning.item import items_hash
from tts_agent.learning.labelling import Labelling
from tts_agent.learning.store import LabelStore
from tts_agent.learning.store_file import Settings
from tts_agent.portal import run_sync

path, questions, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
items, grading, sampler = embedded_items(questions), embedded_grading(), EmbeddedSampler()
if delay >= 0:
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
settings = Settings("embedded", items_hash(items), grading.name, 150, seed=1)
with LabelStore(path, settings, items) as store:
    labelling = Labelling(items, Drawer(sampler, Budget(), settings, grading), store, Enough(4, 8, 0.5), concurrency=2)
    done = run_sync(labelling.run())
    assert done.stop == "done", done
"""


def run_and_kill(path: Path, questions: int, delay: float) -> int:
    command = [sys.executable, "-c", KILLED, str(path), str(questions), str(delay)]
    return subprocess.run(command, check=False).returncode


def intact(path: Path) -> bool:
    database = sqlite3.connect(path)
    try:
        return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        database.close()


def check_kills(folder: Path, kills: int, questions: int, *, at_least: int) -> None:
    """Kill a run at random moments, and see that the last one ends with the counts of a run that nobody killed.

    At least so many kills must have come before the run's end; the later ones may find nothing left to do.
    """
    whole, path, random = folder / "whole.db", folder / "killed.db", Random(kills)
    began = time.monotonic()
    assert run_and_kill(whole, questions, -1.0) == 0
    longest = (time.monotonic() - began) / kills
    hits = 0
    for _ in range(kills):
        hits += run_and_kill(path, questions, random.uniform(0.0, longest)) != 0
        assert not path.exists() or intact(path)
    assert hits >= at_least
    assert run_and_kill(path, questions, -1.0) == 0
    assert intact(path)
    assert pass_counts(path) == pass_counts(whole)


def test_a_run_killed_again_and_again_ends_with_the_counts_of_one_that_was_not(tmp_path: Path) -> None:
    check_kills(tmp_path, 3, 5, at_least=1)


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    check_kills(tmp_path, 20, 40, at_least=15)
