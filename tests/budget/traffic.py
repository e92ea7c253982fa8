"""What one of several processes does on a ledger they share; run in a process of its own by `test_processes.py`."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

from tts_agent.budget import Ask, Budget, Busy, RedisStore, Reservation, SqliteStore, Store
from tts_agent.exceptions import BudgetExhausted

THREADS = 4
ENDS: list[Callable[[Reservation, int], object]] = [
    lambda grant, tokens: grant.settle(tokens),
    lambda grant, tokens: grant.settle(tokens),
    lambda grant, tokens: grant.forfeit(),
]


@dataclass(frozen=True)
class Traffic:
    """Everything a process needs to know."""

    kind: str
    """Of store: "sqlite" or "redis"."""
    where: str
    """Path or URL."""
    key: str
    limit: int
    bills: str
    """A file to which the provider appends what it bills."""

    def store(self) -> Store:
        make = SqliteStore if self.kind == "sqlite" else RedisStore
        return make(self.where, self.key, lease_seconds=1.0)

    def budget(self) -> Budget:
        return Budget(self.limit, store=self.store())

    def ask(self, chance: random.Random) -> Ask:
        return Ask(chance.randint(5, 15), chance.randint(1, 3), chance.randint(5, 20), 5)

    def provider(self, chance: random.Random, most: int) -> int:
        """A call: takes a while, and is billed at most what it was allowed."""
        tokens = chance.randint(most // 2, most)
        with open(self.bills, "a") as file:
            file.write(f"{tokens}\n")
        time.sleep(0.005)
        return tokens


def reserve_and_settle(meet: Barrier, traffic: Traffic, seed: int, dies: bool) -> None:
    """Call until nothing fits. Who `dies` is killed with calls in flight, which nobody settles."""
    budget = traffic.budget()

    def work(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        mine = budget.child(traffic.limit // 2) if number % 2 else budget
        while True:
            try:
                grant = mine.reserve(traffic.ask(chance))
            except BudgetExhausted:
                return
            if isinstance(grant, Busy):
                grant.changed.result(timeout=60)
            elif chance.random() < 0.1:
                grant.release()
            else:
                chance.choice(ENDS)(grant, traffic.provider(chance, grant.cost.tokens))

    with ThreadPoolExecutor(THREADS) as pool:
        if dies:
            chance = random.Random(seed)
            for _ in range(THREADS):  # before the others, so that there is room
                grant = budget.reserve(traffic.ask(chance))
                assert isinstance(grant, Reservation)
                traffic.provider(chance, grant.cost.tokens)
        meet.wait(60)
        calls = [pool.submit(work, number) for number in range(THREADS)]
        if dies:
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGKILL)
        for call in calls:
            call.result()


def sub_agent(meet: Barrier, traffic: Traffic, number: int) -> None:
    """Spend until nothing fits, once all were promised their minimum; write down how much."""
    with traffic.budget().grant(least=traffic.limit // 16) as mine:
        meet.wait(60)
        while True:
            try:
                grant = mine.reserve(Ask(20, 1, 30, 30))
            except BudgetExhausted:
                break
            assert isinstance(grant, Reservation | Busy)
            if isinstance(grant, Busy):
                grant.changed.result(timeout=60)
            else:
                grant.settle(random.Random(f"{number} {mine.spent.tokens}").randint(25, 50))
        with open(traffic.bills, "a") as file:
            file.write(f"{mine.spent.tokens}\n")


def check_then_add(meet: Barrier, traffic: Traffic, seed: int) -> None:
    """The naive counter: read what is spent, see whether the call fits, call, then add (atomically) what it cost."""
    store = traffic.store()
    meet.wait(60)

    def spent() -> int:
        return int(store.read(["spent"])[0] or 0)

    def add(tokens: int) -> None:
        while not store.swap(["spent"], before := store.read(["spent"]), [str(int(before[0] or 0) + tokens)]):
            pass

    def work(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        while True:
            ask = traffic.ask(chance)
            most = ask.cost(ask.n, ask.max_tokens).tokens
            if spent() + most > traffic.limit:
                return
            add(traffic.provider(chance, most))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
