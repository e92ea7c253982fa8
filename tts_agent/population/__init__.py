"""What the steps of a class are like before any of them is seen: how often the model is right, how errors scatter."""

from tts_agent.population.components import Components, VoteCounts
from tts_agent.population.fit import fit_population
from tts_agent.population.population import Population

__all__ = ["Components", "Population", "VoteCounts", "fit_population"]
