"""The proper names and things that stories and look-ups are about. Each is one token of the model."""

HE = ("tom", "ben", "sam", "max", "leo", "dan", "jack", "luke", "omar", "paul", "finn", "hugo", "ivan", "nils", "karl")
SHE = (
    "anna",
    "eve",
    "mia",
    "zoe",
    "lily",
    "ruth",
    "emma",
    "nora",
    "ida",
    "jane",
    "kate",
    "sara",
    "tess",
    "olga",
    "vera",
)
NAMES = HE + SHE
THINGS = (
    "apples",
    "pears",
    "coins",
    "books",
    "cards",
    "stamps",
    "shells",
    "marbles",
    "pens",
    "eggs",
    "stones",
    "beads",
)
