"""What a ledger costs: ``python -m benchmarks.ledger``.

Times a reservation and its settlement on a ledger in memory, in a child of one, in SQLite and in Redis (where
``redis-server`` is installed), interleaved, and prints the best round and the quartiles. Then four processes of four
threads each spend one SQLite ledger until nothing fits, and after that a counter that is read before a call and raised
after it: printed is what was billed beyond the cap.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from tests.budget.servers import redis_server
from tests.budget.traffic import Traffic, check_then_add, reserve_and_settle
from tts_agent.budget import Ask, Budget, RedisStore, Reservation, SqliteStore

PLENTY = 10**12


def seconds(budget: Budget, calls: int) -> float:
    """Of one reservation and its settlement, the mean of some."""
    ask = Ask(100, 1, 500)
    began = perf_counter()
    for _ in range(calls):
        grant = budget.reserve(ask)
        assert isinstance(grant, Reservation)
        grant.settle(300)
    return (perf_counter() - began) / calls


def cost(rounds: int, folder: Path) -> None:
    """Reserve and settle, by kind of ledger."""
    with ExitStack() as stack:
        ledgers = {
            "memory": Budget(PLENTY),
            "a child in memory": Budget(PLENTY).child(PLENTY),
            "SQLite": Budget(PLENTY, store=SqliteStore(folder / "ledger.db", "cost")),
        }
        if shutil.which("redis-server"):
            server = stack.enter_context(redis_server(folder))
            ledgers["Redis"] = Budget(PLENTY, store=RedisStore(server.url, "cost"))
        times: dict[str, list[float]] = {name: [] for name in ledgers}
        for _ in range(rounds):
            for name, ledger in ledgers.items():
                times[name].append(seconds(ledger, 1 if ledger.stored else 50))
    print("reserve + settle, microseconds: best round (quartiles)")
    for name, samples in times.items():
        low, middle, high = (1e6 * value for value in quantiles(samples, n=4))
        print(f"  {name:18} {1e6 * min(samples):8.0f}  ({low:.0f}, {middle:.0f}, {high:.0f})")


def overshoot(limit: int, folder: Path) -> None:
    """What four processes are billed beyond one cap."""
    print(f"\nfour processes, a cap of {limit} tokens")
    work: dict[str, tuple[Callable[..., None], tuple[object, ...]]] = {
        "reserve, then settle": (reserve_and_settle, (False,)),
        "check, then add": (check_then_add, ()),
    }
    for name, (target, more) in work.items():
        bills = folder / f"{target.__name__}.txt"
        traffic = Traffic("sqlite", str(folder / "shared.db"), name, limit, str(bills))
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=target, args=(traffic, seed, *more)) for seed in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        billed = sum(map(int, bills.read_text().split()))
        print(f"  {name:22} billed {billed:6}, over the cap {max(0, billed - limit):5}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--limit", type=int, default=6000, help="tokens")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cost(arguments.rounds, Path(folder))
        overshoot(arguments.limit, Path(folder))


if __name__ == "__main__":
    main()
