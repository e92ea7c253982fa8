"""Any LangChain retriever feeds retrieval chains."""

from __future__ import annotations

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from tts_agent import AdaptiveReasoner
from tts_agent.nodes import passages_of
from tts_agent.routing import Fixed
from tts_agent.sampling import SampleRequest
from tts_agent.strategies import RetrievalChains
from tts_agent.strategies.retrieval_chains import QUERY, READ
from tts_agent.testing.scripted import ScriptedSampler


class Shelf(BaseRetriever):
    """Finds the documents that share a word of five letters or more with the query."""

    documents: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        words = {word.strip("?.") for word in query.split() if len(word) > 4}
        return [document for document in self.documents if words & set(document.page_content.strip(".").split())]


SHELF = Shelf(
    documents=[Document("Bella wrote Nightfall."), Document("Bella lives in Dornfeld.", metadata={"page": 2})]
)


def model(request: SampleRequest, index: int) -> str:
    said = request.messages[-1].content
    if said.endswith(READ):
        return said.split("\n")[0]
    if said.endswith(QUERY):
        return "ENOUGH" if "Dornfeld" in said else "Where does Bella live?"
    return "The answer is Dornfeld." if "Dornfeld" in said else "The answer is unknown."


def test_a_retriever_gives_the_texts_of_its_documents() -> None:
    assert passages_of(SHELF)("Who is Bella?") == ("Bella wrote Nightfall.", "Bella lives in Dornfeld.")
    assert passages_of(SHELF)("Why?") == ()


async def test_chains_follow_it_from_document_to_document_for_synchronous_and_asynchronous_callers() -> None:
    chains = RetrievalChains(passages_of(SHELF), count=2)
    reasoner = AdaptiveReasoner(ScriptedSampler(model), policy=Fixed(chains))
    result = await reasoner.arun("Where does the author of Nightfall live?")
    assert (result.outcome.answer, result.outcome.votes) == ("dornfeld", {"dornfeld": 2})
    assert result.spent.calls == 2 * 4
    assert reasoner.run("Where does the author of Nightfall live?").outcome == result.outcome
