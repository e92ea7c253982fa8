"""The promise of the package: whatever is asked, fails or lies, nobody spends more than the limit.

Every strategy, stopping rule and policy runs through the real driver against a scripted model, alone and beside
others on one ledger, with faults, short replies, interrupts and lies at random places. `CheckedBudget` checks
spent + held <= limit at every change.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.budget import Amount, Ask, Budget, Busy
from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import BudgetExhausted, SamplerError
from tts_agent.messages import user
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import ClassProfile, Fixed, MarginalValue, Policy, Thresholds
from tts_agent.sampling import Sample, SampleBatch, SampleRequest
from tts_agent.step import Outcome, Step
from tts_agent.stopping import AdaptiveConsistency, FixedSize, PriceRule, Prices, UntilAccepted, Window
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import Fault, ScriptedSampler
from tts_agent.verifiers import FunctionVerifier, Verdict

# ---------------------------------------------------------------------------------------------------- who spends


@dataclass(frozen=True)
class Judge:
    """A verifier that asks the model about every sample, all at once: its tokens are on the ledger too."""

    name: str = "judge"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        asks = [generate(step.request(user(f"right? {sample.text}")), 1, final=step.final) for sample in samples]
        batches = yield from together(*asks)
        return [Verdict(0.5 * len(batch.samples), accepted=_says_yes(batch)) for batch in batches]


def _says_yes(batch: SampleBatch) -> bool:
    return any(sample.text.endswith("3.") for sample in batch.samples)


@dataclass(frozen=True)
class Guess:
    """An estimator that knows nothing, and changes its mind."""

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        return [Beta(1.0 + len(step.text) % 3, 2.0) for step in steps]

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        return Beta(difficulty.a + first.valid, difficulty.b + 0.5)


PICKY = FunctionVerifier(lambda step, sample: 0.3 if sample.text.endswith("3.") else 0.1)
KIND = FunctionVerifier(lambda step, sample: sample.text.endswith("1."))
POLICIES: list[Policy] = [
    Fixed(Single()),
    Fixed(SelfConsistency(FixedSize(5))),
    Fixed(SelfConsistency(Window(2, 6))),
    Fixed(SelfConsistency(AdaptiveConsistency(max_samples=8))),
    Fixed(SelfConsistency(PriceRule(Population.of(Beta(1.0, 1.0), 1.0), Prices(0.01), 4))),
    Fixed(BestOfN(PICKY, FixedSize(4))),
    Fixed(BestOfN(KIND, UntilAccepted(Beta(1.0, 1.0), 0.05, 5, 2))),
    Fixed(BestOfN(Judge(), FixedSize(3))),
    Fixed(SequentialRefinement(KIND, 3)),
    Fixed(SequentialRefinement(Judge(), 2)),
    Thresholds(hard=BestOfN(Judge(), FixedSize(2))),
    MarginalValue(price=1e-3, max_samples=4, prior=Beta.of(0.5, 2.0)),
    MarginalValue(price=1e-3, verifiers={"default": KIND}, max_samples=4, prior=Beta.of(0.5, 2.0)),
    MarginalValue(
        price=1e-4,
        verifiers={"default": Judge()},
        profiles={"default": ClassProfile(fix_rate=0.6)},
        max_samples=4,
        prior=Beta.of(0.5, 2.0),
    ),
]

# ----------------------------------------------------------------------------------------------- what goes wrong

FAULTS = st.one_of(
    st.builds(Fault, missing=st.integers(1, 4)),
    st.builds(Fault, unaccounted=st.integers(1, 4)),
    st.sampled_from(
        [
            Fault(error=SamplerError("dropped", billed=True)),
            Fault(error=SamplerError("refused", billed=False)),
            Fault(error=SamplerError("busy", billed=False, retryable=True, retry_after=0.0)),
            Fault(error=SamplerError("timeout", billed=True, retryable=True, retry_after=0.0)),
            Fault(error=ZeroDivisionError("a bug in a sampler")),
        ]
    ),
)
LIES = st.builds(Fault, overreport=st.integers(1, 500))


@dataclass(frozen=True)
class Task:
    """One step, on the shared budget or on a child of it, with its own model, perhaps interrupted."""

    policy: Policy
    words: int
    max_tokens: int
    final: bool
    limit: int | None
    """Of a child budget; None: on the shared one."""
    estimator: bool
    turns: int
    """Of the event loop that each call takes, so that calls of several tasks overlap."""
    cancel_after: int | None
    """Turns of the event loop until the interrupt."""
    faults: dict[int, Fault]


def _tasks(faults: st.SearchStrategy[Fault]) -> st.SearchStrategy[list[Task]]:
    task = st.builds(
        Task,
        policy=st.sampled_from(POLICIES),
        words=st.integers(1, 12),
        max_tokens=st.integers(1, 12),
        final=st.booleans(),
        limit=st.none() | st.integers(1, 200),
        estimator=st.booleans(),
        turns=st.integers(0, 2),
        cancel_after=st.none() | st.none() | st.integers(0, 25),
        faults=st.dictionaries(st.integers(0, 6), faults, max_size=3),
    )
    return st.lists(task, min_size=1, max_size=4)


BUDGETS = st.builds(
    lambda tokens, calls, reserve: CheckedBudget(tokens, calls=calls, reserve_final=min(reserve, (tokens or 61) - 1)),
    st.none() | st.integers(1, 600),
    st.none() | st.integers(1, 12),
    st.integers(0, 60),
)


class Model(ScriptedSampler):
    """The model of one task. It knows how far a provider's reports went beyond what it was allowed."""

    def __init__(self, task: Task, shared: Budget, lies: list[int]) -> None:
        super().__init__(_reply, faults=task.faults)
        self._task = task
        self._shared = shared
        self._lies = lies

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        spent, limit = self._shared.spent.tokens, self._shared.limit.tokens
        assert spent <= limit, "a call was made after more than the limit was spent"
        for _ in range(self._task.turns):
            await asyncio.sleep(0)
        batch = await super().sample(request, n)
        allowed = n * (self.token_bound(request) + request.max_tokens)
        if batch.usage.total > allowed:
            self._lies.append(batch.usage.total - allowed)
        return batch


def _reply(request: SampleRequest, index: int) -> str | Sample:
    if index % 5 == 4:
        return "so " * 3 * request.max_tokens
    return f"The answer is {(index + len(request.messages)) % 4}."


@settings(max_examples=100)
@given(tasks=_tasks(FAULTS), shared=BUDGETS)
def test_no_strategy_and_no_policy_ever_overspends(tasks: list[Task], shared: CheckedBudget) -> None:
    _run(tasks, shared)
    assert shared.overruns == 0
    assert shared.spent.within(shared.limit)


@settings(max_examples=60)
@given(tasks=_tasks(FAULTS | LIES), shared=BUDGETS)
def test_a_provider_that_reports_too_much_is_noticed_and_nothing_else_passes_the_limit(
    tasks: list[Task], shared: CheckedBudget
) -> None:
    lies = _run(tasks, shared)
    assert shared.overruns == len(lies)
    assert shared.spent.tokens <= shared.limit.tokens + sum(lies)
    assert shared.spent.calls <= shared.limit.calls


def _run(tasks: list[Task], shared: CheckedBudget) -> list[int]:
    """Run the tasks at once; returns how many tokens too many were reported, of each call that lied."""
    lies: list[int] = []
    budgets = [shared.child(task.limit) if task.limit else shared for task in tasks]

    async def run() -> None:
        running = [
            asyncio.ensure_future(_answer(task, Model(task, shared, lies), budget))
            for task, budget in zip(tasks, budgets, strict=True)
        ]
        interrupts = [asyncio.ensure_future(_interrupt(task, its)) for task, its in zip(running, tasks, strict=True)]
        _, stuck = await asyncio.wait(running, timeout=30)
        assert not stuck, "a task waits for ever"
        await asyncio.gather(*interrupts)
        await asyncio.gather(*(task for task in running if not task.cancelled()))  # raises what went wrong

    asyncio.run(run())
    for budget in (shared, *budgets):
        assert budget.held == Amount(), "something stayed reserved"
    return lies


async def _answer(task: Task, sampler: Model, budget: Budget) -> Outcome | None:
    reasoner = AdaptiveReasoner(
        sampler, policy=task.policy, estimator=Guess() if task.estimator else None, budget=budget, min_tokens=2
    )
    step = Step((user("why " * task.words),), max_tokens=task.max_tokens, final=task.final, seed=task.words)
    try:
        result = await reasoner.arun(step)
    except (BudgetExhausted, SamplerError, ZeroDivisionError):
        return None
    assert result.outcome.sample in result.outcome.samples
    assert result.spent.within(budget.spent)
    return result.outcome


async def _interrupt(task: asyncio.Task[Outcome | None], its: Task) -> None:
    if its.cancel_after is None:
        return
    for _ in range(its.cancel_after):
        await asyncio.sleep(0)
    task.cancel()


# ------------------------------------------------------------------------------------------------------- waiting


@settings(max_examples=100)
@given(
    tokens=st.integers(30, 120),
    asks=st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 10), st.integers(1, 30), st.integers(0, 5), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    children=st.booleans(),
    reserve=st.integers(0, 29),
)
def test_waiting_for_reservations_in_flight_always_ends(
    tokens: int, asks: list[tuple[int, int, int, int, bool]], children: bool, reserve: int
) -> None:
    shared = CheckedBudget(tokens, reserve_final=reserve)

    async def caller(n: int, prompt: int, most: int, turns: int, final: bool) -> None:
        budget = shared.child(max(1, tokens // 2)) if children else shared
        for _ in range(3):
            try:
                while isinstance(grant := budget.reserve(Ask(prompt, n, most, 1, final)), Busy):
                    await asyncio.wrap_future(grant.changed)
            except BudgetExhausted:
                return
            for _ in range(turns):
                await asyncio.sleep(0)
            if turns % 2:
                grant.release()
            else:
                grant.settle(min(turns, grant.cost.tokens))

    async def run() -> None:
        await asyncio.wait_for(asyncio.gather(*(caller(*ask) for ask in asks)), 60)

    asyncio.run(run())
    assert shared.held == Amount()


# ------------------------------------------------------------------------------------------------------- threads


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_threads_that_hammer_one_ledger_keep_it_below_its_limit() -> None:
    shared = CheckedBudget(200, calls=400, reserve_final=20)
    ended = threading.Event()
    seen: list[Amount] = []

    def look() -> None:
        while not ended.is_set():
            view = shared.view()
            seen.append(view.spent + view.held)
            ended.wait(0.0005)

    def hammer(seed: int) -> int:
        chance = random.Random(seed)
        budget = shared.child(120) if seed % 2 else shared
        turns = 0
        for _ in range(200):
            ask = Ask(chance.randint(0, 5), chance.randint(1, 3), chance.randint(1, 8), 1, chance.random() < 0.3)
            try:
                grant = budget.reserve(ask)
            except BudgetExhausted:
                break
            if isinstance(grant, Busy):
                grant.changed.result(timeout=20)
                continue
            turns += 1
            if chance.random() < 0.5:
                grant.release()
            elif chance.random() < 0.5:
                grant.settle(0 if chance.random() < 0.8 else 1)
            else:
                grant.settle(min(1, grant.cost.tokens), calls=1)
        return turns

    watcher = threading.Thread(target=look)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        turns = list(pool.map(hammer, range(8)))
    ended.set()
    watcher.join()
    assert sum(turns) > 100
    assert all(used.within(shared.limit) for used in seen)
    assert shared.held == Amount()
    assert shared.overruns == 0
    assert shared.spent.within(shared.limit)


def test_event_loops_in_several_threads_share_one_ledger() -> None:
    shared = CheckedBudget(400)
    sampler = ScriptedSampler(_reply, latency=0.001)

    def agent(number: int) -> int:
        async def steps() -> int:
            reasoner = AdaptiveReasoner(sampler, policy=POLICIES[number % 4], budget=shared.child(300), min_tokens=2)
            answered = 0
            for turn in range(6):
                try:
                    await reasoner.arun(replace(Step((user(f"why {turn}"),), max_tokens=6), seed=number))
                except BudgetExhausted:
                    break
                answered += 1
            return answered

        return asyncio.run(asyncio.wait_for(steps(), 60))

    with ThreadPoolExecutor(6) as pool:
        answered = list(pool.map(agent, range(6)))
    assert sum(answered) > 0
    assert shared.spent.tokens > 350
    assert shared.held == Amount()


def test_a_waiter_is_woken_from_another_thread_and_one_that_is_cancelled_is_forgotten() -> None:
    shared = CheckedBudget(10)
    grant = shared.reserve(Ask(0, 1, 10))
    assert not isinstance(grant, Busy)
    patient, impatient = shared.reserve(Ask(0, 1, 10)), shared.reserve(Ask(0, 1, 10))
    assert isinstance(patient, Busy)
    assert isinstance(impatient, Busy)
    impatient.changed.cancel()
    thread = threading.Timer(0.01, grant.release)
    thread.start()
    patient.changed.result(timeout=60)
    thread.join()
    assert impatient.changed.cancelled()
    assert shared.held == Amount()
