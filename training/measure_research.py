"""Measures the research model on worlds it was not trained on: ``python -m training.measure_research [FOLDER]``."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from examples.deep_research import language
from examples.deep_research.corpus import write_pages
from examples.deep_research.index import Index
from examples.deep_research.language import Hop, Note
from examples.deep_research.questions import Question, ask_many
from examples.deep_research.tiny import MODEL_FOLDER, research_sampler
from examples.deep_research.world import make_world
from training.research import RESULTS, hops_of
from tts_agent.embedded import EmbeddedSampler
from tts_agent.messages import Message, user
from tts_agent.sampling import Sample, SampleRequest

MOST_SEARCHES = 4


async def say(sampler: EmbeddedSampler, messages: Sequence[Message], temperature: float, seed: int) -> Sample:
    """One reply."""
    request = SampleRequest(tuple(messages), max_tokens=160, temperature=temperature, seed=seed)
    return (await sampler.sample(request, 1)).samples[0]


async def find(
    sampler: EmbeddedSampler, index: Index, hop: Hop, temperature: float, seed: int
) -> tuple[str, int] | None:
    """Look one fact up, as the example's agent does: search until the model says what it found."""
    messages = [user(language.find_prompt(hop))]
    for turn in range(MOST_SEARCHES):
        reply = await say(sampler, messages, temperature, seed + turn)
        if not reply.tool_calls:
            return language.read_found(reply.text)
        query = language.read_query(reply.tool_calls[0].arguments)
        pages = index.search(query, RESULTS)
        messages += [Message("assistant", "", reply.tool_calls), Message("tool", language.results_text(pages))]
    return None


async def measure(sampler: EmbeddedSampler, questions: Sequence[Question], index: Index, temperature: float) -> None:
    """Print the share of right plans, finds and reports."""
    plans = finds = hops = reports = 0
    for number, question in enumerate(questions):
        reply = await say(sampler, [user(language.plan_prompt(question.text))], temperature, number)
        plans += language.read_plan(reply.text) == hops_of(question)
        notes = [Note(Hop(fact.relation, fact.subject), fact.object, 1 + number) for fact in question.path]
        reply = await say(sampler, [user(language.write_prompt(question.text, notes))], temperature, number)
        reports += language.read_report(reply.text) == (question.answer, [note.page for note in notes])
        for fact in question.path:
            found = await find(sampler, index, Hop(fact.relation, fact.subject), temperature, number)
            finds += found is not None and found[0] == fact.object
            hops += 1
    print(
        f"temperature {temperature}: plans {plans / len(questions):.3f}, reports {reports / len(questions):.3f}, "
        f"finds {finds / hops:.3f} of {hops}"
    )


def main() -> None:
    """Measure the model of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=MODEL_FOLDER)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--seed", type=int, default=3, help="of the world")
    arguments = parser.parse_args()
    world = make_world(arguments.seed)
    pages = write_pages(world, arguments.seed)
    questions = ask_many(world, pages, arguments.questions, arguments.seed)
    for temperature in (0.0, 0.7, 1.0):
        asyncio.run(measure(research_sampler(arguments.folder), questions, Index(pages), temperature))


if __name__ == "__main__":
    main()
