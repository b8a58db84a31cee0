"""What espeak-ng says in the benchmark of word edges, written for it; and in which voices.

Thresholds were chosen on `CHOSEN_ON` alone; `REPORTED` is what the benchmark reports. They share no sentence and no
voice.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, read in a voice of espeak-ng at a rate."""

    language: str
    voice: str
    words_per_minute: int
    pitch: int
    text: str


ENGLISH = (
    "The old harbour was quiet in the morning. A single boat came in, heavy with fish, and nobody spoke a word.",
    "If you ask me, the train was late because of the snow. Nobody told us why, and nobody came to help.",
    "She opened the letter, read it twice, and put it back on the table. Then she laughed.",
    "Take two cups of flour, a spoon of salt, and some warm water. Mix them well. Wait for an hour.",
    "Our teacher used to say that history never repeats itself, but people do. I did not believe him.",
    "The market opens at six. By seven, the best fruit is gone, and only the bakers are still shouting.",
    "Please turn left after the bridge, keep going for about a mile, and stop at the yellow house.",
    "It rained all night long. In the morning, however, the sky was clear and the streets were shining.",
)
GERMAN = (
    "Der alte Hafen war am Morgen sehr still. Ein einziges Boot kam herein, schwer von Fisch, und niemand sprach.",
    "Wenn du mich fragst, war der Zug wegen des Schnees zu spät. Niemand hat uns gesagt, warum.",
    "Sie öffnete den Brief, las ihn zweimal und legte ihn zurück auf den Tisch. Dann lachte sie.",
    "Nimm zwei Tassen Mehl, einen Löffel Salz und etwas warmes Wasser. Warte danach eine Stunde.",
)
SPANISH = (
    "El viejo puerto estaba tranquilo por la mañana. Un solo barco entró, cargado de pescado, y nadie habló.",
    "Si me preguntas, el tren llegó tarde por la nieve. Nadie nos dijo por qué, y nadie vino a ayudar.",
    "Ella abrió la carta, la leyó dos veces y la dejó sobre la mesa. Después se rió.",
    "Toma dos tazas de harina, una cucharada de sal y un poco de agua tibia. Espera una hora.",
)
KOREAN = (
    "오늘 아침에는 비가 많이 왔습니다. 그래서 우리는 집에 있었고, 저녁에 시장에 갔습니다.",
    "저는 학교에서 한국어를 배웁니다. 선생님은 친절하고, 친구들은 재미있습니다.",
    "어제 동생이 편지를 썼습니다. 할머니는 편지를 읽고, 아주 기뻐하셨습니다.",
    "기차가 늦게 도착했습니다. 사람들은 오래 기다렸고, 아무도 말하지 않았습니다.",
)

CHOSEN_ENGLISH = (
    "My brother keeps bees behind the garden wall. Every summer, he brings us honey, and every winter he complains.",
    "They walked along the river until dark. When the lamps went on, the children ran home, tired and happy.",
    "We never found the key. Maybe the cat took it, or maybe, as my father says, it was never there.",
    "Open the window, please. The room is warm, the paint is wet, and I would like some air.",
)
CHOSEN_GERMAN = (
    "Mein Bruder hält Bienen hinter der Mauer. Jeden Sommer bringt er uns Honig, und im Winter klagt er.",
    "Sie gingen am Fluss entlang, bis es dunkel wurde. Dann liefen die Kinder müde nach Hause.",
)
CHOSEN_SPANISH = (
    "Mi hermano tiene abejas detrás del muro. Cada verano nos trae miel, y en invierno se queja.",
    "Caminaron junto al río hasta la noche. Luego los niños corrieron a casa, cansados y felices.",
)
CHOSEN_KOREAN = (
    "형은 정원에서 벌을 키웁니다. 여름에는 꿀을 가져오고, 겨울에는 항상 쉽니다.",
    "우리는 강을 따라 걸었습니다. 밤이 되자, 아이들은 집으로 뛰어갔습니다.",
)


def _readings(language: str, voices: tuple[tuple[str, int, int], ...], texts: tuple[str, ...]) -> tuple[Reading, ...]:
    """Every text once, the voices in turn."""
    return tuple(Reading(language, *voices[index % len(voices)], text) for index, text in enumerate(texts))


REPORTED = (
    *_readings("en", (("en-us", 160, 50), ("en-us+f3", 175, 60)), ENGLISH),
    *_readings("en", (("en-us+m7", 140, 40), ("en-gb-x-rp", 150, 45)), ENGLISH),
    *_readings("de", (("de", 150, 50), ("de+f2", 165, 60)), GERMAN),
    *_readings("es", (("es", 150, 50), ("es+f2", 165, 60)), SPANISH),
    *_readings("ko", (("ko", 140, 50), ("ko+f2", 155, 60)), KOREAN),
)
CHOSEN_ON = (
    *_readings("en", (("en-us+m3", 150, 45), ("en-us+f4", 165, 55)), CHOSEN_ENGLISH),
    *_readings("de", (("de+m3", 145, 45), ("de+f4", 160, 55)), CHOSEN_GERMAN),
    *_readings("es", (("es+m3", 145, 45), ("es+f4", 160, 55)), CHOSEN_SPANISH),
    *_readings("ko", (("ko+m3", 140, 45), ("ko+f4", 155, 55)), CHOSEN_KOREAN),
)
