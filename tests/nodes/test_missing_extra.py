"""Without the extra there is one clear sentence."""

import subprocess
import sys


def test_importing_the_nodes_without_langgraph_names_the_extra() -> None:
    code = "import sys; sys.modules['langgraph'] = None; import tts_agent.nodes"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    *_, last = run.stderr.strip().splitlines()
    assert last.startswith("tts_agent.exceptions.MissingExtraError: ")
    assert "pip install 'tts-agent[langgraph]'" in last
