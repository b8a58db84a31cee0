"""`ecg models` and `ecg serve-models`: which speech models are needed, getting them, keeping them warm."""

from pathlib import Path

from rich.markup import escape

from deployments.service.session import use_engine_settings
from deployments.terminal import out
from ecg_audio import peer
from ecg_audio.compute import hub
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import EMBEDDED
from ecg_audio.settings import Models
from ecg_audio.speech import plan, weights
from ecg_audio.speech.language import LANGUAGES
from ecg_audio.speech.settings import EngineSettings

PLAN_BASIS = (
    "These are estimates, from the models' published parameters and shapes, not measurements: weights, what one batch "
    "holds, and 0.63 GB for CUDA. Stages run one after the other; other stages' models leave where they do not fit "
    "beside. When memory runs out all the same, a stage goes on with less and says so in the result; "
    "`python -m benchmarks.gpu` measures."
)


def list_models(languages: list[str]) -> int:
    """Print each needed model and where it is. Returns 0 when all are here, else 1."""
    use_engine_settings()
    models = weights.needed(weights.wished(EngineSettings.read()), _known(languages))
    for model in models:
        mark = "[green]✓[/]" if model.here else "[red]✗[/]"
        what = f"{model.variable}{f' ({model.language})' if model.language else ''}"
        out.print(f"{mark} [bold]{what}[/] {escape(model.name)}: {_where(model)}", highlight=False, soft_wrap=True)
    return 0 if all(model.here for model in models) else 1


def fetch_models(wanted: str, languages: list[str], folder: Path | None) -> None:
    """Get what is not here yet, and print the settings that name the folders, if it was put into one."""
    use_engine_settings()
    settings = weights.wished(EngineSettings.read(), wanted)
    placed: dict[str, list[str]] = {}
    for model in weights.needed(settings, _known(languages)):
        if model.local or (model.here and folder is None):
            out.print(f"[green]✓[/] {escape(model.name)} is here already", highlight=False, soft_wrap=True)
            continue
        out.print(f"  fetching {escape(model.name)} ...", highlight=False, soft_wrap=True)
        place = weights.fetch(model, folder.absolute() if folder else None)
        out.print(f"[green]✓[/] {escape(model.name)} is in {escape(str(place))}", highlight=False, soft_wrap=True)
        named = f"{model.language}={place}" if model.language else str(place)
        placed.setdefault(model.variable, []).append(named)
    if folder is not None and placed:
        out.print("Set these where the models are used:")
        for variable, values in placed.items():
            out.print(f"export {variable}={','.join(values)}", highlight=False, soft_wrap=True, markup=False)


def plan_models(hours: float, gpu_gb: float | None) -> None:
    """Print how a recording of some length would be analysed, on this machine or on one with such a GPU."""
    card_bytes = None if gpu_gb is None else round(gpu_gb * 1e9)
    given = EngineSettings.read()
    if card_bytes:
        given = given.model_copy(update={"device": "cuda"})
    settings = weights.wished(given, card_bytes=card_bytes)
    on_gpu = settings.device == "cuda"
    stages = plan.plan(hours * 3600, settings, card_bytes)
    budget = plan.budget_bytes(settings, card_bytes)
    bound = f"at most {budget / 1e9:.1f} GB of GPU memory for each stage" if on_gpu else "no GPU"
    out.print(f"{hours:g} h with {settings.model}: {bound}", highlight=False, markup=False, soft_wrap=True)
    for stage in stages:
        parts = ", ".join(f"{part} {taken / 1e9:.2f}" for part, taken in stage.made_of.items())
        expected = f"{stage.expected_bytes / 1e9:.2f} GB: {parts}" if parts else "in the machine's memory"
        line = f"  {stage.name:<12}{stage.placement!s:<30}{expected}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if on_gpu:
        out.print(PLAN_BASIS, highlight=False, markup=False, soft_wrap=True)


def serve_models(models: str, path: Path | None, most_waiting: int, most_gb: float) -> None:
    """Serve until SIGTERM; returns after the last job that was taken on has ended.

    Args:
        models: which are kept.
        path: of the socket; None: a place of this user's.
        most_waiting: how many jobs may wait.
        most_gb: a model process that holds more after a job is replaced.

    Raises:
        EngineUnavailable: the models cannot be had.
        InvalidRequest: the path is no place for a socket.
        AddressInUse: another server has it.
    """
    from ecg_audio.serving.server import ModelServer
    from ecg_audio.speech.engine import LocalEngine

    use_engine_settings()
    engine = LocalEngine(models)
    bound = round(most_gb * 1e9)
    path = path.absolute() if path else Path(peer.usual("models"))
    with ModelServer(engine, path, most_waiting=most_waiting, most_resident_bytes=bound) as server:
        where = "a GPU" if engine.settings.device == "cuda" else "the CPU"
        said = f"{engine.settings.model} on {where}; export {Models.variable('model_server')}={server.address}"
        out.print(said, highlight=False, soft_wrap=True)
        server.serve()


def _known(languages: list[str]) -> list[str]:
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown:
        raise InvalidRequest(f"--language: Whisper does not know {unknown[0]!r}")
    return languages


def _where(model: weights.NeededModel) -> str:
    if model.name == EMBEDDED:
        return "comes with the installed packages" if model.here else weights.MEND
    if model.local:
        return "a directory"
    if model.here:
        return f"in the hub's cache, {hub.size_bytes(model.name) / 1e6:.0f} MB"
    return f"not here; {hub.page(model.name)}" if weights.HUB_NAME.fullmatch(model.name) else "not here"
