"""Research under a cap, ours against what people do instead: ``python -m benchmarks.deep_research --questions 150``.

Questions of one to five facts about worlds that nothing was trained or tuned on. The budgets are multiples of the
median spend of the plain agent without one, measured in the same run. Every contender is the same graph with the same
model, search, temperature and random streams: equal requests get equal samples, each paid by everyone who asks.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process per core is the better use

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any

from examples.deep_research import language
from examples.deep_research.agent import WRITE, build, search_tool
from examples.deep_research.corpus import write_pages
from examples.deep_research.effort import PLAIN, Conduct, Effort, Grant, Kind, Outlook, Plain
from examples.deep_research.index import Index
from examples.deep_research.pace import FINDS, read_profile
from examples.deep_research.questions import Question, ask_many
from examples.deep_research.run import MOST_STEPS, research
from examples.deep_research.state import Research, Run
from examples.deep_research.tiny import MODEL_FOLDER, PROFILE, TEMPERATURE, research_sampler
from examples.deep_research.turns import Turns
from examples.deep_research.world import make_world
from tts_agent import Budget, BudgetExhausted
from tts_agent.budget.notice import notice
from tts_agent.demo.statistics import mean_interval, paired_difference
from tts_agent.messages import system
from tts_agent.nodes import token_budget
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest

WORLDS = (1, 2, 3)
MULTIPLES = (0.25, 0.5, 1.0, 2.0)
RESULTS = Path(__file__).parent / "results" / "deep_research.md"
OURS, UNBOUNDED = "ours", "the plain agent, unbounded"
MEAN_STEPS = 5
"""Of a question: a plan, three facts, a report."""


@dataclass(frozen=True)
class Scored:
    """How one run came out."""

    right: bool
    recall: float
    """Share of the facts it takes for which the report cites a page that proves them."""
    passes: bool
    """Whether there is a report in the form that was asked for."""
    tokens: int
    calls: int
    over: bool
    """Whether more was spent than the budget."""
    assembled: bool


def scored(question: Question, state: Research | None, spent: Any, cap: int | None) -> Scored:
    """Judge a run by the report alone. No state: it ended with an error."""
    said = language.read_report(state.get("report", "")) if state else None
    answer, claims = said or ("", [])
    cited = {claim.page for claim in claims}
    recall = mean(bool(cited & set(pages)) for pages in question.sources)
    over = cap is not None and spent.tokens > cap
    assembled = bool(state and state.get("assembled"))
    return Scored(answer == question.answer, recall, said is not None, spent.tokens, spent.calls, over, assembled)


@dataclass(frozen=True)
class Desk:
    """A process's own copy of what there is to read, and the graph over it."""

    turns: Turns
    graph: Any
    telling: Any
    tell: Telling
    questions: Sequence[Question]


class Telling:
    """Tells the model before every call what is left of the budget, and nothing else."""

    def __init__(self, inner: Sampler) -> None:
        self.name = inner.name
        self.budget: Budget | None = None
        self._inner = inner

    def token_bound(self, request: SampleRequest) -> int:
        """As of the sampler behind, with what it is told."""
        return self._inner.token_bound(self._told(request))

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """As of the sampler behind."""
        return await self._inner.sample(self._told(request), n)

    def _told(self, request: SampleRequest) -> SampleRequest:
        left = notice(self.budget.view()) if self.budget else None
        return replace(request, messages=(system(left), *request.messages)) if left else request


@cache
def desk(world: int, count: int, half: int) -> Desk:
    """One a process."""
    made = make_world(world)
    pages = write_pages(made, world)
    draws = SharedDraws(research_sampler())
    tell = Telling(draws)
    search = search_tool(Index(pages))
    turns = Turns(draws, search, temperature=TEMPERATURE)
    telling = build(Turns(tell, search, temperature=TEMPERATURE))
    return Desk(turns, build(turns), telling, tell, ask_many(made, pages, count, world)[half::2])


# ------------------------------------------------------------------------------------------------------- the contenders


@dataclass(frozen=True)
class Uniform(Plain):
    """An equal share for each of the steps that a question takes on average; what one leaves, nobody gets."""

    share: int = 0
    goes_on: bool = True

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        return None if outlook.last else Grant(self.effort, self.share)


@dataclass(frozen=True)
class Terms:
    """What contenders may know beforehand, from the run of the plain agent and from the profile."""

    cap: int
    call: float
    """Mean tokens of a call."""
    report: int
    """Mean tokens of a report, kept for it by whoever keeps something."""


def _plain(at: Desk, question: Question, conduct: Conduct, graph: Any = None, **limits: Any) -> Scored:
    """A run of the graph under a `token_budget` of these limits."""
    state, cap = None, limits.get("limit")
    settings: Any = {"recursion_limit": MOST_STEPS}
    with token_budget(**{"limit": None, "final_nodes": (WRITE,), **limits}) as budget:
        at.tell.budget = budget
        with suppress(BudgetExhausted):
            state = (graph or at.graph).invoke({"question": question.text}, settings, context=Run(budget, conduct))
        return scored(question, state, budget.spent, cap)


def _ours(at: Desk, question: Question, terms: Terms) -> Scored:
    state, spent = research(question.text, terms.cap, at.turns, read_profile(MODEL_FOLDER / PROFILE))
    return scored(question, state, spent, terms.cap)


def _call_limit(at: Desk, question: Question, terms: Terms) -> Scored:
    calls = max(2, round(terms.cap / terms.call))
    kept = {"reserve_final": min(terms.report, terms.cap // 3)}
    return _plain(at, question, Plain(goes_on=True), limit=terms.cap, calls=calls, **kept)


def _uniform(at: Desk, question: Question, terms: Terms) -> Scored:
    share = terms.cap // MEAN_STEPS
    return _plain(at, question, Uniform(share=share), limit=terms.cap, reserve_final=share)


def _votes(at: Desk, question: Question, terms: Terms) -> Scored:
    conduct = Plain(Effort("vote", draws=3, searches=PLAIN.searches), goes_on=True)
    return _plain(at, question, conduct, limit=terms.cap, reserve_final=min(terms.report, terms.cap // 3))


def _unpriced(at: Desk, question: Question, terms: Terms) -> Scored:
    """Our checks and ways to search, with the same effort for all: what pricing adds to them."""
    conduct = Plain(FINDS[3], verifies=True, goes_on=True, always_reports=True)
    return _plain(at, question, conduct, limit=terms.cap, reserve_final=min(terms.report, terms.cap // 3))


CONTENDERS: dict[str, Callable[[Desk, Question, Terms], Scored]] = {
    OURS: _ours,
    "hard stop at the cap": lambda at, question, terms: _plain(at, question, Plain(), limit=terms.cap),
    "limit on calls": _call_limit,
    "equal share for each step": _uniform,
    "three votes on each step": _votes,
    "ours without prices": _unpriced,
    "told its budget, no more": lambda at, question, terms: _plain(at, question, Plain(), at.telling, limit=terms.cap),
}


def unbounded(world: int, count: int, half: int) -> list[Scored]:
    """The plain agent, every other question of a world."""
    at = desk(world, count, half)
    return [_plain(at, question, Plain()) for question in at.questions]


def bounded(world: int, count: int, half: int, terms: Terms) -> dict[str, list[Scored]]:
    """Every contender, every other question of a world."""
    at = desk(world, count, half)
    return {name: [run(at, question, terms) for question in at.questions] for name, run in CONTENDERS.items()}


# ------------------------------------------------------------------------------------------------------------- the page


def main() -> None:
    """Run it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=150, help="spread over three worlds")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    begun, count = time.monotonic(), max(1, arguments.questions // len(WORLDS))
    shares = [(ProcessPoolExecutor(1), world, half) for world in WORLDS for half in (0, 1)]  # each keeps its samples
    free = [pool.submit(unbounded, world, count, half) for pool, world, half in shares]
    plain = [run for future in free for run in future.result()]
    typical = median(run.tokens for run in plain)
    call = sum(run.tokens for run in plain) / sum(run.calls for run in plain)
    report = round(read_profile(MODEL_FOLDER / PROFILE).ladders["write"].least)
    lines = _head(len(plain), typical, plain)
    for multiple in MULTIPLES:
        terms = Terms(round(multiple * typical), call, report)
        running = [pool.submit(bounded, world, count, half, terms) for pool, world, half in shares]
        parts = [future.result() for future in running]
        runs = {UNBOUNDED: plain} | {name: [run for part in parts for run in part[name]] for name in CONTENDERS}
        lines += _table(multiple, terms, runs)
        print("\n".join(lines[-len(runs) - 4 :]), flush=True)
        took = f"{time.monotonic() - begun:.0f} seconds in {len(shares)} processes."
        arguments.out.write_text("\n".join([*lines, took, ""]))


def _head(count: int, typical: float, plain: Sequence[Scored]) -> list[str]:
    return [
        "# Research under a cap",
        "",
        f"`python -m benchmarks.deep_research --questions {count}`: {count} questions of one to five facts about "
        f"{len(WORLDS)} made-up worlds (seeds {', '.join(map(str, WORLDS))}), the tiny research model at temperature "
        f"{TEMPERATURE}. The plain agent without a budget spends {typical:.0f} tokens in the median, and "
        f"{mean(run.right for run in plain):.3f} of its answers are right.",
        "",
        "Right: the report's answer. Recall: of the facts that a question takes, those for which the report cites a "
        "page that proves them. Report: runs that end with one in the form asked for. Differences are ours less "
        "theirs, with 95 % paired bootstrap intervals over questions.",
        "",
        "All run the same graph, model and index. What a search shows is chosen step by step by ours: those of ten "
        "pages that have every word of the query, and two queries at once where that pays; the plain agents read the "
        "best three pages of one query. Ours without prices has our checks and searches, and one effort for all facts.",
        "",
    ]


def _table(multiple: float, terms: Terms, runs: dict[str, list[Scored]]) -> list[str]:
    ours = runs[OURS]
    lines = [
        f"## {multiple:g} x: {terms.cap} tokens",
        "",
        "| | right | recall | report | tokens | over | ours, right | ours, recall |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        low, high = mean_interval([run.right for run in found])
        own = "| |"
        if name != OURS:
            own = f"| {_gain(ours, found, 'right')} | {_gain(ours, found, 'recall')} |"
        lines.append(
            f"| {name} | {mean(run.right for run in found):.3f} ({low:.3f} to {high:.3f}) "
            f"| {mean(run.recall for run in found):.3f} | {mean(run.passes for run in found):.0%} "
            f"| {mean(run.tokens for run in found):.0f} | {sum(run.over for run in found)} {own}"
        )
    put = sum(run.assembled for run in ours)
    return [*lines, "", f"{put} of our {len(ours)} reports were put together from the notes.", ""]


def _gain(ours: Sequence[Scored], theirs: Sequence[Scored], what: str) -> str:
    by, (low, high) = paired_difference(
        [float(getattr(run, what)) for run in ours], [float(getattr(run, what)) for run in theirs]
    )
    return f"{by:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
