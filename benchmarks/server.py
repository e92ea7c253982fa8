"""What the endpoint costs: ``python -m benchmarks.server [--optillm PATH]``.

An upstream on this machine that takes 50 ms, asked bare and through `tts-agent serve`, in turns in one run: the single
route, a vote of eight, 300 streams at once, requests a second by many connections, and memory. Given the path of an
`optillm` command that is installed somewhere, the same with it (`--approach none`, which asks once). Client, upstream
and server share the cores. Writes ``benchmarks/results/server.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from benchmarks.bare_http import Broken, Connected, connected, serve

ASK: dict[str, Any] = {"model": "bare", "messages": [{"role": "user", "content": "What is 6 * 7?"}], "max_tokens": 100}
VOTE = {"X-TTS-Policy": "parallel", "X-TTS-Max-Samples": "8"}
PATH = "/v1/chat/completions"
HOST = "127.0.0.1"
LATENCY = 0.05
RESULTS = Path(__file__).parent / "results" / "server.md"


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and its process (0: the bare upstream, whose memory is of no interest)."""

    name: str
    port: int
    process: int = 0

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def upstream() -> Iterator[Server]:
    """The bare endpoint."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(LATENCY, theirs), daemon=True)
    process.start()
    try:
        yield Server("bare upstream", ours.recv())
    finally:
        process.kill()


@contextmanager
def command(name: str, words: Sequence[str], port: int) -> Iterator[Server]:
    """A server as a process, once it accepts connections."""
    environment = {**os.environ, "OPENAI_API_KEY": "any"}
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            while process.poll() is None:
                try:
                    socket.create_connection((HOST, port), 1.0).close()
                    break
                except OSError:
                    pass
            else:
                raise SystemExit(f"{name} ended with status {process.returncode}")
            yield Server(name, port, process.pid)
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    return port


@asynccontextmanager
async def lines(server: Server, number: int) -> AsyncIterator[list[Connected]]:
    """So many connections."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(HOST, server.port)) for _ in range(number)]


async def timed(line: Connected, headers: Mapping[str, str] | None = None) -> float:
    """Milliseconds of one request."""
    start = perf_counter()
    await line.post(PATH, ASK, headers)
    return 1e3 * (perf_counter() - start)


async def latencies(servers: Sequence[Server], rounds: int) -> dict[str, list[float]]:
    """In turns: the bare upstream, each server, and a vote of eight by ours."""
    found: dict[str, list[float]] = {name: [] for name in (*(server.name for server in servers), "vote")}
    async with AsyncExitStack() as stack:
        open_lines = [(await stack.enter_async_context(lines(server, 1)))[0] for server in servers]
        for turn in range(rounds + 5):
            for server, line in zip(servers, open_lines, strict=True):
                found[server.name].append(await timed(line))
            found["vote"].append(await timed(open_lines[1], VOTE))
            if turn == 4:  # what is slow once is not what is asked
                for each in found.values():
                    each.clear()
    return found


async def rate(server: Server, connections: int, seconds: float) -> float:
    """Requests a second."""
    done = 0
    async with lines(server, connections) as open_lines:
        end = perf_counter() + seconds

        async def ask(line: Connected) -> None:
            nonlocal done
            while perf_counter() < end:
                await line.post(PATH, ASK)
                done += 1

        start = perf_counter()
        await asyncio.gather(*map(ask, open_lines))
        return done / (perf_counter() - start)


async def streams(server: Server, number: int) -> tuple[int, float]:
    """Streams at once that did not end with `[DONE]`, and seconds until the last one ended."""

    async def ask(line: Connected) -> bool:
        try:
            said = await line.post(PATH, {**ASK, "stream": True, "stream_options": {"include_usage": True}})
        except (Broken, ConnectionError, asyncio.IncompleteReadError):
            return False
        return said.rstrip().endswith(b"[DONE]") and b"total_tokens" in said

    async with lines(server, number) as open_lines:
        start = perf_counter()
        came = await asyncio.gather(*map(ask, open_lines))
        return came.count(False), perf_counter() - start


def spread(values: Sequence[float], form: str = ".1f") -> str:
    """Median and quartiles."""
    low, middle, high = quantiles(values, n=4)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


async def measure(servers: Sequence[Server], asked: argparse.Namespace) -> list[str]:
    """The page."""
    times = await latencies(servers, asked.rounds)
    bare = times[servers[0].name]
    rates: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(asked.repeats):
        for server in servers:
            rates[server.name].append(await rate(server, asked.connections, asked.seconds))
    page = [
        "# What the endpoint costs",
        "",
        f"`python -m benchmarks.server --rounds {asked.rounds} --repeats {asked.repeats}"
        f"{' --optillm PATH' if asked.optillm else ''}`: an upstream of this machine that takes 50 ms, two cores that "
        "client, upstream",
        "and server share. Medians with quartiles; differences to the bare call of the same turn.",
        "",
        "| one request | ms | more than bare | 99th percentile of that |",
        "|---|---|---|---|",
        f"| {servers[0].name} | {spread(bare)} | | |",
    ]
    for server in servers[1:]:
        more = [mine - its for mine, its in zip(times[server.name], bare, strict=True)]
        page.append(
            f"| {server.name}, single | {spread(times[server.name])} | {spread(more, '+.1f')} | {_p99(more):+.1f} |"
        )
    ratio = [mine / its for mine, its in zip(times["vote"], bare, strict=True)]
    more = [mine - its for mine, its in zip(times["vote"], bare, strict=True)]
    page += [
        f"| {servers[1].name}, 8 votes | {spread(times['vote'])} | {spread(more, '+.1f')} | {_p99(more):+.1f} |",
        "",
        f"A vote of eight takes {spread(ratio, '.2f')} times as long as one bare call.",
        "",
        f"| {asked.connections} connections, each asking again at once | requests a second | MB afterwards |",
        "|---|---|---|",
    ]
    page += [
        f"| {server.name} | {median(rates[server.name]):,.0f} ({min(rates[server.name]):,.0f} to "
        f"{max(rates[server.name]):,.0f}) | {f'{server.megabytes:.0f}' if server.process else ''} |"
        for server in servers
    ]
    if len(servers) > 2:
        ratios = [ours / its for ours, its in zip(rates[servers[1].name], rates[servers[2].name], strict=True)]
        page += ["", f"Ours answers {median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) times as many."]
    page += ["", f"| {asked.streams} streams at once | without an end | seconds until all ended |", "|---|---|---|"]
    for server in servers[:2]:
        runs = [await streams(server, asked.streams) for _ in range(asked.repeats)]
        page.append(
            f"| {server.name} | {sum(broken for broken, _ in runs)} of {asked.streams * len(runs):,} | "
            f"{median(seconds for _, seconds in runs):.2f} |"
        )
    return page


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[-1]


def main() -> None:
    """Start everything, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement of requests a second")
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--optillm", type=Path, help="path of the optillm command to measure next to ours")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    with ExitStack() as stack:
        bare = stack.enter_context(upstream())
        base, port = f"http://{HOST}:{bare.port}/v1", free_port()
        ours = [sys.executable, "-m", "tts_agent.cli", "serve", "--upstream", base, "--port", str(port)]
        servers = [bare, stack.enter_context(command("tts-agent serve", ours, port))]
        if asked.optillm:
            port = free_port()
            theirs = [str(asked.optillm), "--approach", "none", "--base-url", base, "--port", str(port)]
            servers.append(stack.enter_context(command("optillm", theirs, port)))
        page = "\n".join(asyncio.run(measure(servers, asked))) + "\n"
    print(page)
    asked.results.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
