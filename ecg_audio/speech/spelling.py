"""How words of languages that are spelled as they sound are said, in the phonemes of US English.

For an aligner that has an acoustic model of English alone. A foreign sound is given to the English one that is nearest:
that is enough to find where words begin and end, as alignment across languages has long shown (Sooful and Botha 2001),
and much better than a recogniser's attention. `benchmarks.edges` measures each language named here.
"""

import functools
import re
import unicodedata

# letters=PHONEMES+PHONEMES, the first that fits; (?=x): before x, ^ and $: the edges of the word
GERMAN = """
tsch=CH sch=SH chs=K+S ch=HH ck=K ph=F qu=K+V ^sp=SH+P ^st=SH+T ss=S ß=S tz=T+S ng=NG pf=P+F dt=T th=T
ei=AY ai=AY ey=AY ie=IY eu=OY äu=OY au=AW aa=AA ah=AA ee=EY eh=EY ih=IY oo=OW oh=OW uh=UW äh=EH öh=ER üh=IY
er$=ER e$=AH en$=AH+N el$=AH+L b$=P d$=T g$=K s$=S s(?=[pt])=S
ä=EH ö=ER ü=IY a=AA b=B c=K d=D e=EH f=F g=G h=HH i=IH j=Y k=K l=L m=M n=N o=AO p=P q=K r=R s=Z t=T u=UH v=F w=V
x=K+S y=IY z=T+S
"""
SPANISH = """
ch=CH ll=Y rr=R qu=K gu(?=[eiéí])=G g(?=[eiéí])=HH c(?=[eiéí])=TH ñ=N+Y h= i(?=[aeoáéó])=Y u(?=[aeoáéó])=W
y(?=[aeiouáéíóú])=Y
á=AA é=EH í=IY ó=OW ú=UW ü=W a=AA b=B c=K d=DH e=EH f=F g=G i=IY j=HH k=K l=L m=M n=N o=OW p=P q=K r=R s=S t=T
u=UW v=B w=W x=K+S y=IY z=TH
"""

# Korean syllables are composed of 19 initials, 21 vowels and 28 finals, in this order (Unicode, section 3.12)
HANGUL_FIRST, HANGUL_COUNT, HANGUL_VOWELS, HANGUL_FINALS = 0xAC00, 11172, 21, 28
INITIALS = ("G", "K", "N", "D", "T", "R", "M", "B", "P", "S", "S", "", "JH", "CH", "CH", "K", "T", "P", "HH")
VOWELS = (
    *("AA", "EH", "Y AA", "Y EH", "AH", "EH", "Y AH", "Y EH", "OW", "W AA", "W EH"),
    *("W EH", "Y OW", "UW", "W AH", "W EH", "W IY", "Y UW", "UH", "UH IY", "IY"),
)
FINALS = (
    *("", "K", "K", "K", "N", "N", "N", "T", "L", "K", "M", "P", "T", "T"),
    *("P", "L", "M", "P", "P", "T", "T", "NG", "T", "T", "K", "T", "P", "T"),
)

SPELLINGS = {"de": GERMAN, "es": SPANISH}
LANGUAGES = frozenset({*SPELLINGS, "ko"})


def phones(word: str, language: str) -> tuple[str, ...]:
    """The ARPABET phonemes nearest to those of a word; none where it has a digit or a sign, or another script.

    Args:
        word: with case and punctuation.
        language: one of `LANGUAGES`.
    """
    plain = unicodedata.normalize("NFC", word).casefold() if language != "de" else word.lower()
    letters = re.sub(r"[^\w]|_", "", plain)
    if any(letter.isdigit() for letter in letters):
        return ()
    return _korean(letters) if language == "ko" else _spelled(letters, language)


@functools.cache
def _spelling(language: str) -> list[tuple[re.Pattern[str], tuple[str, ...]]]:
    rules = (rule.rpartition("=") for rule in SPELLINGS[language].split())
    return [(re.compile(letters), tuple(filter(None, sounds.split("+")))) for letters, _, sounds in rules]


def _spelled(letters: str, language: str) -> tuple[str, ...]:
    at = 0
    said: list[str] = []
    while at < len(letters):
        for rule, sounds in _spelling(language):
            if found := rule.match(letters, at):
                said += sounds
                at = found.end()
                break
        else:
            return ()
    return tuple(said)


def _korean(letters: str) -> tuple[str, ...]:
    said: list[str] = []
    for letter in letters:
        code = ord(letter) - HANGUL_FIRST
        if not 0 <= code < HANGUL_COUNT:
            return ()
        rest, final = divmod(code, HANGUL_FINALS)
        initial, vowel = divmod(rest, HANGUL_VOWELS)
        said += f"{INITIALS[initial]} {VOWELS[vowel]} {FINALS[final]}".split()
    return tuple(said)
