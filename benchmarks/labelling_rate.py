"""How fast labelling itself is, with a model that answers at once: calls a second, bytes a sample.

    python -m benchmarks.labelling_rate --questions 2000

The rate bounds what one labelling process can coordinate, whatever serves the model. Beside it, in the same run: the
same calls without a store and a schedule, which is what the driver and the ledger cost alone.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tts_agent.budget import Budget
from tts_agent.learning.draws import Draw, Drawer
from tts_agent.learning.enough import Enough
from tts_agent.learning.grading import Grading, exact
from tts_agent.learning.item import Item, items_hash
from tts_agent.learning.labelling import Labelling
from tts_agent.learning.store import LabelStore
from tts_agent.learning.store_file import Settings
from tts_agent.messages import user
from tts_agent.testing.scripted import ScriptedSampler

TEXT = "word " * 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    arguments = parser.parse_args()
    items = [Item(str(n), (user(f"{TEXT}{n}"),), reference="4") for n in range(arguments.questions)]
    grading = Grading("exact", exact())
    settings = Settings("scripted", items_hash(items), grading.name, 100, seed=1)
    for batch in (1, 8):
        sampler = ScriptedSampler(lambda request, index: "The answer is 4.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "labels.db"
            with LabelStore(path, settings, items) as store:
                drawer = Drawer(sampler, Budget(), settings, grading)
                start = time.perf_counter()
                labelling = Labelling(
                    items, drawer, store, Enough(8, 8), batch=batch, concurrency=arguments.concurrency
                )
                asyncio.run(labelling.run())
                seconds = time.perf_counter() - start
            size = path.stat().st_size
        calls = len(items) * 8 // batch
        alone = asyncio.run(_alone(Drawer(sampler, Budget(), settings, grading), items, batch, arguments.concurrency))
        print(
            f"{batch} sample(s) a call: {calls / seconds:,.0f} calls/s, {8 * len(items) / seconds:,.0f} samples/s; "
            f"without store and schedule {calls / alone:,.0f} calls/s; {size / len(items):,.0f} bytes a question of 8"
        )


async def _alone(drawer: Drawer, items: list[Item], batch: int, concurrency: int) -> float:
    free = asyncio.Semaphore(concurrency)

    async def draw(number: int, first: int) -> None:
        async with free:
            await drawer(Draw(items[number], number, first, batch))

    start = time.perf_counter()
    async with asyncio.TaskGroup() as calls:
        for first in range(0, 8, batch):
            for number in range(len(items)):
                calls.create_task(draw(number, first))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
