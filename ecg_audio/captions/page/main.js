// Theme, keyboard, and the order in which the page comes to life.
const themeChanged = [];
const themes = ["system", "light", "dark"];

function setUpTheme() {
  let theme = "system";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => themeChanged.forEach((listener) => listener());
  dark.addEventListener("change", tell);
  const turn = () => {
    // the first press always changes what is seen
    const looksDark = theme === "dark" || (theme === "system" && dark.matches);
    theme = looksDark ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    $("theme").setAttribute("aria-label", `Theme: ${theme}`);
    tell();
  };
  $("theme").addEventListener("click", turn);
  return turn;
}

function setUpKeys(turnTheme) {
  const nearby = (step) => {
    const now = wordAt(player.time());
    const place = now < 0 ? -1 : byStart.indexOf(now);
    const next = byStart[Math.min(byStart.length - 1, Math.max(0, place + step))];
    if (next !== undefined) player.seek(words.start[next] / 1000);
  };
  const segment = (step) => {
    const now = wordAt(player.time());
    const next = data.segments[Math.min(data.segments.length - 1, Math.max(0, (now < 0 ? -1 : segmentOf[now]) + step))];
    if (next) player.seek(next[3] / 1000);
  };
  const actions = {
    " ": () => player.toggle(),
    k: () => player.toggle(),
    ArrowLeft: () => player.seek(player.time() - 5),
    ArrowRight: () => player.seek(player.time() + 5),
    ",": () => nearby(-1),
    ".": () => nearby(1),
    "[": () => segment(-1),
    "]": () => segment(1),
    "/": () => $("query").focus(),
    c: nextPreset,
    t: turnTheme,
    "?": () => $("help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    const pressing = event.key === " " && event.target.closest("button, a");
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || typing || pressing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  $("keys").addEventListener("click", () => $("help").showModal());
}

setUpPanels();
setUpPlayer();
setUpTranscript();
setUpCaptions();
setUpOverview();
setUpCurves();
setUpSearch();
setUpKeys(setUpTheme());
player.tell();
document.documentElement.dataset.ready = "yes";
