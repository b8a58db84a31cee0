// The page's words, one file a language: /studio/en.json has them all, another language what it has.
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

/** The languages that the gateway has files of, each with its own name: what a reader can choose. */
export async function languages() {
  const found = await (await fetch("/studio/languages")).json();
  return found.map((code) => ({ code, name: languageName(code, code) }));
}

/** Take a language, as the reader chose it or the browser says, if it is spoken; every marked element shows it. */
export async function speak(wanted, spoken) {
  tongue = [wanted, wanted.split("-")[0]].find((code) => spoken.includes(code)) ?? "en";
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

/** The name of a language, in the page's own or in another one. */
export function languageName(code, inOther = tongue) {
  try {
    return new Intl.DisplayNames([inOther], { type: "language" }).of(code);
  } catch (error) {
    if (error instanceof RangeError) return code;
    throw error;
  }
}

/** A failure as a person reads it: in the page's language where it has the words, else in the gateway's. */
export function inWords(code, message, hint) {
  return known(`error_${code}`) ? t(`error_${code}`, { message, hint }) : [message, hint].filter(Boolean).join(" — ");
}
