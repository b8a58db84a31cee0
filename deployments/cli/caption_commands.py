"""`ecg captions` and `ecg burn`: their arguments and help; the work is in `deployments/cli/captions.py`."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.options import Debug, Result, Store

Preset = Annotated[
    str | None,
    typer.Option(
        help="plain (text), karaoke (lights up), expressive (shows the voice), sdh (plain, names sounds). Without:"
        " expressive."
    ),
]
Sounds = Annotated[
    bool | None,
    typer.Option("--sounds/--no-sounds", help="Name sounds (laughter, music) and long pauses. Without: in sdh alone."),
]
Intensity = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="How much the voice shows, 0 to 1. Without: 1, or the style file's."),
]
StyleFile = Annotated[
    Path | None,
    typer.Option(
        "--style", metavar="FILE", help="A style of your own; no --preset beside it. docs/captions.md says how."
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="netflix, bbc, ebu or social: lengths, times and speeds of a publisher. Without: our own."
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="Speakers' names: never, change (of speaker, if there are two) or always. In txt, md: a paragraph each.",
    ),
]
MaxChars = Annotated[
    int | None,
    typer.Option(min=16, max=80, help="Characters on a line. Without: 42, or the profile's; upright 26 at most."),
]
Lines = Annotated[int | None, typer.Option(min=1, max=2, help="Lines at once. Without: 2.")]
Cps = Annotated[
    float | None,
    typer.Option(
        min=3, max=40, help="Characters a second to aim at; speech may be faster. Without: 17, fewer in ko, ja, zh."
    ),
]


def captions(
    result: Result,
    preset: Preset = None,
    caption_format: Annotated[
        str, typer.Option("--format", help="ass, vtt, ebuttd (IMSC too), srt (no style); txt, md (to read).")
    ] = "ass",
    intensity: Intensity = None,
    style: StyleFile = None,
    profile: Profile = None,
    names: Names = None,
    max_chars: MaxChars = None,
    lines: Lines = None,
    cps: Cps = None,
    portrait: Annotated[
        bool,
        typer.Option(
            "--portrait", help="For upright video, 9:16: short, large lines, a fifth from below (srt: short)."
        ),
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="The video's picture size (ass). Without: 1920x1080, upright 1080x1920."),
    ] = None,
    sounds: Sounds = None,
    fps: Annotated[
        str | None,
        typer.Option(metavar="N", help="The video's frames a second, like 25, 23.976, 24000/1001: cues keep to them."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write no captions but what they break of the bounds; exit code 1 on errors."),
    ] = False,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write.", show_default="standard output")
    ] = None,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Style the captions of a finished result anew, without analysing again.

    For example: ecg captions JOB --format srt --profile bbc --to talk.srt · ecg captions JOB --preset sdh --format vtt
    · ecg captions JOB --profile netflix --check
    """
    from deployments.cli import captions as work

    rate = work.frame_rate(fps) if fps is not None else None
    wanted = work.CaptionOptions(
        preset, intensity, style, profile, names, max_chars, lines, cps, portrait, sounds, rate
    )
    if check:
        raise typer.Exit(work.check(result, out, wanted))
    work.restyle(result, out, wanted, caption_format=caption_format, size=size, target=to)


def burn(
    result: Result,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video that was analysed.")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The MP4 to write.")] = Path("captioned.mp4"),
    preset: Preset = None,
    intensity: Intensity = None,
    style: StyleFile = None,
    profile: Profile = None,
    names: Names = None,
    max_chars: MaxChars = None,
    lines: Lines = None,
    cps: Cps = None,
    portrait: Annotated[
        bool | None,
        typer.Option("--portrait/--landscape", help="Short, large lines or long ones. Without: by the picture."),
    ] = None,
    sounds: Sounds = None,
    out: Store = None,
    debug: Debug = False,
) -> None:
    """Write a copy of a video with its captions in the picture, on its frames (needs an ffmpeg with libass)."""
    from deployments.cli import captions as work

    wanted = work.CaptionOptions(preset, intensity, style, profile, names, max_chars, lines, cps, portrait, sounds)
    work.burn_in(result, out, video, wanted, target=to)
