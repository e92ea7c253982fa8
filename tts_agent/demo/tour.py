"""The whole demo: run, summarize, plot, and leave everything in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tts_agent.budget import Budget
from tts_agent.demo.arms import best_of_n_on_countdown, refinement_on_chain
from tts_agent.demo.plot import plot_frontier
from tts_agent.demo.policies import Contender, contenders, frontier
from tts_agent.demo.predictor import predictor_numbers
from tts_agent.demo.run import Run, run_contender
from tts_agent.demo.summary import Summary, summarize
from tts_agent.demo.table import print_summary
from tts_agent.difficulty import Estimator
from tts_agent.embedded.tasks import Problem
from tts_agent.routing import ClassProfile
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import Sampler


def run_demo(
    problems: Sequence[Problem],
    sampler: Sampler,
    estimator: Estimator | None,
    *,
    budget: int,
    seed: int,
    out: Path,
    console: Console,
    profiles: Mapping[str, ClassProfile] | None = None,
) -> Summary:
    """Run every contender over `problems` and write summary.json, decisions.json and frontier.png to `out`.

    Files appear whole or not at all: everything is measured before the first is written.

    Args:
        budget: hard cap of every contender, tokens over all problems.
        profiles: what was measured of each class of steps; by default, what ships.
    """
    shared = SharedDraws(sampler)
    runs: dict[str, Run] = {}
    with _progress(console) as progress:

        def measure(contender: Contender) -> Run:
            limit = runs[contender.capped_at].spent if contender.capped_at else budget
            bar = progress.add_task(contender.name, total=len(problems), spent=0, left=limit)

            def show(ledger: Budget) -> None:
                spent = ledger.spent.tokens
                progress.update(bar, advance=1, spent=f"{spent:,}", left=f"{limit - spent:,}")

            return run_contender(contender, problems, shared, estimator, limit=limit, seed=seed, progress=show)

        for contender in contenders(profiles):
            runs[contender.name] = measure(contender)
        line = {contender.name: measure(contender) for contender in frontier(profiles)}
    arms = [best_of_n_on_countdown(problems, shared, seed), refinement_on_chain(problems, shared, seed)]
    summary = summarize(runs, arms, predictor_numbers(runs["ours"], runs["sc_15"]))
    _write(out, summary, runs, line)
    print_summary(console, summary)
    console.print(f"Left in {out}: summary.json, decisions.json (every decision), frontier.png")
    return summary


def _write(out: Path, summary: Summary, runs: dict[str, Run], line: dict[str, Run]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    decisions = {name: [asdict(row) for row in run.rows] for name, run in {**runs, **line}.items()}
    for name, content in (("summary.json", summary), ("decisions.json", decisions)):
        unfinished = out / f".{name}.part"
        unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(out / name)
    plot_frontier(runs, line, out / "frontier.png")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=8),
        MofNCompleteColumn(),
        TextColumn("{task.fields[spent]} spent, {task.fields[left]} left"),
        console=console,
    )
