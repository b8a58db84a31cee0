"""Where a caption may end and where a line may turn: how bad a break between two words is.

Costs follow subtitling practice (BBC Subtitle Guidelines, Netflix Timed Text Style Guide): after a sentence is best,
then after a clause or a pause, then before a conjunction or preposition; not after an article or preposition, and not
inside a name or a number. The word lists are English; other languages are led by punctuation and pauses.
"""

import re

SENTENCE, CLAUSE, OPENING, ORDINARY, CLINGING, INSIDE = 0.0, 1.0, 1.6, 2.4, 4.0, 9.0
PAUSE_BONUS_PER_S = 5.0

_SENTENCE_END = re.compile(r"[.!?…。！？؟।॥။។៕][\"'”’)\]」』）】》〉]*$")
_CLAUSE_END = re.compile(r"[,;:–—，、；：،؛၊][\"'”’)\]」』）】》〉]*$")
_TITLES = frozenset({"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "no.", "jr.", "sr."})
_CLINGS_TO_NEXT = frozenset(
    re.findall(
        r"\w+",
        """a an the of to in on at by for from with as and or but nor if that this these those my your his her its our
        their i we you he she it they is are was were be been am do does did have has had will would can could shall
        should may might must not no very so too than into onto about""",
    )
)
_OPENS = frozenset(
    re.findall(
        r"\w+",
        """and or but nor so because although though while when where which who that if unless until before after since
        of to in on at by for from with as into onto about than like over under through""",
    )
)
_NUMBER = re.compile(r"^[\W_]*\d")
_UNIT = re.compile(
    r"^(%|percent|[kcm]?m|km|kg|mg|g|hz|khz|mb|gb|tb|am|pm|°.*|million|billion|thousand|hundred)\W*$", re.I
)


def cost(left: str, right: str, pause_s: float, *, starts_sentence: bool = False, apart: bool = False) -> float:
    """How bad it is to break between two words; from 0 (the end of a sentence) upwards.

    Args:
        left: the word before the break.
        right: the word after it.
        pause_s: silence between them.
        starts_sentence: whether `left` begins a sentence, where a capital letter says nothing about names.
        apart: whether a space stands between them in a script that has none between words: it ends a clause.

    >>> cost("over.", "Then", 0.0) < cost("the", "house", 0.0)
    True
    """
    return max(0.0, _by_text(left, right, starts_sentence, apart) - PAUSE_BONUS_PER_S * max(0.0, pause_s))


def _by_text(left: str, right: str, starts_sentence: bool, apart: bool) -> float:
    if left.lower() in _TITLES or _within_number(left, right):
        return INSIDE
    if ends_sentence(left):
        return SENTENCE
    if apart or _CLAUSE_END.search(left):
        return CLAUSE
    if not starts_sentence and _capitalised(left) and _capitalised(right):
        return INSIDE
    if left.lower() in _CLINGS_TO_NEXT:
        return CLINGING
    return OPENING if right.lower() in _OPENS else ORDINARY


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with `word`, as far as its punctuation says.

    >>> ends_sentence("over."), ends_sentence("Mr.")
    (True, False)
    """
    return bool(_SENTENCE_END.search(word)) and word.lower() not in _TITLES


def _within_number(left: str, right: str) -> bool:
    return (left[-1].isdigit() and bool(_NUMBER.match(right) or _UNIT.match(right))) or left in "$€£¥₩"


def _capitalised(word: str) -> bool:
    letters = word.lstrip("\"'“‘([")
    return len(letters) > 1 and letters[0].isupper()
