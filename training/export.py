"""Writes a model folder from a training checkpoint: ``python -m training.export WEIGHTS.pt FOLDER``."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save

from training.llama import LlamaConfig
from training.vocabulary import write_tokenizer
from tts_agent.embedded.tokenizer import Tokenizer


def export(weights: Path, folder: Path) -> None:
    """Write the Hugging Face folder of ``weights`` (a state dict, or a checkpoint that holds one)."""
    state = torch.load(weights, map_location="cpu")
    state = state.get("model", state)
    config = LlamaConfig(vocab_size=state["model.embed_tokens.weight"].shape[0])
    write_tokenizer(folder, config.max_position_embeddings)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    special = {"pad": tokenizer.pad, "bos": tokenizer.bos, "eos": tokenizer.eos}
    (folder / "config.json").write_text(json.dumps(config.hf(**special), indent=2) + "\n")
    generation = {"do_sample": True, "temperature": 1.0, **{f"{name}_token_id": id_ for name, id_ in special.items()}}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
