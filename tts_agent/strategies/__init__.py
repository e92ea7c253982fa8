"""Strategies: how a step is answered. Each is one frozen dataclass whose `run` is a flow.

Each is a file of its own, which loads when its name is first asked for.
"""

from typing import TYPE_CHECKING

from tts_agent.lazy import lazy_exports

if TYPE_CHECKING:
    from tts_agent.strategies.base import Strategy
    from tts_agent.strategies.beam_search import BeamSearch
    from tts_agent.strategies.best_of_n import BestOfN
    from tts_agent.strategies.budget_forcing import BudgetForcing
    from tts_agent.strategies.cascade import Cascade, Rung
    from tts_agent.strategies.cognitive_tools import CognitiveTools
    from tts_agent.strategies.critique_and_revise import CritiqueAndRevise
    from tts_agent.strategies.deepconf import DeepConf
    from tts_agent.strategies.diverse_tree_search import DiverseTreeSearch
    from tts_agent.strategies.first_finish import FirstFinish
    from tts_agent.strategies.hybrid import Hybrid
    from tts_agent.strategies.hybrid_shape import BestShape, HybridRates, Shape
    from tts_agent.strategies.judged_vote import JudgedVote
    from tts_agent.strategies.medoid import Medoid
    from tts_agent.strategies.plan_first import PlanFirst
    from tts_agent.strategies.prefix_continuation import PrefixContinuation
    from tts_agent.strategies.retrieval_chains import RetrievalChains
    from tts_agent.strategies.retrieval_stops import Hop, WorthAHop
    from tts_agent.strategies.self_consistency import SelfConsistency
    from tts_agent.strategies.self_revision import SelfRevision
    from tts_agent.strategies.sequential_refinement import SequentialRefinement
    from tts_agent.strategies.single import Single
    from tts_agent.strategies.sleep_time import SleepTime
    from tts_agent.strategies.thoughts import Thoughts
    from tts_agent.strategies.tree_search import TreeSearch
    from tts_agent.strategies.universal_self_consistency import UniversalSelfConsistency
    from tts_agent.strategies.weighted_best_of_n import WeightedBestOfN
    from tts_agent.strategies.weighted_vote import WeightedVote
    from tts_agent.strategies.wider_or_deeper import WiderOrDeeper

_MODULES = {
    "BeamSearch": "beam_search",
    "BestOfN": "best_of_n",
    "BestShape": "hybrid_shape",
    "BudgetForcing": "budget_forcing",
    "Cascade": "cascade",
    "CognitiveTools": "cognitive_tools",
    "CritiqueAndRevise": "critique_and_revise",
    "DeepConf": "deepconf",
    "DiverseTreeSearch": "diverse_tree_search",
    "FirstFinish": "first_finish",
    "Hop": "retrieval_stops",
    "Hybrid": "hybrid",
    "HybridRates": "hybrid_shape",
    "JudgedVote": "judged_vote",
    "Medoid": "medoid",
    "PlanFirst": "plan_first",
    "PrefixContinuation": "prefix_continuation",
    "RetrievalChains": "retrieval_chains",
    "Rung": "cascade",
    "SelfConsistency": "self_consistency",
    "SelfRevision": "self_revision",
    "SequentialRefinement": "sequential_refinement",
    "Shape": "hybrid_shape",
    "Single": "single",
    "SleepTime": "sleep_time",
    "Strategy": "base",
    "Thoughts": "thoughts",
    "TreeSearch": "tree_search",
    "UniversalSelfConsistency": "universal_self_consistency",
    "WeightedBestOfN": "weighted_best_of_n",
    "WeightedVote": "weighted_vote",
    "WiderOrDeeper": "wider_or_deeper",
    "WorthAHop": "retrieval_stops",
}

__all__ = [
    "BeamSearch",
    "BestOfN",
    "BestShape",
    "BudgetForcing",
    "Cascade",
    "CognitiveTools",
    "CritiqueAndRevise",
    "DeepConf",
    "DiverseTreeSearch",
    "FirstFinish",
    "Hop",
    "Hybrid",
    "HybridRates",
    "JudgedVote",
    "Medoid",
    "PlanFirst",
    "PrefixContinuation",
    "RetrievalChains",
    "Rung",
    "SelfConsistency",
    "SelfRevision",
    "SequentialRefinement",
    "Shape",
    "Single",
    "SleepTime",
    "Strategy",
    "Thoughts",
    "TreeSearch",
    "UniversalSelfConsistency",
    "WeightedBestOfN",
    "WeightedVote",
    "WiderOrDeeper",
    "WorthAHop",
]

__getattr__ = lazy_exports(__name__, _MODULES)
