// Theme, keyboard, and the order in which the page comes to life.
const themeChanged = [];

function setUpTheme() {
  let theme = ["light", "dark"].includes(memory.get("theme")) ? memory.get("theme") : "system";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => themeChanged.forEach((listener) => listener());
  dark.addEventListener("change", tell);
  const show = () => {
    if (theme === "system") return;
    document.documentElement.dataset.theme = theme;
    $("theme").setAttribute("aria-label", `Theme: ${theme}`);
  };
  show();
  const turn = () => {
    // the first press always changes what is seen
    const looksDark = theme === "dark" || (theme === "system" && dark.matches);
    theme = looksDark ? "light" : "dark";
    memory.set("theme", theme);
    show();
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
    f: fullScreen,
    t: turnTheme,
    "?": () => $("help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input[type=search], select, dialog");
    // the seek bar's own arrows move by hundredths of a second; other sliders keep theirs
    const sliding = event.key.startsWith("Arrow") && event.target.closest("input[type=range]:not(#seek)");
    const pressing = event.key === " " && event.target.closest("button, a, summary, input[type=checkbox]");
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || typing || sliding || pressing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  $("keys").addEventListener("click", () => $("help").showModal());
  // a list that was used by hand gives the keys back; one that is used by keys keeps them
  let byHand = false;
  addEventListener("pointerdown", () => (byHand = true), true);
  addEventListener("keydown", () => (byHand = false), true);
  document.addEventListener("change", (event) => byHand && event.target.closest("select") && event.target.blur());
}

setUpPanels();
setUpPlayer();
setUpTranscript();
setUpCaptions();
setUpOverview();
setUpEvents();
setUpCurves();
setUpSearch();
setUpDownloads();
setUpMapping();
setUpKeys(setUpTheme());
player.tell();
document.documentElement.dataset.ready = "yes";
