"""The examples beyond what running them shows."""

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

STUDIO = Path(__file__).parents[1] / "examples" / "studio"


def test_studio_s_configuration_names_a_graph_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    configured = json.loads((STUDIO / "langgraph.json").read_text())
    file, name = configured["graphs"]["agent"].split(":")
    assert (STUDIO / configured["dependencies"][0] / "pyproject.toml").exists()
    monkeypatch.syspath_prepend(str(STUDIO))
    monkeypatch.delitem(sys.modules, Path(file).stem, raising=False)
    graph = getattr(import_module(Path(file).stem), name)
    drawn = graph.get_graph(xray=1)
    assert {"agent:estimate", "agent:sample", "agent:commit"} <= set(drawn.nodes)
    question = HumanMessage("Start with 47. Add 38. What is the result?")
    assert graph.invoke({"messages": [question]})["messages"][-1].text
