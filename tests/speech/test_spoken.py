import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.speech import letter_to_sound, spelling, spoken
from ecg_audio.speech.spoken import Sound

DICTIONARY = {
    "a": "AH",
    "a.": "EY",
    "b.": "B IY",
    "t.": "T IY",
    "zz.": "Z IY Z IY",
    "hope": "HH OW P",
    "walk": "W AO K",
    "want": "W AA N T",
    "bus": "B AH S",
    "block": "B L AA K",
    "chain": "CH EY N",
    "friend": "F R EH N D",
    "try": "T R AY",
    "it": "IH T",
    "five": "F AY V",
    "dollars": "D AA L ER Z",
}

VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
PHONEMES = VOWELS | {*"BDFGKLMNPRSTVWYZ", "CH", "DH", "HH", "JH", "NG", "SH", "TH", "ZH"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$25,", "twenty five dollars"),
        ("$1", "one dollar"),
        ("$2.50", "two dollars and fifty cents"),
        ("£0.01", "one penny"),
        ("$3k", "three thousand dollars"),
        ("1,250", "one thousand two hundred fifty"),
        ("1999.", "nineteen ninety nine"),
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2005", "two thousand five"),
        ("2024", "twenty twenty four"),
        ("1980s", "nineteen eighties"),
        ("'60s", "sixties"),
        ("10:30", "ten thirty"),
        ("9:05", "nine oh five"),
        ("8:00", "eight o'clock"),
        ("7:15am", "seven fifteen A M"),
        ("21st", "twenty first"),
        ("50%", "fifty percent"),
        ("3.14", "three point one four"),
        (".5", "zero point five"),
        ("555-1234", "five five five one two three four"),
        ("007", "oh oh seven"),
        ("10-15", "ten to fifteen"),
        ("24/7", "twenty four seven"),
        ("½", "one half"),
        ("3/4", "three quarters"),
        ("5km", "five kilometers"),
        ("COVID-19", "covid nineteen"),
        ("U.S.", "U S"),
        ("example.com", "example dot com"),
        ("state-of-the-art", "state of the art"),
        ("&", "and"),
        ("café", "cafe"),
        ("“Don’t”", "don't"),
        ("—", ""),
        ("...", ""),
    ],
)
def test_what_is_written_is_said_in_words(written: str, said: str) -> None:
    """Numerals, money, times, years and signs become the words that an English reader says."""
    assert " ".join(spoken.spoken(written)) == said


def test_dollars_are_said_after_the_million() -> None:
    """`$1.5 million` is one point five, million dollars."""
    words = spoken.sounds(["$1.5", "million", "million"], lambda word: "X")
    assert [[sound.word for sound in said] for said in words] == [
        ["one", "point", "five"],
        ["million", "dollars"],
        ["million"],
    ]


def test_the_hour_is_not_o_clock_before_pm() -> None:
    """`8:00 pm` is eight p m."""
    assert list(spoken.spoken("8:00", "p.m.")) == ["eight"]
    assert list(spoken.spoken("8:00", "and")) == ["eight", "o'clock"]


@pytest.mark.parametrize(
    ("written", "phones"),
    [
        ("hopes", "HH OW P S"),
        ("bus's", "B AH S AH Z"),
        ("friends'", "F R EH N D Z"),
        ("walked", "W AO K T"),
        ("wanted", "W AA N T AH D"),
        ("hoping", "HH OW P IH NG"),
        ("tried", "T R AY D"),
        ("unfriended", None),
        ("blockchain", "B L AA K CH EY N"),
        ("it'll", "IH T AH L"),
    ],
)
def test_words_are_put_together_from_the_dictionary(written: str, phones: str | None) -> None:
    """Endings and compounds of known words sound like their parts; what has no known part is sounded out by rule."""
    (sound,) = spoken.sounds([written], DICTIONARY.get)[0]
    assert sound == Sound(written.rstrip("'"), phones or " ".join(letter_to_sound.phones(written)))


def test_capitals_are_spelled_and_the_article_is_not() -> None:
    """An unknown abbreviation is said by its letters' names; a lone letter in capitals is its name, `a` the article."""
    assert spoken.sounds(["ATB", "a"], DICTIONARY.get) == [(Sound("a."), Sound("t."), Sound("b.")), (Sound("a"),)]
    assert spoken.sounds(["IT"], DICTIONARY.get)[0][-1] == Sound("t.")


def test_other_scripts_are_not_said() -> None:
    """There are no rules for letters that are not Latin, and none are invented."""
    assert spoken.sounds(["안녕", "Привет", "a"], DICTIONARY.get) == [(), (), (Sound("a"),)]


@pytest.mark.parametrize(
    ("word", "phones"),
    [("knights", "N AY T S"), ("station", "S T EY SH AH N"), ("making", "M EY K IH NG"), ("quick", "K W IH K")],
)
def test_rules_sound_out_english_spelling(word: str, phones: str) -> None:
    """Silent letters, endings and pairs of letters sound as English has them."""
    assert " ".join(letter_to_sound.phones(word)) == phones


@settings(deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_rules_know_every_spelling(word: str) -> None:
    """Any word of Latin letters gets phonemes of the acoustic model, no more than three for a letter."""
    found = letter_to_sound.phones(word)
    assert PHONEMES.issuperset(found)
    assert len(found) <= 3 * len(word)


def test_rules_refuse_what_they_do_not_know() -> None:
    """Other letters are an error, not silence."""
    with pytest.raises(ValueError, match="not of the letters"):
        letter_to_sound.phones("naïve")


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), max_size=6))
def test_one_written_word_is_one_entry(words: list[str]) -> None:
    """Whatever is written, each word has its entry, and all that is said is plain and pronounceable."""
    found = spoken.sounds(words, DICTIONARY.get)
    assert len(found) == len(words)
    for sound in (sound for said in found for sound in said):
        assert sound.word in DICTIONARY if sound.phones is None else PHONEMES.issuperset(sound.phones.split())
        assert not re.search(r"\s", sound.word)


@pytest.mark.parametrize(
    ("word", "language", "phones"),
    [
        ("Schläft.", "de", "SH L EH F T"),
        ("Straße", "de", "SH T R AA S AH"),
        ("guitarra", "es", "G IY T AA R AA"),
        ("niña", "es", "N IY N Y AA"),
        ("집에", "ko", "JH IY P EH"),
        ("25", "de", ""),
        ("hello", "ko", ""),
        ("привет", "es", ""),
    ],
)
def test_other_languages_are_said_in_the_nearest_english_sounds(word: str, language: str, phones: str) -> None:
    """German, Spanish and Korean spelling gives phonemes; a digit or another script gives none."""
    assert " ".join(spelling.phones(word, language)) == phones


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(sorted(spelling.LANGUAGES)))
def test_other_languages_use_only_known_phonemes(word: str, language: str) -> None:
    """Whatever is written, the acoustic model knows what is asked of it."""
    assert PHONEMES.issuperset(spelling.phones(word, language))
