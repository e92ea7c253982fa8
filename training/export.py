"""Writes a model folder from a training checkpoint: ``python -m training.export WEIGHTS.safetensors FOLDER``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from training import checkpoints
from training.llama import LlamaConfig
from training.vocabulary import word_list, write_tokenizer
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE
from tts_agent.embedded.tokenizer import Tokenizer


def export(weights: Path, folder: Path, words: Sequence[str]) -> None:
    """Write the Hugging Face folder of ``weights``, whose vocabulary is ``words``."""
    state = checkpoints.read(weights)
    config = LlamaConfig(vocab_size=state["model.embed_tokens.weight"].shape[0])
    write_tokenizer(folder, words, config.max_position_embeddings)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    special = {"pad": tokenizer.pad, "bos": tokenizer.bos, "eos": tokenizer.eos}
    (folder / "config.json").write_text(json.dumps(config.hf(**special), indent=2) + "\n")
    ends = {f"{name}_token_id": id_ for name, id_ in special.items()}
    generation = {"do_sample": True, "temperature": DEFAULT_TEMPERATURE, **ends}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    checkpoints.write(folder / "model.safetensors", state)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]), word_list())
