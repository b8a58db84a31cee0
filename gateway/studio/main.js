// Which view is shown, by the address: nothing after # is home, #job=ID&t=12.3 a moment of a result.
import { $, element, memory, say } from "./page.js";
import { languages, speak } from "./language.js";
import { setUpHome, showHome, leaveHome, retellHome } from "./home.js";
import { setUpResult, showResult, leaveResult, mayLeave } from "./result.js";

function setUpTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const chosen = memory.get("theme");
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", show);
  $("theme").addEventListener("click", () => {
    memory.set("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    show();
  });
  show();
}

let shown = null; // the address that is shown

async function route() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const job = asked.get("job");
  const before = new URLSearchParams((shown ?? "").slice(1)).get("job");
  if (before && before !== job && !(await mayLeave())) {
    history.replaceState(null, "", shown);
    return;
  }
  const moved = shown !== null && before !== job;
  if (moved && job) say("");
  shown = location.hash || "#";
  $("home").hidden = Boolean(job);
  $("result").hidden = !job;
  if (job) {
    leaveHome();
    showResult(job, asked.has("t") ? Number(asked.get("t")) : null, moved);
  } else {
    leaveResult();
    showHome(moved);
  }
}

setUpTheme();
const spoken = await languages();
$("tongue").replaceChildren(...spoken.map(({ code, name }) => element("option", { value: code, lang: code, textContent: name })));
const codes = spoken.map(({ code }) => code);
await speak(memory.get("tongue") ?? navigator.language, codes);
$("tongue").value = document.documentElement.lang;
$("tongue").addEventListener("change", async () => {
  memory.set("tongue", $("tongue").value);
  await speak($("tongue").value, codes);
  retellHome();
  const job = new URLSearchParams(location.hash.slice(1)).get("job");
  if (job) showResult(job, null, false);
});
setUpHome();
setUpResult();
addEventListener("hashchange", route);
await route();
document.documentElement.dataset.ready = "yes";
