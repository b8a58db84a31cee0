// Handing recordings in, and the list of jobs.
import { $, actionButton, element, say } from "./page.js";
import { clock, inWords, known, languageName, moment, t } from "./language.js";
import * as api from "./api.js";
import { showVoices } from "./voices.js";

const LANGUAGES = ["auto", "en", "ko", "ja", "zh", "de", "fr", "es", "pt", "it", "ru", "ar", "hi", "id", "nl", "pl", "th", "tr", "vi"];
const STATES = ["queued", "running", "completed", "failed", "cancelled"];
const CHANNELS = ["auto", "separate", "mixed"];
const BUSY_MS = 2000;
const IDLE_MS = 15000;

let showing = false;
let timer = 0;
let cursor = null; // of the page after those that are shown
let older = []; // jobs of further pages, which do not change any more
let round = 0; // the latest look at the list

export function setUpHome() {
  fillChoices();
  $("intake").addEventListener("submit", (event) => {
    event.preventDefault();
    const address = $("address").value.trim();
    if (!address) return $("files").click();
    $("address").value = "";
    handIn(address);
  });
  $("files").addEventListener("change", () => {
    take([...$("files").files]);
    $("files").value = "";
  });
  const over = (event) => {
    if (!showing || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    $("drop").classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") take([...event.dataTransfer.files]);
  };
  for (const kind of ["dragover", "dragleave", "drop"]) addEventListener(kind, over);
  let typing = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(look, 250);
  });
  $("state").addEventListener("change", look);
  $("more").addEventListener("click", showMore);
}

function fillChoices() {
  const choices = (id, values, name) => {
    const chosen = $(id).value;
    $(id).replaceChildren(...values.map((value) => element("option", { value, textContent: name(value) })));
    if (values.includes(chosen)) $(id).value = chosen;
  };
  choices("language", LANGUAGES, (code) => (code === "auto" ? t("language_auto") : languageName(code)));
  choices("channels", CHANNELS, (use) => t(`channels_${use}`));
  choices("state", ["", ...STATES], (state) => t(state ? `state_${state}` : "state_all"));
}

export function showHome(moved) {
  showing = true;
  document.title = t("brand");
  if (moved) $("home-title").focus();
  showVoices();
  look();
}

export function leaveHome() {
  showing = false;
  clearTimeout(timer);
}

export function retellHome() {
  fillChoices();
  if (showing) showVoices();
  if (showing) look();
}

const take = (files) => files.forEach(upload);

/** A job's id from a name: readable, and nobody else's. */
function jobId(name) {
  const stem = name.replace(/[?#].*/, "").replace(/\/+$/, "").split(/[\\/]/).pop().replace(/\.[A-Za-z0-9]{1,5}$/, "");
  const plain = stem.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 40);
  const chance = [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => (byte % 36).toString(36)).join("");
  return `${plain || "recording"}-${chance}`;
}

function options() {
  const speakers = Number($("speakers").value);
  return {
    language: $("language").value,
    channels: $("channels").value,
    ...(Number.isInteger(speakers) && speakers > 0 ? { speakers } : {}),
  };
}

async function upload(file) {
  const asked = options();
  const stopped = new AbortController();
  const bar = element("progress", { max: 1, value: 0, "aria-label": t("uploading", { name: file.name }) });
  const how = element("span", { className: "quiet wide", textContent: t("uploading_percent", { percent: 0 }) });
  const stop = actionButton(t("stop"), () => stopped.abort(), { "aria-label": t("stop_upload", { name: file.name }) });
  const row = element("li", {}, element("span", { textContent: file.name }), stop, bar, how);
  $("uploads").append(row);
  try {
    const place = await api.offer(file);
    if (file.size > place.max_bytes) throw new api.Refused(413, { message: t("too_large"), error: { code: "TOO_LARGE" } });
    await api.send(
      file,
      place,
      (sent) => {
        bar.value = sent;
        how.textContent = t("uploading_percent", { percent: Math.floor(100 * sent) });
      },
      stopped.signal,
    );
    await api.process({ job_id: jobId(file.name), video_url: place.video_url, ...asked });
    row.remove();
    say(t("handed_in", { name: file.name }));
    look();
  } catch (error) {
    if (error.name === "AbortError") return row.remove();
    how.textContent = api.refusal(error);
    bar.remove();
    stop.textContent = t("close");
    stop.onclick = () => row.remove();
    say(t("not_handed_in", { name: file.name }));
  }
}

async function handIn(address) {
  try {
    await api.process({ job_id: jobId(address), video_url: address, ...options() });
    say(t("handed_in", { name: address }));
    look();
  } catch (error) {
    say(api.refusal(error));
    $("address").value = address;
    $("address").focus();
  }
}

function query() {
  const asked = { limit: "50" };
  if ($("search").value.trim()) asked.search = $("search").value.trim();
  if ($("state").value) asked.state = $("state").value;
  return asked;
}

async function look() {
  clearTimeout(timer);
  if (!showing) return;
  const mine = ++round;
  try {
    const found = await api.list(query());
    if (mine !== round || !showing) return;
    cursor = found.next_cursor;
    older = [];
    await show(found.jobs);
    const busy = found.jobs.some((job) => job.status === "processing");
    timer = setTimeout(refresh, busy ? BUSY_MS : IDLE_MS);
  } catch (error) {
    say(api.refusal(error));
    timer = setTimeout(look, IDLE_MS);
  }
}

/** Look again without losing the further pages that are shown, or the reader's place. */
async function refresh() {
  if (!showing) return;
  if (document.hidden) {
    timer = setTimeout(refresh, BUSY_MS);
    return;
  }
  const mine = ++round;
  let busy = false;
  try {
    const found = await api.list(query());
    if (mine !== round || !showing) return;
    if (!older.length) cursor = found.next_cursor;
    busy = found.jobs.some((job) => job.status === "processing");
    await show(found.jobs);
  } catch (error) {
    say(api.refusal(error));
  }
  timer = setTimeout(refresh, busy ? BUSY_MS : IDLE_MS);
}

async function showMore() {
  const found = await api.list({ ...query(), cursor });
  cursor = found.next_cursor;
  older.push(...found.jobs);
  const first = found.jobs[0] && $("jobs").children.length;
  $("jobs").append(...found.jobs.map((job) => row(job)));
  $("more").hidden = !cursor;
  if (first) $("jobs").children[first].querySelector("a")?.focus();
}

const stages = new Map(); // job -> what was at work when it was looked at last
const rows = new Map(); // job -> its element, so that what has the focus keeps it

async function show(newest) {
  const ids = new Set(newest.map((job) => job.job_id));
  const all = [...newest, ...older.filter((job) => !ids.has(job.job_id))];
  const focused = document.activeElement?.closest?.("[data-job]")?.dataset.job;
  const kind = document.activeElement?.tagName;
  const made = all.map((job) => row(job));
  $("jobs").replaceChildren(...made);
  if (focused) rows.get(focused)?.querySelector(kind === "BUTTON" ? "button" : "a")?.focus({ preventScroll: true });
  $("no-jobs").hidden = all.length > 0;
  $("no-jobs").textContent = t(query().search || query().state ? "nothing_found" : "no_jobs");
  $("more").hidden = !cursor;
  await Promise.all(newest.filter((job) => job.state === "running").slice(0, 4).map(tellStages));
}

/** The recording's name as it was before an upload gave it a place. */
export function titleOf(job) {
  const last = (job.title ?? "").split(/[\\/]/).pop() || job.job_id;
  return last.replace(/^\d{8}_\d{6}_[0-9a-f]{8}_/, "");
}

function row(job) {
  const facts = [
    job.length_s ? clock(job.length_s) : null,
    job.language ? languageName(job.language) : null,
    job.created_at ? moment(job.created_at) : null,
  ].filter(Boolean);
  const made = element(
    "li",
    { className: "row-job", data: { job: job.job_id } },
    element("a", { className: "name", href: `#job=${encodeURIComponent(job.job_id)}`, textContent: titleOf(job) }),
    element("span", { className: "facts", textContent: facts.join(" · ") }),
    element("span", { className: `how state-${job.state}`, textContent: t(`state_${job.state}`) }),
  );
  if (job.status === "processing") made.append(...working(job));
  if (job.status === "failed" && job.state !== "cancelled") {
    made.append(element("p", { className: "wide", textContent: inWords(job.error_code, job.error_message, job.hint) }));
  }
  rows.set(job.job_id, made);
  return made;
}

function working(job) {
  const cancel = async () => {
    stop.disabled = true;
    try {
      await api.cancel(job.job_id);
      say(t("cancelled", { name: titleOf(job) }));
    } catch (error) {
      say(api.refusal(error));
    }
    look();
  };
  const stop = actionButton(t("cancel"), cancel, { "aria-label": t("cancel_job", { name: titleOf(job) }) });
  return [
    element("progress", { max: 100, value: job.progress ?? 0, "aria-label": t("progress_of", { name: titleOf(job) }) }),
    element("span", { className: "wide quiet stage", textContent: howFar(job, stages.get(job.job_id) ?? []) }),
    stop,
  ];
}

/** `Recognising speech · 40 % · about 2 min left`. */
export function howFar(job, atWork) {
  const names = atWork.map((stage) => (known(`stage_${stage}`) ? t(`stage_${stage}`) : stage));
  const percent = job.progress ?? 0;
  const said = [names.join(", ") || t(`state_${job.state}`), `${percent} %`];
  // what is left is told from what was done, once that says something
  if (job.started_at && percent >= 10) {
    const taken_s = (Date.now() - new Date(job.started_at)) / 1000;
    const left_s = Math.max(1, (taken_s * (100 - percent)) / percent);
    said.push(left_s < 60 ? t("seconds_left", { seconds: Math.ceil(left_s / 5) * 5 }) : t("minutes_left", { minutes: Math.ceil(left_s / 60) }));
  }
  return said.join(" · ");
}

async function tellStages(job) {
  try {
    const now = await api.whole(job.job_id);
    stages.set(job.job_id, now.stages);
    const place = rows.get(job.job_id)?.querySelector(".stage");
    if (place && now.status === "processing") place.textContent = howFar(now, now.stages);
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error; // the list says again what is wrong
  }
}
