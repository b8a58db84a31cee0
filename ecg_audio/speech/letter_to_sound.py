"""How an English word sounds that no dictionary has: letter-to-sound rules, after the NRL's.

The method and most rules are those of Elovitz, Johnson, McHugh and Shore, "Automatic translation of English text to
phonetics by means of letter-to-sound rules", NRL Report 7948 (1976), a public-domain report of the US Navy; shortened
here, because an aligner needs the right number of about the right sounds and not an accent. Phonemes are ARPABET's.
"""

import functools
import re

# Context symbols of the report:  # vowels  : any consonants  ^ a consonant  . a voiced consonant  + a front vowel
# % an ending (er, e, es, ed, ing, ely)  & a sibilant  @ a consonant that turns u into oo  ! the edge of the word
CONTEXT = {
    "#": "[aeiouy]+",
    ":": "[^aeiouy!]*",
    "^": "[^aeiouy!]",
    ".": "[bdvgjlmnrwz]",
    "+": "[eiy]",
    "%": "(?:er|e|es|ed|ing|ely)!",
    "&": "(?:s|c|g|z|x|j|ch|sh)",
    "@": "(?:t|s|r|d|l|z|n|j|th|ch|sh)",
}

RULES = """
[a]!=AH  ![are]!=AA R  ![ar]o=AH R  [ar]#=EH R  ^[as]#=EY S  [a]wa=AH  [aw]=AO  !:[any]=EH N IY  [a]^+#=EY
#:[ally]=AH L IY  ![al]#=AH L  [again]=AH G EH N  #:[ag]e=IH JH  [a]^+:#=AE  !:[a]^+!=EY  [a]^%=EY  ![arr]=AH R
[arr]=AE R  !:[ar]!=AA R  [ar]!=ER  [ar]=AA R  [air]=EH R  [ai]=EY  [ay]=EY  [au]=AO  #:[al]!=AH L  #:[als]!=AH L Z
[alk]=AO K  [al]^=AO L  !:[able]=EY B AH L  [able]=AH B AH L  [ang]+=EY N JH  [a]=AE
![be]^#=B IH  [being]=B IY IH NG  ![both]!=B OW TH  ![bus]#=B IH Z  [buil]=B IH L  m[b]!=  [bb]=B  [b]=B
![ch]^=K  ^e[ch]=K  [ch]=CH  !s[ci]#=S AY  [ci]a=SH  [ci]o=SH  [ci]en=SH  [c]+=S  [ck]=K  [com]%=K AH M  [cc]=K  [c]=K
#:[ded]!=D IH D  .e[d]!=D  #:^e[d]!=T  ![de]^#=D IH  ![do]!=D UW  ![doing]=D UW IH NG  [du]a=JH UW  [dge]=JH  [dd]=D
[d]=D
#:[e]!=  !:^[e]!=  !:[e]!=IY  #[ed]!=D  #:[e]d!=  [ev]er=EH V  [e]^%=IY  [eri]#=IY R IY  [eri]=EH R IH  #:[er]#=ER
[er]#=EH R  [er]=ER  ![even]=IY V EH N  #:[e]w=  @[ew]=UW  [ew]=Y UW  [e]o=IY  #:&[es]!=IH Z  #:[e]s!=  #:[ely]!=L IY
#:[ement]=M AH N T  [eful]=F UH L  [ee]=IY  [earn]=ER N  ![ear]^=ER  [ead]=EH D  #:[ea]!=IY AH  [ea]su=EH  [ea]=IY
[eigh]=EY  [ei]=IY  ![eye]=AY  [ey]=IY  [eu]=Y UW  [e]=EH
[ful]=F UH L  [ff]=F  [f]=F
[giv]=G IH V  ![g]i^=G  [ge]t=G EH  su[gges]=G JH EH S  [gg]=G  !b#[g]=G  [g]+=JH  [great]=G R EY T  #[gh]=  [gh]=G
![gn]=N  [gn]!=N  [g]=G
![hav]=HH AE V  ![here]=HH IY R  ![hour]=AW ER  [how]=HH AW  [h]#=HH  [h]=
![in]=IH N  ![i]!=AY  [in]d=AY N  [ier]=IY ER  #:r[ied]=IY D  [ied]!=AY D  [ien]=IY EH N  [ie]t=AY EH  !:[i]%=AY
[i]%=IY  [ie]=IY  [i]^+:#=IH  [ir]#=AY R  [iz]%=AY Z  [is]%=AY Z  [i]d%=AY  +^[i]^+=IH  [i]t%=AY  #:^[i]^+=IH  [i]^+=AY
[ir]=ER  [igh]=AY  [ild]=AY L D  [ign]!=AY N  [ign]^=AY N  [ign]%=AY N  [ique]=IY K  [i]!=IY  [i]=IH
[j]=JH
![k]n=  [kk]=K  [k]=K
[lo]c#=L OW  l[l]=  #:^[l]%=AH L  [lead]=L IY D  [l]=L
[mov]=M UW V  [mm]=M  [m]=M
e[ng]+=N JH  [ng]r=NG G  [ng]#=NG G  [ngl]%=NG G AH L  [ng]=NG  [nk]=NG K  ![now]!=N AW  [nn]=N  [n]=N
[of]!=AH V  [orough]=ER OW  #:[or]!=ER  #:[ors]!=ER Z  [or]=AO R  ![one]=W AH N  [ow]el=AW  [ow]=OW  ![over]=OW V ER
[ov]=AH V  [o]^%=OW  [o]^en=OW  [o]^i#=OW  [ol]d=OW L  [ought]=AO T  [ough]=AH F  ![ou]=AW  h[ou]s#=AW  [ous]=AH S
[our]=AO R  [ould]=UH D  ^[ou]^l=AH  [oup]=UW P  [ou]=AW  [oy]=OY  [oing]=OW IH NG  [oi]=OY  [oor]=AO R  [ook]=UH K
[ood]=UH D  [oo]=UW  [o]e=OW  [o]!=OW  [oa]=OW  ![only]=OW N L IY  ![once]=W AH N S  c[o]n=AA  [o]ng=AO  !:^[o]n=AH
i[on]=AH N  #:[on]!=AH N  #^[on]=AH N  [o]st!=OW  [of]^=AO F  [other]=AH DH ER  [oss]!=AO S  #:^[om]=AH M  [o]=AA
[ph]=F  [peop]=P IY P  [pow]=P AW  [put]!=P UH T  ![ps]=S  [pp]=P  [p]=P
[quar]=K W AO R  [qu]=K W  [q]=K
![re]^#=R IY  [rr]=R  [rh]=R  [r]=R
[sh]=SH  #[sion]=ZH AH N  [some]=S AH M  #[sur]#=ZH ER  [sur]#=SH ER  #[su]#=ZH UW  #[ssu]#=SH UW  #[sed]!=Z D
#[s]#=Z  [said]=S EH D  ^[sion]=SH AH N  [s]s=  .[s]!=Z  #:.e[s]!=Z  #:^##[s]!=Z  #:^#[s]!=S  u[s]!=S  !:#[s]!=Z
![sch]=S K  [s]c+=  #[sm]=Z M  [s]=S
![the]!=DH AH  [to]!=T UW  [that]!=DH AE T  ![this]!=DH IH S  ![they]=DH EY  ![there]=DH EH R  [ther]=DH ER
[their]=DH EH R  ![than]!=DH AE N  ![them]!=DH EH M  ![these]!=DH IY Z  ![then]=DH EH N  [through]=TH R UW
[though]!=DH OW  ![thus]=DH AH S  [th]=TH  #:[ted]!=T IH D  s[ti]#n=CH  [ti]o=SH  [ti]a=SH  [tien]=SH AH N  [tur]#=CH ER
[tu]a=CH UW  ![two]=T UW  [tch]=CH  [tt]=T  [t]=T
![un]i=Y UW N  ![un]=AH N  ![upon]=AH P AO N  @[ur]#=UH R  [ur]#=Y UH R  [ur]=ER  [u]^!=AH  [u]^^=AH  [uy]=AY  !g[u]#=
g[u]%=  g[u]#=W  #n[u]=Y UW  @[u]=UW  [u]=Y UW
[view]=V Y UW  [vv]=V  [v]=V
![were]=W ER  [wa]s=W AA  [wa]t=W AA  [where]=W EH R  [what]=W AH T  [whol]=HH OW L  [who]=HH UW  [wh]=W  [war]=W AO R
[wor]^=W ER  [wr]=R  [w]=W
![x]=Z  [x]=K S
[young]=Y AH NG  ![you]=Y UW  ![yes]=Y EH S  ![y]=Y  #:^[y]!=IY  #:^[y]i=IY  !:[y]!=AY  !:[y]#=AY  !:[y]^+:#=IH
!:[y]^#=AY  [y]=IH
[zz]=Z  [z]=Z
"""
RULE = re.compile(r"(\S*)\[(\w+)\](\S*?)=((?: ?[A-Z]+)*?)(?=  |\s*\n|$)", re.MULTILINE)


@functools.cache
def _rules() -> dict[str, list[tuple[re.Pattern[str], int, re.Pattern[str], tuple[str, ...]]]]:
    """For each letter its rules in order: what stands before, the length of what is said, it and what follows."""
    found: dict[str, list[tuple[re.Pattern[str], int, re.Pattern[str], tuple[str, ...]]]] = {}
    for before, said, after, phones in RULE.findall(RULES):
        left = re.compile("(?:" + "".join(CONTEXT.get(symbol, symbol) for symbol in before) + ")$")
        right = re.compile(said + "".join(CONTEXT.get(symbol, symbol) for symbol in after))
        found.setdefault(said[0], []).append((left, len(said), right, tuple(phones.split())))
    return found


def phones(word: str) -> tuple[str, ...]:
    """The ARPABET phonemes of a word by rule, such as `("Z", "AO", "R", "B")`.

    Args:
        word: of the letters a to z alone.

    Raises:
        ValueError: it holds anything else.
    """
    if not re.fullmatch("[a-z]+", word):
        raise ValueError(f"{word!r} is not of the letters a to z")
    padded = f"!{word}!"
    at = 1
    said: list[str] = []
    while at <= len(word):
        for left, length, right, sounds in _rules()[padded[at]]:
            if right.match(padded, at) and left.search(padded, 0, at):
                said += sounds
                at += length
                break
        else:
            raise AssertionError(f"no rule for {padded[at:]}")  # each letter has a rule without context
    return tuple(said)
