"""Finding the program in a reply."""

import pytest

from tts_agent.verifiers.code_block import code_of


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("x = 1", "x = 1"),
        ("Here:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
        ("```py\nx = 1\n```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python\nfirst\n```\nNo, better:\n```python\nsecond\n```\nRun it:\n```bash\npython it\n```", "second\n"),
        ("```json\n{}\n```\n```\nx\n```", "x\n"),
        ("  ```python\n  x = 1\n  ```", "  x = 1\n"),
        ("```python\nx = '```'\n```", "x = '```'\n"),
        ("```python\nit was cut of", "```python\nit was cut of"),
        ("", ""),
    ],
)
def test_the_last_python_block_is_the_program(reply: str, code: str) -> None:
    assert code_of(reply) == code
