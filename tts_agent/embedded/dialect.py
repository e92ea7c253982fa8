"""How a conversation becomes the tokens that a tiny model was taught to read, and what it wrote becomes a reply."""

import re
from collections.abc import Sequence
from typing import Protocol

from tts_agent.embedded.chat import feedback, prompt_ids
from tts_agent.embedded.examples import EXAMPLES
from tts_agent.embedded.tokenizer import Tokenizer, UnknownWordsError
from tts_agent.messages import Message, ToolCall

_STEP = re.compile(r"\bstep\s+(\d+)", re.IGNORECASE)


class Dialect(Protocol):
    """What one model understands."""

    def prompt(self, tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
        """Return the ids of a prompt, up to where the model goes on.

        Raises:
            ValueError: the model cannot be asked this, in a sentence.
        """
        ...

    def read(self, text: str) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the text of a whole reply and the calls that it proposes."""
        ...


class TaskDialect:
    """Of the model in the package.

    The first user message is the question. Any later user message tells the model that its attempt was wrong: it
    understands two such messages, "wrong" and "wrong at step 3", and other wordings are reduced to one of them.
    A last message of the assistant is continued. System messages are not read. It calls no tools.
    """

    def prompt(self, tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
        """See `Dialect.prompt`."""
        try:
            return prompt_ids(tokenizer, *_turns(messages))
        except UnknownWordsError as error:
            raise ValueError(_not_understood(error.words)) from None

    def read(self, text: str) -> tuple[str, tuple[ToolCall, ...]]:
        """See `Dialect.read`."""
        return text, ()


def _turns(messages: Sequence[Message]) -> tuple[list[str], str]:
    """Return the texts of user and assistant in turn, and the beginning of the reply.

    Raises:
        ValueError: there is no question, or a message of a kind that the model does not know.
    """
    turns: list[str] = []
    for message in messages:
        if message.role == "system":
            continue
        speaker = "assistant" if len(turns) % 2 else "user"
        if message.role == speaker:
            turns.append(_feedback(message.content) if turns and speaker == "user" else message.content)
        elif turns and message.role in ("user", "assistant"):
            turns[-1] = f"{turns[-1]} {message.content}"
        else:
            raise ValueError(
                f"the embedded model reads a user's question and nothing else, got a {message.role} message"
            )
    if not turns:
        raise ValueError("there is no question to answer")
    prefix = turns.pop() if len(turns) % 2 == 0 else ""
    return turns, prefix


def _feedback(text: str) -> str:
    step = _STEP.search(text)
    return feedback(int(step[1]) if step else None)


def _not_understood(words: Sequence[str]) -> str:
    listed = ", ".join(repr(word) for word in words[:5])
    known = "\n".join(f"  {family}: {example}" for family, example in EXAMPLES.items())
    return (
        f"the embedded model does not know {listed}. It is tiny and answers only five kinds of problem:\n{known}\n"
        "For other questions name a model with --model."
    )
