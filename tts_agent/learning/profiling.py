"""Profiling: every arm on every item, with the same samples for all, under a hard cap.

An arm is measured by running the strategy itself, on samples that all arms share (`StoredSampler`): five votes are the
first five of seventeen. So arms are compared question by question, and a ladder costs little more than its top. Each
arm is charged in the table what it would have cost alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from tts_agent import answers
from tts_agent.budget import Amount, Ask, Budget, Tariff
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.events import Drawn
from tts_agent.exceptions import SamplerError
from tts_agent.learning.draw_store import DrawStore
from tts_agent.learning.grading import Grading
from tts_agent.learning.item import Item, stream_seed
from tts_agent.learning.profile_arms import LADDERS, ProfiledArm
from tts_agent.learning.progress import Progress
from tts_agent.learning.stored_sampler import OutOfBudget, StoredSampler
from tts_agent.population import VoteCounts
from tts_agent.sampling import Sample, Sampler
from tts_agent.step import Step
from tts_agent.verifiers import AcceptRates, Verifier
from tts_agent.verifiers.rates import measured


@dataclass(frozen=True, slots=True)
class ArmResult:
    """How one arm answered one item."""

    correct: bool
    tokens: int
    """Input and output, of all its calls, as if it had been alone."""
    serial: int
    """Output tokens one after the other."""
    drawn: int
    """Samples."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What all arms did with one item."""

    item: Item
    arms: Mapping[str, ArmResult]
    """By name of the arm, the cheapest of each ladder first."""
    votes: VoteCounts
    """How the item's first samples fell, as many as the largest vote has."""
    rates: AcceptRates
    """The verifier's verdicts on these samples; all 0 without one."""
    drawn: int
    """Different samples that the arms were given."""


@dataclass(frozen=True, slots=True)
class Profiled:
    """How a run of profiling ended."""

    stop: Literal["done", "budget", "failed"]
    items: tuple[Measured, ...]
    """Those that every arm answered."""
    spent: Amount
    """Over all runs on the store."""
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Profiler:
    """Settings of a run of profiling."""

    arms: Sequence[ProfiledArm]
    grading: Grading
    """Who is right; it may know the answers."""
    max_tokens: int
    verifiers: Mapping[str, Verifier]
    """What arms verify with, by class of step; it must not know the answers. A class may have none."""
    any_class: Verifier | None = None
    """The same, of every class that is not named."""
    temperature: float | None = None
    seed: int | None = None
    concurrency: int = 4
    """Items that are answered at the same time."""

    async def run(
        self,
        items: Sequence[Item],
        sampler: Sampler,
        budget: Budget,
        store: DrawStore,
        *,
        tariff: Tariff | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> Profiled:
        """Answer items with every arm, in the order given, until the budget ends.

        Samples that are in the store are not drawn again, so a run that was interrupted goes on where it ended.
        `on_progress` is called after each item.

        Raises:
            StoreError: the store cannot be written; what was committed stays.
        """
        budget.at_least(store.spent())
        store.begin_run(self._in_flight(items, sampler, tariff))
        stored, gate = StoredSampler(sampler, budget, store), asyncio.Semaphore(self.concurrency)
        ended: list[SamplerError] = []
        done: list[Measured] = []
        before, began = store.samples(), time.monotonic()

        async def one(item: Item) -> None:
            async with gate:
                if any(isinstance(error, OutOfBudget) for error in ended):
                    return
                try:
                    done.append(await self._measure(item, stored))
                except SamplerError as error:
                    ended.append(error)
            samples = store.samples()
            on_progress(
                Progress(
                    questions=len(items),
                    finished=len(done),
                    samples=samples,
                    failures=sum(not isinstance(error, OutOfBudget) for error in ended),
                    drawn=samples - before,
                    samples_left=_left(done, len(items), samples),
                    spent=budget.spent,
                    seconds=time.monotonic() - began,
                )
            )

        tasks = [asyncio.create_task(one(item)) for item in items]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        store.end_run()
        stop: Literal["done", "budget", "failed"] = "failed" if ended else "done"
        if any(isinstance(error, OutOfBudget) for error in ended):
            stop = "budget"
        places = {item.id: place for place, item in enumerate(items)}
        finished = tuple(sorted(done, key=lambda each: places[each.item.id]))
        return Profiled(stop, finished, store.spent(), str(ended[-1]) if ended else None)

    async def _measure(self, item: Item, sampler: StoredSampler) -> Measured:
        step, verifier = self.step(item), self.verifiers.get(item.kind, self.any_class)
        driver = Driver(sampler, Budget(), max_retries=0)
        base = await driver.run(generate(step.request(), self.base_samples))
        _all_there(driver)
        right = await self._grade(driver, item, step, base.samples)
        rates = AcceptRates()
        if verifier is not None:
            rates = await driver.run(measured(verifier, step, base.samples, right))
        arms = {}
        for arm in self.arms:
            if not arm.verified or verifier is not None:
                arms[arm.name] = await self._answer(arm, item, step, sampler, verifier)
        votes = (answers.vote(sample, step.answer_key) for sample in base.samples)
        return Measured(item, arms, VoteCounts.of(zip(votes, right, strict=True)), rates, self._drawn(arms))

    def _drawn(self, arms: Mapping[str, ArmResult]) -> int:
        """Tries and votes are of one stream, and so is what refinement begins with."""
        sizes: dict[bool, int] = {True: 1, False: self.base_samples}
        for arm in self.arms:
            if arm.name in arms:
                sizes[arm.sequential] = max(sizes[arm.sequential], arms[arm.name].drawn)
        return sizes[False] + sizes[True] - 1

    async def _answer(
        self, arm: ProfiledArm, item: Item, step: Step, sampler: StoredSampler, verifier: Verifier | None
    ) -> ArmResult:
        driver = Driver(sampler, Budget(), max_retries=0)
        outcome = await driver.run(arm.make(verifier).run(step))
        _all_there(driver)
        charged, events = driver.charged.tokens, list(driver.events)
        right = await self._grade(driver, item, step, () if outcome.sample is None else (outcome.sample,))
        serial = sum(event.longest for event in events if isinstance(event, Drawn))
        return ArmResult(any(right), charged, serial, len(outcome.samples))

    async def _grade(self, driver: Driver, item: Item, step: Step, samples: Sequence[Sample]) -> list[bool]:
        if not samples:
            return []
        verdicts = await driver.run(self.grading.verifier(item).verify(step, samples))
        _all_there(driver)
        return [verdict.accepted for verdict in verdicts]

    @property
    def base_samples(self) -> int:
        """Samples of every item: as many as the largest vote."""
        return max((arm.size for arm in self.arms if arm.ladder == LADDERS[0]), default=1)

    def step(self, item: Item) -> Step:
        """The step that an item is. Its random stream is its own, whatever else is in the data."""
        seed = None if self.seed is None else stream_seed(self.seed, item.id)
        return Step(
            item.messages,
            max_tokens=self.max_tokens,
            kind=item.kind,
            temperature=self.temperature,
            seed=seed,
            tools=item.tools,
            answer_key=self.grading.answer_key,
        )

    def most(self, prompt_tokens: int) -> Ask:
        """Upper bound on what one item can draw, for a prompt of so many tokens; calls of verifiers not counted."""
        rounds = max((arm.size for arm in self.arms if arm.sequential), default=0)
        tries = max((arm.size for arm in self.arms if not arm.sequential), default=1)
        return Ask(prompt_tokens + (self.max_tokens if rounds else 0), tries + rounds, self.max_tokens)

    def _in_flight(self, items: Sequence[Item], sampler: Sampler, tariff: Tariff | None) -> Amount:
        prompt = max((sampler.token_bound(self.step(item).request()) for item in items), default=0)
        n = self.concurrency * self.base_samples
        return Ask(prompt, n, self.max_tokens, tariff=tariff).cost(n, self.max_tokens)


def _left(done: Sequence[Measured], items: int, samples: int) -> int:
    """Samples that the other items may still need: each as many as those that are done took."""
    typical = fmean(each.drawn for each in done) if done else 0.0
    return max(items - len(done), round(items * typical) - samples)


def _all_there(driver: Driver) -> None:
    """An arm that did not get what it asked for was not measured."""
    if driver.last_failure is not None:
        raise driver.last_failure
