"""``python -m examples.deep_research "who is the mayor of the origin of ... ?" --budget 600``

Looks the question up in a small collection of pages about a made-up world, within the budget, and prints the plan, the
searches, the notes, the report, what was left undone, and what it cost. Offline by default: a tiny model learned
this. ``--model`` and ``--base-url`` take any other. Without a question, some that could be asked are listed.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from examples.deep_research.agent import search_tool
from examples.deep_research.corpus import write_pages
from examples.deep_research.index import Index
from examples.deep_research.pace import read_profile
from examples.deep_research.questions import ask_many
from examples.deep_research.run import research
from examples.deep_research.tiny import MODEL_FOLDER, PROFILE, TEMPERATURE, research_sampler
from examples.deep_research.turns import LARGER, Limits, Turns
from examples.deep_research.world import make_world
from tts_agent import ConfigurationError, TTSAgentError
from tts_agent.learning.recording import Recorder
from tts_agent.sampling import Sampler

WORLD = 7
DEARER = 8.0
"""What a step costs with other models, about, next to the tiny one: they are told the rules and have longer tokens."""


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    given = _parser().parse_args(arguments)
    world = make_world(given.world)
    pages = write_pages(world, given.world)
    if given.question is None:
        print("Some questions that the pages answer:")
        for question in ask_many(world, pages, 10, given.world):
            print(f"  {question.text}")
        return 0
    try:
        _research(given, Index(pages))
    except TTSAgentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _research(given: argparse.Namespace, index: Index) -> None:
    sampler, limits, temperature = _model(given.model, given.base_url)
    conduct = read_profile(MODEL_FOLDER / PROFILE, DEARER if given.model else 1.0)
    turns = Turns(sampler, search_tool(index), limits, temperature)
    with ExitStack() as recording:
        if given.record:
            recorder = recording.enter_context(Recorder(given.record, model=sampler.name))
            recording.enter_context(recorder.task(given.question))
            turns = replace(turns, estimator=conduct.pass_rates, on_result=recorder)
        state, spent = research(given.question, given.budget, turns, conduct, seed=given.seed, keep=given.keep)
    for line in state["log"]:
        print(line)
    print()
    print(state["report"])
    for undone in state.get("undone", []):
        print(f"left undone: {undone}")
    print(f"{spent.tokens} of {given.budget} tokens, {spent.calls} samples")


def _model(name: str | None, base_url: str | None) -> tuple[Sampler, Limits, float | None]:
    if name is None:
        if base_url is not None:
            raise ConfigurationError("--base-url needs --model: name the model that the endpoint serves")
        return research_sampler(), Limits(), TEMPERATURE
    from tts_agent.samplers.openai import OpenAISampler

    return OpenAISampler(name, base_url=base_url), LARGER, None


def _parser() -> argparse.ArgumentParser:
    name, layout = "python -m examples.deep_research", argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=name, description=__doc__, formatter_class=layout)
    parser.add_argument("question", nargs="?")
    parser.add_argument("--budget", type=int, default=600, help="most tokens, input and output: a hard cap")
    parser.add_argument("--model", help="a model of the endpoint; the key comes from OPENAI_API_KEY")
    parser.add_argument("--base-url", help="OpenAI-compatible endpoint")
    parser.add_argument("--keep", type=Path, help="SQLite file; a run that was killed goes on from it")
    parser.add_argument("--record", type=Path, help="SQLite file of decisions, for `tts-agent report`")
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    parser.add_argument("--world", type=int, default=WORLD, help="seed of the world that the pages are about")
    return parser


if __name__ == "__main__":
    sys.exit(main())
