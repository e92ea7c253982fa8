"""How a conversation becomes one line of tokens.

::

    <bos> <user> question <assistant> solution <eos>
    <bos> <user> question <assistant> attempt <user> wrong at step 3 <assistant> solution <eos>

A prompt may end inside the assistant's turn; the model then continues that text.
"""

from collections.abc import Sequence

from tts_agent.embedded.tokenizer import Tokenizer

WRONG = "wrong"


def feedback(step: int | None = None) -> str:
    """Return the user's reply to a wrong attempt; ``step`` is its first wrong step, counted from 1, if known."""
    return WRONG if step is None else f"{WRONG} at step {step}"


def prompt_ids(tokenizer: Tokenizer, turns: Sequence[str], prefix: str = "") -> list[int]:
    """Return the ids of a prompt.

    Args:
        tokenizer: Of the model that is to be prompted.
        turns: Texts of user and assistant in turn; the first and the last are the user's.
        prefix: Beginning of the assistant's reply.

    Raises:
        ValueError: ``turns`` does not end with the user.
        UnknownWordsError: see `Tokenizer.encode`.
    """
    if len(turns) % 2 == 0:
        raise ValueError("the last turn must be the user's")
    ids = [tokenizer.bos]
    for index, text in enumerate(turns):
        ids.append(tokenizer.assistant if index % 2 else tokenizer.user)
        ids.extend(tokenizer.encode(text))
    ids.append(tokenizer.assistant)
    ids.extend(tokenizer.encode(prefix))
    return ids
