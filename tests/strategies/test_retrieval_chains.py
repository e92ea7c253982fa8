"""Look up, read, ask the next question."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from math import comb

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, simulate
from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.sampling import Sample, SampleBatch, SampleRequest
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies import RetrievalChains
from tts_agent.strategies.retrieval_chains import ANSWER, QUERY, READ
from tts_agent.strategies.retrieval_stops import Hop, WorthAHop
from tts_agent.testing.conformance import check_strategy
from tts_agent.testing.scripted import ScriptedSampler

LIBRARY = {"sum": ("Two and two make four.", "Sums commute."), "more": ("Two and two make four.",)}


def library(query: str) -> Sequence[str]:
    return LIBRARY.get(query, ())


def text(*words: str) -> SampleBatch:
    return SampleBatch(tuple(map(Sample, words)))


def test_a_hop_writes_a_query_reads_what_it_finds_and_the_answer_sees_both() -> None:
    step = replace(STEP, tools=({"name": "add"},), options={"response_format": {}, "user": "me"}, final=True)
    played = play(RetrievalChains(library, length=1), [text("sum\n"), text("four"), batch(4)], step)
    query, reading, answer = played.asked
    passages = "\n\n".join(LIBRARY["sum"])
    assert query.request.messages == (user(f"{STEP.text}\n\n{QUERY}"),)
    assert reading.request.messages == (user(f"{passages}\n\nQuery: sum\n\n{READ}"),)
    found = f"{passages}\n\nQuery: sum\nAnswer: four"
    assert answer.request == replace(step.request(), messages=(user(f"{STEP.text}\n\n{ANSWER}\n\n{found}"),))
    assert (query.request.tools, query.request.options) == ((), {"user": "me"})
    assert [ask.final for ask in played.asked] == [False, False, True], "the reserve is for the answer"
    assert (played.outcome.stop, played.outcome.answer, len(played.outcome.samples)) == ("done", "4", 1)


def test_the_next_query_is_written_in_sight_of_what_was_found() -> None:
    played = play(
        RetrievalChains(lambda query: library("sum") if query == STEP.text else ["Nine."], length=2, passages=1),
        [text("one"), text("nine"), text("two"), text("still nine"), batch(4)],
    )
    second = played.asked[2].request.messages[0].content
    assert second == f"{STEP.text}\n\nTwo and two make four.\n\nNine.\n\nQuery: one\nAnswer: nine\n\n{QUERY}"


@pytest.mark.parametrize("word", ["ENOUGH", " *Enough*.\n", '"ENOUGH"', "", " \n "])
def test_a_chain_ends_where_the_model_has_enough(word: str) -> None:
    played = play(RetrievalChains(library), [text(word), batch(4)])
    assert played.asked[-1].request == STEP.request(), "nothing was found, so the step is asked as it is"


def test_a_chain_ends_after_two_hops_without_a_new_passage() -> None:
    replies = [text("sum"), text("four"), text("more"), text("four"), text("nothing"), batch(4)]
    played = play(RetrievalChains(library, length=9), replies)
    assert played.sizes == [1] * 6, "a query that finds nothing is not read"


def test_no_hop_at_all_answers_from_what_the_question_finds() -> None:
    played = play(RetrievalChains(lambda query: ["Four."], length=0), [batch(4)])
    assert played.asked[0].request.messages == (user(f"{STEP.text}\n\n{ANSWER}\n\nFour."),)


def test_the_chains_vote_together_with_what_was_drawn_before() -> None:
    replies = [text("enough"), batch(5), text("sum"), text("four"), text("enough"), batch(4)]
    outcome = play(RetrievalChains(library, count=2), replies, STEP.with_drawn(batch(4).samples)).outcome
    assert (outcome.answer, outcome.votes) == ("4", {"4": 2, "5": 1})


@pytest.mark.parametrize(("nothing", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_a_chain_that_is_cut_short_answers_from_what_it_has(nothing: SampleBatch, stop: StopReason) -> None:
    assert play(RetrievalChains(library), [nothing, batch(4)]).outcome.answer == "4"
    played = play(RetrievalChains(library), [text("sum"), nothing, nothing, batch(4)])
    assert "Answer: not found" in played.asked[-1].request.messages[0].content
    assert (played.outcome.stop, played.outcome.answer) == ("done", "4")
    assert play(RetrievalChains(library), [nothing, nothing]).outcome == Outcome("retrieval_chains", stop)


def test_a_search_that_fails_is_not_one_that_finds_nothing() -> None:
    def down(query: str) -> Sequence[str]:
        raise ConnectionError("the index is down")

    with pytest.raises(ConnectionError):
        play(RetrievalChains(down))


@pytest.mark.parametrize(("length", "count"), [(2, 1), (4, 1), (7, 1), (4, 5)])
def test_longer_chains_and_more_of_them_solve_as_many_as_computed(length: int, count: int) -> None:
    """Two facts are needed, a hop finds the next with probability q, and chains that miss one agree on what is wrong.

    So a chain is right with P(at least 2 of `length` hops succeed), and the vote as a majority of independent chains.
    """
    q, needed, rng = 0.45, 2, random.Random(3)

    def retrieve(query: str) -> Sequence[str]:
        return [query] if query.startswith("fact") else []

    def model(ask: Generate) -> SampleBatch:
        said = ask.request.messages[0].content
        if said.endswith(READ):
            return text("read")
        if said.endswith(QUERY):
            return text(f"fact {rng.random()}" if rng.random() < q else "miss")
        return text("right" if said.count("Answer: read") >= needed else "wrong")

    chains = RetrievalChains(retrieve, length, count, stop=lambda hops: False)
    share, tolerance = rate([simulate(chains, model, PLAIN).outcome.answer == "right" for _ in range(400)])
    p = at_least(needed, length, q)
    assert share == pytest.approx(at_least(count // 2 + 1, count, p), abs=tolerance)


def at_least(k: int, n: int, p: float) -> float:
    return sum(comb(n, i) * p**i * (1.0 - p) ** (n - i) for i in range(k, n + 1))


def test_value_of_information_stops_where_the_next_hop_costs_more_than_it_is_expected_to_gain() -> None:
    """News at first, none later, 100 tokens a hop at .001, a gain of .25: stop once (news + 1) / (hops + 2) < .4."""
    stop = WorthAHop(gain=0.25, price=0.001)
    hops = [Hop("new", ("passage",), tokens=100), *[Hop("old", tokens=100)] * 5]
    assert [stop(hops[:k]) for k in range(7)] == [False, False, False, False, True, True, True]
    assert not WorthAHop(gain=0.25, price=0.0)(hops), "what is free goes on"


@pytest.mark.parametrize(("gain", "price"), [(1.1, 0.1), (-0.1, 0.1), (0.5, -1.0), (0.5, float("nan"))])
def test_a_gain_or_price_that_makes_no_sense_is_refused(gain: float, price: float) -> None:
    with pytest.raises(ConfigurationError, match="a gain is 0 to 1"):
        WorthAHop(gain, price)


@pytest.mark.parametrize(("length", "count", "passages"), [(-1, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_dials_that_make_no_sense_are_refused(length: int, count: int, passages: int) -> None:
    with pytest.raises(ConfigurationError, match="need length >= 0"):
        RetrievalChains(library, length, count, passages=passages)


# ------------------------------------------------------------------------------------------ with a real search engine

CORPUS = (
    "Ada Brandt was taught by Bela Corvin.",
    "Bela Corvin died in the town of Dornfeld.",
    "Dornfeld lies on the river Elva.",
    "The river Ister is longer than any other.",
    "Corvin is also the name of a raven.",
)
QUESTION = Step((user("Which river flows past the town where the teacher of Ada Brandt died?"),), max_tokens=64, seed=1)
NEXT = {"taught by": "Bela Corvin died", "died in": "Dornfeld river", "lies on": "ENOUGH"}
"""What a reader of the last fact found asks next."""


@pytest.fixture
def search() -> Iterator[RetrievalChains]:
    """Full-text search of SQLite (FTS5, ranked by BM25)."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as database:
        database.execute("CREATE VIRTUAL TABLE corpus USING fts5(passage)")
        database.executemany("INSERT INTO corpus VALUES (?)", [(passage,) for passage in CORPUS])

        def retrieve(query: str) -> list[str]:
            words = " AND ".join(f'"{word}"' for word in query.split())
            rows = database.execute("SELECT passage FROM corpus WHERE corpus MATCH ? ORDER BY rank LIMIT 2", (words,))
            return [row[0] for row in rows]

        yield RetrievalChains(retrieve)


def reader(request: SampleRequest, index: int) -> str:
    """A model that can follow one fact at a time and knows none by itself."""
    said = request.messages[-1].content
    if said.endswith(READ):
        return said.split("\n")[0]
    if said.endswith(QUERY):
        links = [(said.rfind(link), query) for link, query in NEXT.items()]
        at, query = max(links)
        return query if at >= 0 else "Ada Brandt"
    return "The answer is Elva." if "lies on the river Elva" in said else "The answer is Ister."


@pytest.mark.parametrize(("length", "answer"), [(0, "ister"), (1, "ister"), (2, "ister"), (3, "elva"), (4, "elva")])
async def test_a_question_over_three_documents_takes_three_hops(
    search: RetrievalChains, length: int, answer: str
) -> None:
    budget = Budget(10_000)
    sampler = ScriptedSampler(reader)
    outcome = await Driver(sampler, budget).run(replace(search, length=length).run(QUESTION))
    assert outcome.answer == answer
    assert budget.spent.calls == 1 + 2 * min(length, 3) + (length > 3)
    assert budget.spent.tokens == sum(sample.usage.total for sample in sampler.samples), "the ledger has every hop"


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: RetrievalChains(lambda query: ["Two and two make four.", query], length=1, count=2))
    check_strategy(lambda: RetrievalChains(lambda query: [], length=2))
