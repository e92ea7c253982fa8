"""The replay lab: decisions measured on recorded samples of real models, in one run.

`banks` reads recordings, `orderings` shuffles them once for everybody, `trajectories` knows every prefix of every
vote, `contenders` are the policies that compete, `curves` and `bootstrap` compare them, `report` writes it down.
Import the modules directly; numpy is loaded by those that need it and not by `import tts_agent`.
"""
