"""What the research model is taught."""

from itertools import islice
from pathlib import Path

import pytest

from examples.deep_research import language
from examples.deep_research.corpus import write_pages
from examples.deep_research.index import Index
from examples.deep_research.world import LAST_YEAR, make_world
from training.research import Research, search, word_list
from training.vocabulary import write_tokenizer
from tts_agent.embedded.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, word_list())
    return Tokenizer.load(folder / "tokenizer.json")


def test_examples_are_turns_of_which_the_models_own_are_learned(tokenizer: Tokenizer) -> None:
    lessons = Research(tokenizer, seed=3)
    lessons.progress = 1.0
    for example in islice(lessons, 200):
        assert tokenizer.unknown not in example.ids
        assert len(example.ids) <= 1280
        for part in example.learned:
            assert example.ids[part.start - 1] == tokenizer.assistant
            assert example.ids[part.stop - 1] == tokenizer.eos


def test_a_search_that_sees_the_fact_finds_it_and_prefers_what_is_newer() -> None:
    world = make_world(11)
    index = Index(write_pages(world, 11))
    right = 0
    for (subject, relation), fact in world.facts.items():
        turns = search(subject, relation, index)
        found = language.read_found(turns[-1])
        right += int(found is not None and found[0] == fact.object)
        searches = [turn for turn in turns[1:-1:2] if language.read_search(turn)]
        assert len(searches) == len(turns) // 2 - 1
        if found and fact.year is None:
            assert found[0] == fact.object, "what was never otherwise has no other value"
        assert fact.year is None or fact.year <= LAST_YEAR
    assert 0.85 < right / len(world.facts) < 1.0
