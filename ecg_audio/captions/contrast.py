"""Contrast by WCAG 2: of text with its ground, and of words already said with those still to come."""

from collections.abc import Iterator

from ecg_audio.captions.styling import Style

TEXT = 4.5  # the least between a text and its ground
STATE = 3.0  # the least between said and unsaid, where colour alone tells them apart
WHITE = "#FFFFFF"  # words of nobody known


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21.

    >>> round(contrast("#FFFFFF", "#000000"), 1)
    21.0
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def paled(colour: str, opacity: float, style: Style) -> str:
    """`colour` at `opacity` on the captions' ground, as a colour of its own: what is see-through shows the video.

    Where words light up it is no paler than still tells them from words to come.
    """
    palette = style.palette
    for percent in range(round(opacity * 100), 100):
        mixed = _mixed(colour, palette.ground, percent / 100)
        if not style.follow or contrast(mixed, palette.unsaid) >= STATE:
            return mixed
    return colour


def faint(style: Style) -> Iterator[tuple[str, str, float]]:
    """Texts of a style that stand out too little from its ground: what they are, their colour and its contrast."""
    palette = style.palette
    hues = {f"palette.dark[{index}]": colour for index, colour in enumerate(palette.dark)}
    texts = {"white": WHITE, **(hues if style.speaker_colours else {})}
    if style.intensity:
        opacity = 1 - (1 - style.whisper.opacity) * style.intensity
        texts |= {f"whispered {name}": paled(colour, opacity, style) for name, colour in texts.items()}
    if style.follow:
        texts["palette.unsaid"] = palette.unsaid
    for name, colour in texts.items():
        if (found := contrast(colour, palette.ground)) < TEXT:
            yield name, colour, found


def _mixed(colour: str, ground: str, share: float) -> str:
    channels = (
        round(int(colour[at : at + 2], 16) * share + int(ground[at : at + 2], 16) * (1 - share)) for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in channels)


def _luminance(colour: str) -> float:
    linear = []
    for at in (1, 3, 5):
        channel = int(colour[at : at + 2], 16) / 255
        linear.append(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
