"""One question of each kind that the embedded model can answer."""

from collections.abc import Mapping
from types import MappingProxyType

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "chain": "Start with 47. Add 38. Multiply by 3. Subtract 19. What is the result?",
        "story": "Tom has 12 apples. He finds 9 apples. He gives 5 apples to Eve. How many apples does Tom have now?",
        "lookup": "Eve likes Sam. Tom likes Eve. Sam likes Ida. Start at Tom and follow likes 2 times. "
        "Who is at the end?",
        "sort": "Sort these numbers from small to large: 47, 12, 93, 38.",
        "countdown": "Use 3, 7, 8 and 2 to make 38. Use each number at most once.",
    }
)
