// Known voices: whom later recordings name. The list, forgetting one, and remembering a speaker's.
import { $, element, say } from "./page.js";
import { t } from "./language.js";
import * as api from "./api.js";
import { follow, inWords } from "./home.js";

/** Show the list; a gateway that does not answer shows none. */
export async function showVoices() {
  let found = [];
  try {
    ({ voices: found } = await api.voices());
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    say(inWords(error.code, error.message, error.hint));
  }
  $("voices").hidden = !found.length;
  $("voices-title").textContent = t("voices", { n: found.length });
  $("known-voices").replaceChildren(...found.map(row));
}

function row(voice) {
  const button = element("button", { type: "button", className: "plain danger", textContent: t("forget_voice") });
  button.setAttribute("aria-label", t("forget_voice_of", { name: voice.name }));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await api.forgetVoice(voice.id);
      say(t("voice_forgotten", { name: voice.name }));
    } catch (error) {
      if (!(error instanceof api.Refused)) throw error;
      say(inWords(error.code, error.message, error.hint));
    }
    await showVoices();
    ($("known-voices").querySelector("button") ?? $("jobs-title")).focus();
  });
  const facts = t("voice_facts", { seconds: Math.round(voice.speech_s), day: voice.remembered_at.slice(0, 10) });
  return element(
    "li",
    { data: { voice: voice.name } },
    element("span", { className: "name", textContent: voice.name }),
    element("span", { className: "facts", textContent: facts }),
    button,
  );
}

/** Remember the voices of speakers, by their names in a job's result; returns what could not be, in words. */
export async function remember(job, names) {
  const failed = [];
  for (const name of names) {
    try {
      const ended = await follow(await api.rememberVoice({ name, job_id: job, speaker: name }), () => {});
      if (ended.state !== "completed") failed.push(`${name}: ${inWords(ended.error_code, ended.error_message, ended.hint)}`);
    } catch (error) {
      if (!(error instanceof api.Refused)) throw error;
      failed.push(`${name}: ${inWords(error.code, error.message, error.hint)}`);
    }
  }
  return failed;
}
