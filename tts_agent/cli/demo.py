"""`tts-agent demo`: the guided tour."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tts_agent.cli import options, resolve
from tts_agent.exceptions import ConfigurationError, MissingExtraError

LEAST = 5
"""Questions: sets of problems have an equal share of each family, and two families have tables of their own."""


def demo(
    model: options.Model = resolve.EMBEDDED,
    base_url: options.BaseUrl = None,
    questions: Annotated[int, typer.Option(help="How many of the held-out problems.")] = 320,
    budget: Annotated[int, typer.Option(help="Hard cap of each policy, in tokens over all problems.")] = 3_000_000,
    estimator: Annotated[
        str, typer.Option(help="Difficulty estimator: 'auto', 'none' or the folder of a saved one.")
    ] = "auto",
    profile: Annotated[
        Path | None, typer.Option(help="profile.json of `tts-agent profile`, instead of what the estimator carries.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random streams.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out/demo"),
) -> None:
    """Let a LangGraph agent solve held-out problems under several policies, and compare them."""
    if questions < LEAST:
        raise ConfigurationError(f"--questions is {questions}: at least {LEAST} are needed, one of each family")
    if budget < 1:
        raise ConfigurationError(f"--budget is {budget}: give a number of tokens above 0")
    if out.exists() and not out.is_dir():
        raise ConfigurationError(f"--out {out} is a file: name a folder")
    try:
        from tts_agent.demo.tour import run_demo
        from tts_agent.embedded.problems import demo_problems
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the demo ({error.name})", "all") from None
    predictor = resolve.estimator(estimator, model)
    known = resolve.profile(profile, model) if profile else None
    if known and known.classes:
        raise ConfigurationError(
            f"--profile {profile}: its classes were found in texts, and the problems of the demo have classes of their "
            "own: profile embedded:N"
        )
    run_demo(
        demo_problems(questions),
        resolve.sampler(model, base_url),
        predictor,
        budget=budget,
        seed=seed,
        out=out,
        profiles=known.profiles if known else resolve.stored_profiles(predictor),
        console=Console(),
    )
