"""What a reader takes for one letter: a base with its marks, whatever it takes to write them."""

import regex

_LETTER = regex.compile(
    r"[\u0e40-\u0e44\u0ec0-\u0ec4]?"  # Thai and Lao vowels that are written before their consonant
    r"\X(?:(?<=[\u1039\u17d2])\X)*"  # Burmese and Khmer consonants that stand below another
    r"[\p{M}\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eaf\u0eb0\u0eb2\u0eb3\u0ec6]*",  # what follows its letter
    regex.DOTALL,
)


def clusters(text: str) -> list[str]:
    """Cut a text where it may be cut without tearing a letter: none begins with a combining mark but at the start.

    These are the extended grapheme clusters of Unicode (UAX 29), and in Thai, Lao, Burmese and Khmer a little more:
    vowels stay with the consonant that they are written before or after, stacked consonants together.
    """
    return [found[0] for found in _LETTER.finditer(text)]
