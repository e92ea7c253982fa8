"""The world of the deep-research example: what is asked has one answer, and pages that prove it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.deep_research import language
from examples.deep_research.corpus import Page, write_pages
from examples.deep_research.index import Index
from examples.deep_research.language import IT, Hop, Note
from examples.deep_research.questions import MOST_HOPS, ask, ask_many
from examples.deep_research.world import RELATIONS, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(7)


@pytest.fixture(scope="module")
def pages(world: World) -> list[Page]:
    return write_pages(world, 7)


def test_a_seed_makes_the_same_world_and_the_same_pages(world: World, pages: list[Page]) -> None:
    assert make_world(7) == world
    assert write_pages(world, 7) == pages


def test_whatever_can_be_asked_about_something_has_one_answer(world: World) -> None:
    for thing, kind in world.things.items():
        for relation in RELATIONS.values():
            assert ((thing, relation.name) in world.facts) == (relation.subject == kind)


def test_what_no_longer_holds_is_older_than_what_does(world: World) -> None:
    assert world.outdated
    for fact in world.outdated:
        now = world.facts[fact.subject, fact.relation]
        assert now.object != fact.object
        assert fact.year is not None
        assert now.year is not None
        assert fact.year < now.year


def test_every_fact_stands_on_a_page_in_words_that_name_both_ends(world: World, pages: list[Page]) -> None:
    told = {fact for page in pages for fact in page.facts}
    assert told == {*world.facts.values(), *world.outdated}
    for page in pages:
        for fact in page.facts:
            assert fact.subject in page.text
            assert fact.object in page.text


@pytest.mark.parametrize("hops", range(1, MOST_HOPS + 1))
def test_a_question_is_proven_hop_by_hop(world: World, pages: list[Page], hops: int) -> None:
    question = ask(Random(hops), world, pages, hops)
    assert question.hops == hops == len(question.sources)
    assert all(question.sources)
    subjects = [question.start, *(fact.object for fact in question.path)]
    assert [fact.subject for fact in question.path] == subjects[:-1]
    assert question.answer == subjects[-1] not in question.text


def test_questions_are_different_and_of_every_length(world: World, pages: list[Page]) -> None:
    questions = ask_many(world, pages, 50, seed=1)
    assert len({(question.start, question.relations) for question in questions}) == 50
    assert {question.hops for question in questions} == set(range(1, MOST_HOPS + 1))


def test_most_facts_are_found_by_one_of_the_ways_to_say_them(world: World, pages: list[Page]) -> None:
    index = Index(pages)
    found = [
        any(
            fact in page.facts
            for _, word in RELATIONS[fact.relation].sentences
            for page in index.search(f"{fact.subject} {word}")
        )
        for fact in world.facts.values()
    ]
    assert 0.8 < sum(found) / len(found) < 1.0


@pytest.mark.parametrize("query", ["", " . ", '"', "' OR 1=1; --", "nobody's words", "NOT NEAR("])
def test_a_query_is_words_whatever_is_in_it(pages: list[Page], query: str) -> None:
    assert len(Index(pages).search(query)) <= 3


NAMES = st.lists(st.sampled_from(["anna", "lind", "eve", "mills", "the", "red", "river"]), min_size=1, max_size=3).map(
    " ".join
)
HOPS = st.builds(Hop, st.sampled_from(list(RELATIONS)), NAMES)
NOTES = st.builds(Note, HOPS, NAMES, st.integers(1, 400))


@given(HOPS, st.lists(st.sampled_from(list(RELATIONS)), max_size=4))
def test_a_plan_is_read_as_it_is_written(first: Hop, others: list[str]) -> None:
    hops = [first, *(Hop(relation, IT) for relation in others)]
    assert language.read_plan(language.plan_text(hops)) == hops


@pytest.mark.parametrize("text", ["", "it", "employer of it", "taste of anna", "employer of anna ; base of brook"])
def test_what_is_no_plan_is_none(text: str) -> None:
    assert language.read_plan(text) is None


@given(NAMES, st.integers(1, 400))
def test_a_find_is_read_as_it_is_written(value: str, page: int) -> None:
    assert language.read_found(language.found_text(value, page)) == (value, page)
    assert language.read_found(language.found_text(None, None)) is None
    assert language.read_search(language.search_text(value, "works")) == f"{value} works"


@given(NAMES, st.lists(NOTES, max_size=4))
def test_a_report_is_read_as_it_is_written(answer: str, notes: list[Note]) -> None:
    assert language.read_report(language.report_text(answer, notes)) == (answer, notes)
