"""Captions in many scripts: no format tears a word, and what libass draws of them is whole."""

import re
import shutil
import subprocess
from itertools import accumulate
from pathlib import Path

import numpy as np
import pysubs2
import pytest
import webvtt

from ecg_audio.analysis import Emphasis, Segment, SpokenWord
from ecg_audio.captions import ass, ebuttd, fonts, srt, vtt
from ecg_audio.captions.cues import Cue, CueSettings, cues
from ecg_audio.captions.styling import PLAIN, Style, look
from tests.captions.test_boundaries import NOT_FIRST, NOT_LAST
from tests.captions.test_rendering import REASON

# words as dictionaries and grammars have them: a line may turn at a space and nowhere else
SAID = {
    "th": "ฉัน บอก คุณ แล้ว ว่า อย่า เปิด ประตู นั้น เพราะ ว่า มัน อันตราย มาก สำหรับ เด็ก ใน บ้าน หลัง นี้"
    " และ เรา ไม่ รู้ ว่า ข้าง ใน มี อะไร อยู่",
    "km": "ខ្ញុំ បាន ប្រាប់ អ្នក ថា កុំ បើកទ្វារ នោះ ខ្ញុំ បាន ប្រាប់ អ្នក ថា កុំ បើកទ្វារ នោះ",
    "ja": "私は あなたに その ドアを 決して 開けないように 言いました。 「はい」、 ちょっと 待って、 コンピューターと "
    "インターネットの プログラミングに ついて 話しましょう。",
    "zh": "我 告诉 过 你 永远 不要 打开 那 扇 门， 你 为什么 不 听 呢？ 因为 里面 有 很多 危险 的 东西， 都 不 知道",
    "ko": "내가 그 문을 절대로 열지 말라고 했잖아 왜냐하면 그 안에는 우리가 모르는 위험한 것들이 많이 있기 때문이야",
    "ar": "قلت لك ألا تفتح هذا الباب أبدا لأن في الداخل أشياء خطيرة كثيرة ولا نعرف ماذا نفعل بها الآن",
    "he": "אמרתי לך לא לפתוח את הדלת הזאת לעולם כי בפנים יש הרבה דברים מסוכנים ואנחנו לא יודעים מה לעשות",
    "hi": "मैंने तुमसे कहा था कि वह दरवाज़ा कभी मत खोलना क्योंकि अंदर बहुत सारी ख़तरनाक चीज़ें हैं और हम नहीं जानते",
}
EXPRESSIVE = Style.preset("expressive")
UNSPACED = {"th", "km", "ja", "zh"}
VOICES = (Emphasis(louder=1), Emphasis(higher=1, slower=-1), Emphasis(slower=1), Emphasis(louder=-1, higher=-1))


def segment(language: str, size: int, speaker: str | None = "A") -> Segment:
    """What is said, in pieces of `size` characters where no spaces stand, else in words; a third has an emphasis."""
    written = SAID[language]
    text = written.replace(" ", "") if language in UNSPACED else written
    parts = [text[at : at + size] for at in range(0, len(text), size)] if language in UNSPACED else text.split()
    words, at_s = [], 0.0
    for index, part in enumerate(parts):
        voice = None if index % 3 else VOICES[index // 3 % len(VOICES)]
        words.append(SpokenWord(text=part, start_s=at_s, end_s=at_s + 0.1 * len(part), speaker=speaker, emphasis=voice))
        at_s += 0.1 * len(part)
    return Segment(id=0, start_s=0, end_s=at_s, speaker=speaker, text=text, words=tuple(words))


def lines(language: str, size: int) -> list[str]:
    """All lines of the cues."""
    found = cues((segment(language, size),), CueSettings.for_language(language))
    return [text for cue in found for text in cue.texts]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("language", SAID)
def test_lines_turn_between_words_however_a_recogniser_cut_them(language: str, size: int) -> None:
    """Every line begins with a word, ends with one, and begins and ends with what may stand there; nothing is lost."""
    found = lines(language, size)
    words = SAID[language].split()
    whole = {0, *accumulate(map(len, words))}
    at = 0
    for line in found:
        assert at in whole, found
        at += len(line.replace(" ", ""))
        assert line[0] not in NOT_FIRST and line[-1] not in NOT_LAST
    assert at == len("".join(words))
    assert len(found) > 1


@pytest.mark.parametrize("language", SAID)
def test_every_format_has_the_lines_of_the_cues(language: str) -> None:
    """SRT, WebVTT, ASS and EBU-TT-D, read by other libraries, hold the cues' lines and turn nowhere else."""
    shown = cues((segment(language, 2),), CueSettings.for_language(language))
    expected = [list(cue.texts) for cue in shown]
    written = srt.dumps(shown).replace("\u2060", "")
    assert [event.plaintext.split("\n") for event in pysubs2.SSAFile.from_string(written, "srt")] == expected
    for preset in ("plain", "karaoke", "expressive"):
        script = pysubs2.SSAFile.from_string(ass.dumps(shown, preset), "ass")
        assert [event.plaintext.replace("\u2060", "").split("\n") for event in script] == expected
        captions = webvtt.from_string(vtt.dumps(shown, preset))
        assert [re.sub(r"<[^>]*>", "", caption.text).split("\n") for caption in captions] == expected
    document = ebuttd.dumps(shown, language=language)
    assert all("".join(texts[0].split()) in re.sub(r"<[^>]*>|\s", "", document) for texts in expected)


@pytest.mark.skipif(bool(REASON), reason=REASON)
@pytest.mark.parametrize("language", SAID)
def test_words_that_light_up_are_drawn_like_plain_ones(tmp_path: Path, language: str) -> None:
    """Reference picture: a line of karaoke, all said, is drawn as without any override, so no letter is torn."""
    program = shutil.which("ffmpeg")
    assert program
    if fonts.missing(SAID[language], program):
        pytest.skip(f"no font here has the letters of {language}")
    shown = cues((segment(language, 2, speaker=None),), CueSettings.for_language(language))
    plain, lit = (drawn(tmp_path, shown[-1:], preset, program) for preset in ("plain", "karaoke"))
    assert plain.sum() > 1500
    assert (plain ^ lit).sum() < 0.07 * plain.sum()
    columns = np.flatnonzero(plain.any(axis=0))
    assert columns[0] > 20 and columns[-1] < 1259
    rows = plain.any(axis=1)
    assert np.count_nonzero(np.diff(rows.astype(int)) == 1) <= 2 * len(shown[-1].lines)  # lines, and marks above them


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("language", SAID)
def test_no_look_begins_inside_a_word(language: str, size: int) -> None:
    """Every override of an expressive script stands where a word begins or ends, and there are looks to be seen."""
    whole = {0, *accumulate(map(len, SAID[language].split()))}
    shown = cues((segment(language, size),), CueSettings.for_language(language))
    at = 0
    for event in pysubs2.SSAFile.from_string(ass.dumps(shown), "ass"):
        for part in re.findall(r"{[^}]*}|\\N|.", event.text):
            if part.startswith("{"):
                assert at in whole, event.text
            elif not part.isspace() and part not in ("\\N", "\u2060"):
                at += 1
    assert at == max(whole)
    assert any(look(word, EXPRESSIVE) != PLAIN for cue in shown for word in cue.words)


@pytest.mark.skipif(bool(REASON), reason=REASON)
@pytest.mark.parametrize("language", SAID)
def test_words_with_a_look_are_drawn_as_they_are_alone(tmp_path: Path, language: str) -> None:
    """Reference pictures: a word with a look has, between others, the letters and the ink that it has by itself."""
    program = shutil.which("ffmpeg")
    assert program
    if fonts.missing(SAID[language], program):
        pytest.skip(f"no font here has the letters of {language}")
    shown = cues((segment(language, 2, speaker=None),), CueSettings.for_language(language))
    script = pysubs2.SSAFile.from_string(ass.dumps(shown, width=1920, height=1080), "ass")
    texts = [text for event in script for text in one_by_one(re.sub(r"\\kf?\d+", "", event.text))]
    pictures = drawn_in_turn(tmp_path, script, texts, program)
    pairs = [(pictures[at], pictures[at + 1]) for at in range(0, len(texts), 2)]
    assert len(pairs) >= 3
    for among, alone in pairs:
        assert alone.sum() > 100
        assert np.abs(np.subtract(among.shape, alone.shape)).max() <= 3, (language, among.shape, alone.shape)
        assert among.sum() == pytest.approx(alone.sum(), rel=0.1)


def one_by_one(text: str) -> list[str]:
    """Each word of an event that has a look, first with the others there and not seen, then with nothing beside it."""
    found = []
    hidden, seen = r"{\alpha&HFF&}", r"{\alpha&H00&}"
    for word in re.finditer(r"{(\\(?:b|fs|fsp|frz|i)[-\d][^}]*)}([^{}]+)(?={\\)", text):
        before, after = text[: word.start()], text[word.end() :]
        found.append(f"{hidden}{before}{seen}{word[0]}{hidden}{after}")
        pivot = re.match(r"{\\org[^}]*}", text)
        found.append(f"{pivot[0] if pivot else ''}{word[0]}")
    return found


def drawn_in_turn(folder: Path, script: pysubs2.SSAFile, texts: list[str], program: str) -> list[np.ndarray]:
    """How bright, 0 to 1, the pixels of each text are, without the dark around it; all in the script's style."""
    script.events = [
        pysubs2.SSAEvent(start=1000 * at, end=1000 * at + 900, text=text, style=script.events[0].style)
        for at, text in enumerate(texts)
    ]
    (folder / "captions.ass").write_text(script.to_string("ass"), "utf-8")
    command = [program, "-v", "error", "-f", "lavfi", "-i", f"color=black:s=1920x1080:r=1:d={len(texts)}"]
    command += ["-vf", fonts.drawing("captions.ass", folder), "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, capture_output=True, check=True, cwd=folder).stdout
    found = []
    for picture in np.frombuffer(raw, np.uint8).reshape(-1, 1080, 1920):
        rows, columns = (np.flatnonzero((picture > 140).any(axis=axis)) for axis in (1, 0))
        found.append((picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float) - 16) / 219)
    return found


def drawn(folder: Path, shown: tuple[Cue, ...], preset: str, program: str) -> np.ndarray:
    """Where a cue's letters and outlines are, at its end."""
    script = ass.dumps(shown, preset, width=1280, height=720)  # type: ignore[arg-type]
    (folder / "captions.ass").write_text(script, "utf-8")
    command = [program, "-v", "error", "-f", "lavfi", "-i", "color=0x808080:s=1280x720:r=10:d=40"]
    command += ["-vf", f"format=rgb24,{fonts.drawing('captions.ass', folder)}", "-ss", f"{shown[0].end_s - 0.15:.2f}"]
    command += ["-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    picture = subprocess.run(command, capture_output=True, check=True, cwd=folder).stdout
    return np.asarray(np.frombuffer(picture, np.uint8).reshape(720, 1280) > 160)
