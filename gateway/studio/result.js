// One job, opened: its recording, its words to correct, its report, what can be taken away, and its end.
import { $, actionButton, asked, element, rest, say } from "./page.js";
import { clock, inWords, known, languageName, t } from "./language.js";
import * as api from "./api.js";
import { howFar, titleOf } from "./home.js";
import { Editor, unfound } from "./editor.js";
import { remember } from "./voices.js";

const BUSY_MS = 1500;
const FIRST = ["srt", "vtt", "ass", "report", "analysis"]; // what most people want, before the rest

let job = null; // the id of the one that is shown
let round = 0; // the latest that was asked for
let links = null;
let editor = null;

export function setUpResult() {
  $("copy").addEventListener("click", copyMoment);
  $("burn").addEventListener("click", burn);
  $("forget").addEventListener("click", forget);
  $("undo").addEventListener("click", () => editor?.undo());
  $("save").addEventListener("click", () => save(false));
  $("take-back").addEventListener("click", () => save(true));
  const tabs = [$("tab-words"), $("tab-report")];
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      const other = tabs[1 - index];
      choose(other);
      other.focus();
    });
  });
  addEventListener("beforeunload", (event) => editor?.changed && event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (job && editor && event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.target.closest("input")) {
      event.preventDefault();
      editor.undo();
    }
  });
}

function choose(tab) {
  for (const [one, panel] of [[$("tab-words"), $("words")], [$("tab-report"), $("report")]]) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    panel.hidden = one !== tab;
  }
  if (tab === $("tab-report")) showReport();
}

/** Whether a reader who goes away loses nothing, or means it. */
export async function mayLeave() {
  return !editor?.changed || asked(t("leave_unsaved"), t("leave"));
}

export function leaveResult() {
  job = null;
  round += 1;
  editor = null;
  $("picture").replaceChildren();
  $("report").replaceChildren();
}

export async function showResult(id, at_s, moved) {
  const mine = ++round;
  const again = id === job && editor;
  job = id;
  if (again && at_s !== null) return seek(at_s);
  editor = null;
  for (const place of ["result-state", "burning", "revising", "report", "picture"]) $(place).replaceChildren();
  $("opened").hidden = true;
  $("tell").checked = false;
  $("result-title").textContent = id;
  $("result-facts").textContent = "";
  if (moved) $("result-title").focus();
  try {
    await watch(id, mine, at_s);
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    if (mine === round) $("result-state").replaceChildren(failure(error.code, error.message, error.hint));
  }
}

async function watch(id, mine, at_s) {
  let bar = null;
  let how = null;
  for (;;) {
    const now = await api.whole(id);
    if (mine !== round) return;
    $("result-title").textContent = titleOf(now);
    document.title = `${titleOf(now)} · ${t("brand")}`;
    if (now.status === "processing") {
      if (!bar) {
        bar = element("progress", { max: 100, "aria-label": t("progress_of", { name: titleOf(now) }) });
        how = element("p", {});
        const stop = actionButton(t("cancel"), async () => {
          stop.disabled = true;
          await api.cancel(id);
        });
        $("result-state").replaceChildren(bar, how, stop);
      }
      bar.value = now.progress ?? 0;
      how.textContent = howFar(now, now.stages);
      await rest(BUSY_MS);
      continue;
    }
    $("result-state").replaceChildren();
    if (now.status === "failed" || !now.run_id) {
      const away = actionButton(t("forget"), forget, { className: "plain danger" });
      $("result-state").replaceChildren(failure(now.error_code, now.error_message, now.hint), away);
      return;
    }
    await open(now, at_s);
    if (now.revision) await revising({ url: `/api/upload-video/jobs/${encodeURIComponent(id)}/revisions/${now.revision}` });
    return;
  }
}

function failure(code, message, hint) {
  return element("p", { className: "failed", role: "alert", textContent: inWords(code, message, hint) });
}

/** Show a published result; what it is. */
async function open(now, at_s) {
  const mine = round;
  const [found, linked] = await Promise.all([api.result(now.job_id), api.links(now.job_id)]);
  if (mine !== round) return;
  links = linked;
  const facts = [
    clock(found.recording.duration_s),
    languageName(found.language),
    t("n_words", { n: found.segments.reduce((sum, segment) => sum + segment.words.length, 0) }),
    t("n_speakers", { n: found.speakers.length }),
    found.revision ? t("revised", { number: found.revision.number }) : null,
  ];
  $("result-facts").textContent = facts.filter(Boolean).join(" · ");
  $("opened").hidden = false;
  const media = player(now.has_picture);
  editor = new Editor(found, media, tellChanges);
  tellChanges();
  $("take-back").hidden = !found.revision;
  $("burn").hidden = !now.can_burn;
  $("tell").closest("label").hidden = !now.tells;
  showDownloads();
  $("report").replaceChildren();
  if (!$("report").hidden) showReport();
  if (at_s !== null && Number.isFinite(at_s)) seek(at_s);
  return found;
}

function player(picture) {
  const before = $("picture").firstElementChild;
  const at_s = before?.currentTime ?? 0;
  const media = element(picture ? "video" : "audio", { controls: true, preload: "metadata", playsInline: true, src: links.media });
  media.setAttribute("aria-label", t("recording"));
  media.addEventListener("error", () => {
    if (media.src.includes("sound=true")) return say(t("not_played"));
    // not every browser plays every container; the sound that was extracted, they all do
    media.src = `${links.media}&sound=true`;
  });
  if (at_s) media.addEventListener("loadedmetadata", () => (media.currentTime = at_s), { once: true });
  media.addEventListener("loadedmetadata", () => $("picture").classList.toggle("sound", !media.videoWidth));
  $("picture").replaceChildren(media);
  return media;
}

function seek(seconds) {
  const media = $("picture").firstElementChild;
  const go = () => (media.currentTime = seconds);
  if (media.readyState >= 1) go();
  else media.addEventListener("loadedmetadata", go, { once: true });
  editor?.show(seconds);
}

function showReport() {
  if ($("report").firstElementChild) return;
  // its scripts run as a page of nowhere: they reach nothing of this one
  const frame = element("iframe", { title: t("report"), src: links.report });
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  $("report").replaceChildren(frame);
}

function showDownloads() {
  const names = Object.keys(links.outputs);
  const ordered = [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
  $("downloads").replaceChildren(...ordered.map((name) => download(links.outputs[name], outputName(name), { output: name })));
  const made = Object.entries(links.exports);
  $("exports").replaceChildren(...made.map(([name, href]) => download(href, t(`export_${name}`), { export: name })));
}

function download(href, textContent, data) {
  return element("li", {}, element("a", { href, textContent, download: "", data }));
}

/** `SRT`, `Table: words`, `karaoke.ass`. */
function outputName(name) {
  if (known(`output_${name}`)) return t(`output_${name}`);
  return name.startsWith("tables/") ? t("output_table", { name: name.slice(7) }) : name.replace(/^presets\//, "");
}

async function copyMoment() {
  const at_s = Math.round(10 * ($("picture").firstElementChild?.currentTime ?? 0)) / 10;
  const address = `${location.origin}${location.pathname}#job=${encodeURIComponent(job)}&t=${at_s}`;
  try {
    await navigator.clipboard.writeText(address);
    say(t("copied", { clock: clock(at_s) }));
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    say(address); // no clipboard here: it can be marked and copied by hand
  }
}

function tellChanges() {
  const count = editor?.count ?? 0;
  $("changes").textContent = count ? t(count === 1 ? "one_change" : "n_changes", { n: count }) : t("no_changes");
  $("save").disabled = !count;
  $("undo").disabled = !editor?.canUndo;
  $("saving").classList.toggle("pending", count > 0); // it stays in sight as long as there is something to save
  $("take-back").disabled = count > 0;
}

async function save(takeBack) {
  if (takeBack && !(await asked(t("take_back_sure"), t("take_back")))) return;
  const tell = $("tell").checked ? { tell: true } : {};
  const wanted = { base: editor.base, ...(takeBack ? { undo: true } : editor.corrections()), ...tell };
  const voices = takeBack ? [] : editor.remembered;
  const [mine, whose] = [round, job];
  $("save").disabled = $("take-back").disabled = true;
  try {
    const saved = (!takeBack && !editor.corrected) || (await revised(wanted));
    if (saved && voices.length && mine === round) await rememberVoices(whose, voices);
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    if (error.changed) await merge(error.changed);
    else {
      const code = error.code === "JOB_CONFLICT" ? "CONFLICT_SAVING" : error.code;
      $("revising").replaceChildren(failure(code, error.message, error.hint));
      tellChanges();
    }
  }
}

/** Save corrections; where the recording has been removed, without hearing it, if the reader wants that. */
async function revised(wanted) {
  const ended = await revising(await api.revise(job, wanted));
  if (ended?.error_code !== "RESULT_NOT_FOUND") return ended?.state === "completed";
  if (!(await asked(t("unheard_sure"), t("unheard")))) return false;
  $("save").disabled = $("take-back").disabled = true;
  return (await revising(await api.revise(job, { ...wanted, unheard: true }), "revision_done_unheard"))?.state === "completed";
}

async function rememberVoices(whose, names) {
  const how = element("p", { className: "small", textContent: t("remembering") });
  $("revising").replaceChildren(how);
  const failed = await remember(whose, names);
  editor?.forgetRemembered();
  if (failed.length) how.replaceWith(failure(null, failed.join(" · "), ""));
  else {
    how.remove();
    say(t("voice_remembered", { names: names.join(", ") }));
  }
}

/** Somebody else was quicker: open theirs, and put ours into it where it still fits. */
async function merge(changed) {
  const ours = editor;
  await open(await api.whole(job), null);
  const left = editor.take(ours);
  const what = t("somebody_was_quicker", { number: changed.number ?? "" });
  const ours_now = left.length ? t("not_taken_over", { what: left.join(" · ") }) : t("taken_over");
  $("revising").replaceChildren(failure(null, what, ours_now));
  say(`${what} ${ours_now}`);
}

/** Show a bar at a place; returns what is told how far the work is. */
function barAt(place, text) {
  const bar = element("progress", { max: 100, value: 0, "aria-label": text });
  const how = element("p", { className: "small", textContent: text });
  $(place).replaceChildren(bar, how);
  return (now) => {
    bar.value = now.progress;
    how.textContent = `${text} · ${howFar(now, now.stages)}`;
  };
}

/** Follow a revision to its end, and open what it made; how it ended, null: the reader is elsewhere by then. */
async function revising(begun, done = "revision_done") {
  const mine = round;
  const show = barAt("revising", t("revising"));
  const first = begun.state ? begun : await api.again(begun.url);
  const ended = await api.follow(first, (now) => mine === round && show(now));
  if (mine !== round) return null;
  if (ended.state !== "completed") {
    $("revising").replaceChildren(failure(ended.error_code, ended.error_message, ended.hint));
    tellChanges();
    return ended;
  }
  $("revising").replaceChildren();
  const word = editor?.place;
  const found = await open(await api.whole(job), null);
  if (mine !== round) return null;
  editor.select(word);
  const lost = found.segments.flatMap((segment) => segment.words).filter(unfound).length;
  say([t(done), lost ? t(lost === 1 ? "one_word_unfound" : "n_words_unfound", { n: lost }) : ""].filter(Boolean).join(" "));
  return ended;
}

async function burn() {
  const mine = round;
  $("burn").disabled = true;
  const show = barAt("burning", t("burning"));
  try {
    const ended = await api.follow(await api.burn(job), show);
    if (mine !== round) return;
    if (ended.state !== "completed") throw new api.Refused(0, { message: ended.error_message, error: { code: ended.error_code, hint: ended.hint } });
    $("burning").replaceChildren(element("a", { href: ended.video, textContent: t("burnt"), download: "" }));
    say(t("burnt"));
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    $("burning").replaceChildren(failure(error.code, error.message, error.hint));
  } finally {
    $("burn").disabled = false;
  }
}

async function forget() {
  if (!(await asked(t("forget_sure"), t("forget")))) return;
  try {
    await api.forget(job);
    editor = null;
    location.hash = "";
    say(t("forgotten"));
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    say(inWords(error.code === "JOB_CONFLICT" ? "CONFLICT_FORGETTING" : error.code, error.message, error.hint));
  }
}
