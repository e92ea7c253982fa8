"""The tiny research model, made by `python -m training.train_research`: it understands `language` and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from examples.deep_research import language
from tts_agent.embedded import EmbeddedSampler
from tts_agent.embedded.tokenizer import Tokenizer, UnknownWordsError
from tts_agent.messages import Message, ToolCall

MODEL_FOLDER = Path(__file__).parent / "model"
PROFILE = "profile.json"
"""Name of the file in it that says what every effort costs and brings."""
TEMPERATURE = 0.7
"""Of its samples: some of the time it is wrong, and votes and further tries differ."""
SEARCH = "search"


class ResearchDialect:
    """Every turn ends as it was taught: questions and results are one side, the model the other.

    Words that it does not know are passed over, so that a page may say what it likes. What looks like a search becomes
    a call of the tool. Where it is told that there are no more searches, its reply is begun for it: "found".
    """

    def prompt(self, tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
        """See `Dialect.prompt`."""
        ids, speaker, ended = [tokenizer.bos], "", False
        for message in messages:
            if message.role == "system":
                continue
            if message.content == language.ENOUGH:
                ended = True
                continue
            side = "model" if message.role == "assistant" else "others"
            if side != speaker:
                ids.append(tokenizer.assistant if side == "model" else tokenizer.user)
            ids += _known(tokenizer, _text(message))
            if side == "model":
                ids.append(tokenizer.eos)
            speaker = side
        if speaker != "others":
            raise ValueError("the research model answers questions and results: the last message must be one")
        return [*ids, tokenizer.assistant, *(tokenizer.encode(language.FOUND) if ended else ())]

    def read(self, text: str) -> tuple[str, tuple[ToolCall, ...]]:
        """See `Dialect.read`."""
        query = language.read_search(text)
        if query is None:
            return text, ()
        return "", (ToolCall(SEARCH, json.dumps({"query": query}), f"search {query}"),)


def research_sampler(folder: Path = MODEL_FOLDER) -> EmbeddedSampler:
    """The model, as everything in the package wants one."""
    return EmbeddedSampler(folder, "research", ResearchDialect())


def _text(message: Message) -> str:
    """What a turn says: the model's own calls as it writes them."""
    calls = (f"{call.name} {language.read_query(call.arguments)}" for call in message.tool_calls)
    return " ".join((message.content, *calls)).strip()


def _known(tokenizer: Tokenizer, text: str) -> list[int]:
    try:
        return tokenizer.encode(text)
    except UnknownWordsError as error:
        unknown = set(error.words)
        return tokenizer.encode(" ".join(word for word in text.split() if not unknown & {word, *_parts(word)}))


def _parts(word: str) -> set[str]:
    """A word without the marks around it."""
    return {word.strip(".,:;?!()[]\"'")}
