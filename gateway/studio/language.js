// The page's words, one file a language: /studio/en.json has them all, another language what it has.
const spoken = ["en", "ko"];
let texts = {};

export let tongue = "en";

/** The text of a name, with `{figures}` filled in. */
export function t(name, figures = {}) {
  const text = texts[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, figure) => figures[figure] ?? "");
}

/** Whether there is a text of this name. */
export const known = (name) => name in texts;

async function file(language) {
  return (await fetch(`/studio/${language}.json`)).json();
}

/** Take a language, as the reader chose it or the browser says; every marked element shows it. */
export async function speak(wanted) {
  tongue = spoken.includes(wanted) ? wanted : "en";
  texts = { ...(await file("en")), ...(tongue === "en" ? {} : await file(tongue)) };
  document.documentElement.lang = tongue;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = t(element.dataset.placeholder);
}

/** `5:39` or `1:02:03`, of seconds; with `tenths`: `0:03.4`. */
export function clock(seconds, tenths = false) {
  const whole = Math.max(0, tenths ? Math.floor(seconds * 10) / 10 : Math.round(seconds));
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = whole % 60;
  const s = tenths ? rest.toFixed(1).padStart(4, "0") : String(Math.floor(rest)).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** A moment as the reader's region writes it. */
export function moment(iso) {
  return new Intl.DateTimeFormat(tongue, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** The name of a language, in the page's own. */
export function languageName(code) {
  try {
    return new Intl.DisplayNames([tongue], { type: "language" }).of(code);
  } catch (error) {
    if (error instanceof RangeError) return code;
    throw error;
  }
}

/** A failure as a person reads it: in the page's language where it has the words, else in the gateway's. */
export function inWords(code, message, hint) {
  return known(`error_${code}`) ? t(`error_${code}`) : [message, hint].filter(Boolean).join(" — ");
}
