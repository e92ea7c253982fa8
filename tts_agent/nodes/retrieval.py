"""LangChain's retrievers, as `RetrievalChains` wants them."""

from __future__ import annotations

from langchain_core.retrievers import BaseRetriever

from tts_agent.strategies.retrieval_chains import Retriever


def passages_of(retriever: BaseRetriever) -> Retriever:
    """The texts of what any LangChain retriever finds, for `RetrievalChains(passages_of(retriever))`.

    It is invoked synchronously, off the event loop, from several threads where there are several chains. A retriever
    that asks a model of its own spends outside the ledger, unless that model is bound to it (`token_budget`).
    """

    def retrieve(query: str) -> tuple[str, ...]:
        return tuple(document.page_content for document in retriever.invoke(query))

    return retrieve
