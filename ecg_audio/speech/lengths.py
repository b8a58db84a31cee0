"""How long a written word takes to say: what its letters let one expect, and what no word takes.

Letters stand for sounds closely enough to tell a word of 1.3 s from one of 0.3 s, which is all that is asked here.
"""

import unicodedata

# seconds each letter adds at an ordinary rate. English has 12 to 15 phonemes a second (Crystal and House 1990), Korean,
# Japanese and Spanish 7 to 8 syllables and Chinese 5 (Pellegrino, Coupe and Marsico 2011, table 1)
LETTER_S = 0.06
SCRIPT_S = {"HANGUL": 0.15, "HIRAGANA": 0.13, "KATAKANA": 0.13, "CJK": 0.2}
DIGIT_S = 0.25  # "seven"
SYMBOL_S = 0.3  # "percent", "dollars"
SYMBOLS = frozenset("%$£€¥₩&@+=")
CAPITAL_S = 0.15  # of an abbreviation, each letter by its name
SHORTEST_S = 0.1


def expected_s(text: str) -> float:
    """Seconds that a word takes at an ordinary rate."""
    letters = [letter for letter in text if letter.isalnum() or letter in SYMBOLS]
    abbreviation = len(letters) > 1 and all(letter.isupper() and letter.isascii() for letter in letters)
    return max(SHORTEST_S, sum(CAPITAL_S if abbreviation else _letter_s(letter) for letter in letters))


def _letter_s(letter: str) -> float:
    if letter in SYMBOLS:
        return SYMBOL_S
    if letter.isdigit():
        return DIGIT_S
    script = unicodedata.name(letter, "").split(" ", 1)[0]
    return SCRIPT_S.get(script, LETTER_S)
