// Known voices: whom later recordings name. The list, forgetting one, and remembering a speaker's.
import { $, actionButton, element, say } from "./page.js";
import { inWords, t } from "./language.js";
import * as api from "./api.js";

/** Show the list; a gateway that does not answer shows none. */
export async function showVoices() {
  let found = [];
  try {
    ({ voices: found } = await api.voices());
  } catch (error) {
    say(api.refusal(error));
  }
  $("voices").hidden = !found.length;
  $("voices-title").textContent = t("voices", { n: found.length });
  $("known-voices").replaceChildren(...found.map(row));
}

function row(voice) {
  const forget = async () => {
    button.disabled = true;
    try {
      await api.forgetVoice(voice.id);
      say(t("voice_forgotten", { name: voice.name }));
    } catch (error) {
      say(api.refusal(error));
    }
    await showVoices();
    ($("known-voices").querySelector("button") ?? $("jobs-title")).focus();
  };
  const label = t("forget_voice_of", { name: voice.name });
  const button = actionButton(t("forget_voice"), forget, { className: "plain danger", "aria-label": label });
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
      const ended = await api.follow(await api.rememberVoice({ name, job_id: job, speaker: name }), () => {});
      if (ended.state !== "completed") failed.push(`${name}: ${inWords(ended.error_code, ended.error_message, ended.hint)}`);
    } catch (error) {
      failed.push(`${name}: ${api.refusal(error)}`);
    }
  }
  return failed;
}
