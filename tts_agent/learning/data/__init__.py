"""Questions from files, data sets and traces."""

from tts_agent.learning.data.columns import Columns
from tts_agent.learning.data.items import read_items

__all__ = ["Columns", "read_items"]
