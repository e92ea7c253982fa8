"""`python -m tts_agent.cli`, the same as `tts-agent`."""

from tts_agent.cli import main

main()
