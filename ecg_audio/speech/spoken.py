"""How written English words are said, for an aligner that knows sounds and not signs.

`$25` is said "twenty five dollars" and stays one word of the result: here it becomes three spoken ones. What the
pronouncing dictionary lacks is put together from what it has (a plural, a compound, the letters of an abbreviation),
else sounded out by rule.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ecg_audio.speech import letter_to_sound

Lookup = Callable[[str], str | None]
"""The phonemes of a lower-case word, `"HH AH L OW"`; None where the dictionary lacks it."""

CURRENCIES = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yen", ""),
    "₩": ("won", ""),
    "₹": ("rupee", "paisa"),
}
SCALES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion"}
SCALE_WORDS = frozenset({"hundred", "thousand", "million", "billion", "trillion"})
SIGNS = {"&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "°": "degrees", "#": "number", "×": "times"}
TITLES = {
    "dr": "doctor",
    "st": "saint",
    "mt": "mount",
    "vs": "versus",
    "jr": "junior",
    "sr": "senior",
    "prof": "professor",
}
UNITS = {
    "km": "kilometers",
    "kg": "kilograms",
    "cm": "centimeters",
    "mm": "millimeters",
    "mph": "miles an hour",
    "ft": "feet",
    "lb": "pounds",
    "lbs": "pounds",
    "gb": "gigabytes",
    "mb": "megabytes",
    "am": "a m",
    "pm": "p m",
    "°c": "degrees celsius",
    "°f": "degrees fahrenheit",
    "x": "times",
}
FIRST_YEAR, LAST_YEAR = 1100, 2099  # four digits between are read as a year

NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+"
MONEY = re.compile(rf"([$€£¥₩₹])({NUMBER})([a-z]*)")
TIME = re.compile(r"(\d{1,2}):([0-5]\d)(am|pm|a\.m|p\.m)?")
ORDINAL = re.compile(r"(\d[\d,]*)(?:st|nd|rd|th)")
DECADE = re.compile(r"(\d{2,4})'?s")
FRACTION = re.compile(r"(\d{1,2})/(\d{1,3})")
RANGE = re.compile(rf"({NUMBER})[-–]({NUMBER})(%?)")
MEASURE = re.compile(rf"({NUMBER})(%|°?[a-z]*)")
PARTS = re.compile(rf"{NUMBER}|[^\W\d_]+(?:'[^\W\d_]+)*|[&+=@%°#×]")

# endings of words whose stem the dictionary may have: written, and how they sound after a voiced sound
VOICELESS = frozenset({"P", "T", "K", "F", "TH"})
SIBILANT = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
SUFFIXES = {
    "ing": "IH NG",
    "ly": "L IY",
    "ness": "N AH S",
    "less": "L AH S",
    "ful": "F AH L",
    "ers": "ER Z",
    "er": "ER",
    "est": "AH S T",
    "ish": "IH SH",
    "able": "AH B AH L",
    "ism": "IH Z AH M",
    "ist": "IH S T",
    "'ll": "AH L",
    "'ve": "AH V",
    "'re": "ER",
    "n't": "AH N T",
    "'d": "AH D",
    "'m": "AH M",
}
PREFIXES = {"un": "AH N", "re": "R IY", "non": "N AA N", "pre": "P R IY", "mis": "M IH S", "anti": "AE N T IY"}
SHORTEST_PART = 3  # letters of a word within a compound
LONGEST_SPELLED = 5  # letters of a word in capitals that is spelled out
SPELLED = frozenset({"AI", "IT", "US"})  # in capitals the dictionary's words of these letters are not meant


@dataclass(frozen=True, slots=True)
class Sound:
    """One spoken word. `phones` is None where the dictionary has it under `word`, else its ARPABET phonemes."""

    word: str
    phones: str | None = None


def sounds(written: Sequence[str], lookup: Lookup) -> list[tuple[Sound, ...]]:
    """What is said for each written word; nothing for signs alone and for scripts that are not Latin.

    Args:
        written: words in order, as recognised: with case and punctuation.
        lookup: the pronouncing dictionary.
    """
    return [
        tuple(sound for said in words for sound in _sounds(said, lookup))
        for words in (tuple(spoken(word, following)) for word, following in _with_following(written))
    ]


def spoken(written: str, following: str = "") -> Iterator[str]:
    """The spoken words of a written one, in lower case; an abbreviation in capitals keeps them.

    Args:
        written: `$25`, `1999`, `10:30`, `state-of-the-art`, `Hello,`.
        following: the word after it, on which `$1.5 million` and `10:30 pm` depend.
    """
    bare = _bare(written)
    following = _bare(following).lower()
    if any(letter.isdecimal() for letter in bare):
        yield from _numeral(bare.lower(), following)
        return
    for part in re.split(r"[-–—/_]+", bare):
        if part in SIGNS:
            yield SIGNS[part]
        elif re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]?", part):
            yield from part.replace(".", " ").upper().split()  # U.S.A.
        elif part.lower().rstrip(".") in TITLES and written.rstrip(",;:").endswith(".") and following:
            yield TITLES[part.lower().rstrip(".")]
        elif re.fullmatch(r"[^\W\d_]{2,}(?:\.[^\W\d_]{2,})+", part):
            yield from part.lower().replace(".", " dot ").split()  # example.com
        else:
            for piece in PARTS.findall(part):
                yield SIGNS.get(piece) or (piece if _is_spelled(piece) else piece.lower())


def _with_following(written: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word and the next; `$1.5 million` hands its dollars on."""
    owed = ""
    for index, word in enumerate(written):
        following = written[index + 1] if index + 1 < len(written) else ""
        if owed and _bare(word).lower() in SCALE_WORDS:
            word, owed = f"{_bare(word)}-{owed}", ""
        money = MONEY.fullmatch(_bare(word).lower())
        if money and _bare(following).lower() in SCALE_WORDS:
            owed = _plural(CURRENCIES[money[1]][0])
        yield word, following


def _bare(written: str) -> str:
    """The word without punctuation around it, apostrophes and accents as in a dictionary."""
    text = written.replace("’", "'").replace("‘", "'").replace("½", "1/2").replace("¼", "1/4").replace("¾", "3/4")
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(
        str(unicodedata.decimal(letter, letter)) for letter in decomposed if not unicodedata.combining(letter)
    )
    return re.sub(r"^[^\w$€£¥₩₹&+=@%#.]+|^\.(?!\d)|[^\w%&+=°']+$|'+$", "", re.sub(r"^'+(?=[^\W\d_]{5,})", "", plain))


def _is_spelled(word: str) -> bool:
    return re.fullmatch("[A-Z]+", word) is not None and 1 < len(word) <= LONGEST_SPELLED


# Numerals


@functools.cache
def _inflect() -> Any:
    """The library's engine, without the checks of its arguments: compiling those takes 2 s, and we give it strings."""
    import typeguard

    checking = typeguard.typechecked
    typeguard.typechecked = lambda method: method  # type: ignore[assignment]
    try:
        import inflect
    finally:
        typeguard.typechecked = checking
    return inflect.engine()


def _words(number: str, **options: Any) -> list[str]:
    """A number's words: "1,250" to one thousand two hundred fifty, "3rd" to third."""
    said: str = _inflect().number_to_words(number.replace(",", ""), andword="", **options)
    return re.findall(r"[a-z]+", said)


def _plural(word: str) -> str:
    return word if word in ("yen", "won") else "pence" if word == "penny" else f"{word}s"


def _cardinal(number: str, following: str = "") -> list[str]:
    if re.fullmatch(r"\d{4}", number) and FIRST_YEAR <= int(number) <= LAST_YEAR and following not in SCALE_WORDS:
        return _year(number)
    if re.fullmatch(r"\d+", number) and (len(number) > 6 or (number[0] == "0" and len(number) > 1)):
        return _words(number, group=1, zero="oh")  # a telephone number or a code
    return _words(f"0{number}" if number.startswith(".") else number)


def _year(number: str) -> list[str]:
    century, rest = number[:2], number[2:]
    if number[1:3] == "00":
        return _words(number)  # two thousand five
    if rest == "00":
        return [*_words(century), "hundred"]
    return [*_words(century), *(["oh"] if rest[0] == "0" else []), *_words(str(int(rest)))]


def _numeral(bare: str, following: str) -> Iterator[str]:
    """A written word with digits in it."""
    if money := MONEY.fullmatch(bare):
        yield from _money(money[1], money[2], SCALES.get(money[3], ""), following)
    elif time := TIME.fullmatch(bare):
        yield from _time(int(time[1]), time[2], time[3] or "", following)
    elif ordinal := ORDINAL.fullmatch(bare):
        yield from _words(_inflect().ordinal(ordinal[1].replace(",", "")))
    elif decade := DECADE.fullmatch(bare):
        *first, last = _cardinal(decade[1])
        yield from (*first, _inflect().plural_noun(last))
    elif fraction := FRACTION.fullmatch(bare):
        yield from _fraction(int(fraction[1]), int(fraction[2]))
    elif (span := RANGE.fullmatch(bare)) and not re.fullmatch(r"\d{3}-\d{4}", bare):
        yield from (*_cardinal(span[1]), "to", *_cardinal(span[2]), *(["percent"] if span[3] else []))
    elif (measure := MEASURE.fullmatch(bare)) and (measure[2] in UNITS or measure[2] in ("", "%", *SCALES)):
        unit = SIGNS.get(measure[2]) or UNITS.get(measure[2]) or SCALES.get(measure[2], "")
        yield from (*_cardinal(measure[1], following), *unit.split())
    else:
        for part in PARTS.findall(bare):  # 555-1234, b2b, covid-19
            if part[0].isdigit() or part[0] == ".":
                yield from _words(part, group=1, zero="oh") if re.fullmatch(r"\d{3,}", part) else _cardinal(part)
            else:
                yield SIGNS.get(part) or (part.upper() if len(part) == 1 else part)


def _money(sign: str, number: str, scale: str, following: str) -> Iterator[str]:
    unit, small = CURRENCIES[sign]
    whole, _, cents = number.replace(",", "").partition(".")
    if scale or following in SCALE_WORDS:
        yield from (*_words(number), *([scale, _plural(unit)] if scale else []))
        return
    exact = bool(small) and len(cents) == 2 and cents != "00"
    if int(whole or "0") or not exact:
        yield from (*_words(whole or "0"), unit if whole == "1" else _plural(unit))
    if exact:
        yield from ("and",) if int(whole or "0") else ()
        yield from (*_words(str(int(cents))), small if cents == "01" else _plural(small))


def _time(hour: int, minute: str, half: str, following: str) -> Iterator[str]:
    yield from _words(str(hour))
    if minute == "00":
        if not half and following.replace(".", "") not in ("am", "pm", "o'clock"):
            yield "o'clock"
    else:
        yield from (*(["oh"] if minute[0] == "0" else []), *_words(str(int(minute))))
    yield from half[:1].upper() + half[-1:].upper()


def _fraction(above: int, below: int) -> Iterator[str]:
    names = {2: "half", 4: "quarter"}
    yield from _words(str(above))
    if below < 2 or above >= below:
        yield from _words(str(below))  # 24/7
        return
    *first, last = [names[below]] if below in names else _words(_inflect().ordinal(below))
    yield from (*first, last if above == 1 else "halves" if below == 2 else f"{last}s")


# Pronunciations


def _sounds(said: str, lookup: Lookup) -> Iterator[Sound]:
    """A spoken word as the dictionary has it, else as it can be put together."""
    word = said.lower()
    if len(said) == 1 and said.isupper() and lookup(f"{word}.") is not None:
        yield Sound(f"{word}.")  # the name of the letter A, not the article
    elif lookup(word) is not None and said not in SPELLED:
        yield Sound(word)
    elif _is_spelled(said) or (1 < len(word) <= LONGEST_SPELLED and not re.search("[^b-df-hj-np-tv-xz]", word)):
        for letter in said.upper():
            yield from _sounds(letter, lookup)
    elif phones := _assembled(word, lookup) or _by_rule(word):
        yield Sound(word, phones)


def _assembled(word: str, lookup: Lookup) -> str | None:
    """From the dictionary's own words: a stem with an ending, a prefix, two words written as one."""
    if word.endswith(("'s", "s'", "s")):
        stem = lookup(re.sub(r"(?:'s|s'|s)$", "", word))
        if stem:
            return _with_s(stem)
    if word.endswith("ed"):
        for stem in filter(None, map(lookup, _stems(word, "ed"))):
            return _with_ed(stem)
    for ending, sound in SUFFIXES.items():
        if word.endswith(ending) and len(word) > len(ending) + 1:
            for stem in filter(None, map(lookup, _stems(word, ending))):
                return f"{stem} {sound}"
    for prefix, sound in PREFIXES.items():
        stem = lookup(word.removeprefix(prefix)) if word.startswith(prefix) else None
        if stem:
            return f"{sound} {stem}"
    return _compound(word, lookup)


def _with_ed(stem: str) -> str:
    last = stem.split()[-1]
    return f"{stem} {'AH D' if last in ('T', 'D') else 'T' if last in VOICELESS | {'S', 'SH', 'CH'} else 'D'}"


def _with_s(stem: str) -> str:
    last = stem.split()[-1]
    return f"{stem} {'AH Z' if last in SIBILANT else 'S' if last in VOICELESS else 'Z'}"


def _stems(word: str, ending: str) -> Iterator[str]:
    """What may stand before an ending: walk-ed, hop(e)-d, hop-ped, tri(y)-ed."""
    stem = word.removesuffix(ending)
    yield stem
    yield f"{stem}e"
    if len(stem) > 2 and stem[-1] == stem[-2]:
        yield stem[:-1]
    if stem.endswith("i"):
        yield f"{stem[:-1]}y"


def _compound(word: str, lookup: Lookup) -> str | None:
    """Two words of the dictionary, parted where the shorter one is longest."""
    places = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
    for at in sorted(places, key=lambda at: abs(2 * at - len(word))):
        first, second = lookup(word[:at]), lookup(word[at:])
        if first and second:
            return f"{first} {second}"
    return None


def _by_rule(word: str) -> str | None:
    letters = re.sub("[^a-z]", "", word)
    if not letters or len(letters) < len(re.sub(r"[\W\d_]", "", word)):
        return None  # a script without rules here
    return " ".join(letter_to_sound.phones(letters)) or None
