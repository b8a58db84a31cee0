// The gateway's endpoints: this page uses nothing else. The key, where there is one, is asked for once.
import { $, memory, rest } from "./page.js";
import { inWords, t } from "./language.js";

const JOBS = "/api/upload-video/jobs";
const VOICES = "/api/voices";
const FOLLOWED_MS = 1000;
const MOST_TRIES = 8; // while the gateway says that it is busy

/** An answer that is no success, in the gateway's words. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = said.error?.code ?? "";
    this.hint = said.error?.hint ?? "";
    this.changed = said.changed ?? null;
  }
}

let asking = null;

/** Ask the reader for the key; everybody who needs it waits for the one answer. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    $("key").value = "";
    $("key-dialog").showModal();
    $("key-form").onsubmit = () => {
      memory.set("key", $("key").value);
      resolve();
    };
    $("key-dialog").oncancel = (event) => event.preventDefault();
  }).finally(() => (asking = null));
  return asking;
}

export const keyHeaders = () => {
  const key = memory.get("key");
  return key ? { "X-API-Key": key } : {};
};

async function ask(method, path, body) {
  for (let tries = 1; ; tries += 1) {
    const shown = memory.get("key");
    const answer = await fetch(path, {
      method,
      headers: { ...keyHeaders(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    }).catch((error) => {
      if (!(error instanceof TypeError)) throw error; // so `fetch` says that nobody answered
      throw new Refused(0, { message: t("no_connection") });
    });
    if (answer.ok) return answer.json();
    if (answer.status === 401) {
      if (memory.get("key") === shown) memory.set("key", null);
      if (!memory.get("key")) await askForKey();
      continue;
    }
    if (answer.status === 503 && tries < MOST_TRIES) {
      await rest(1000 * Number(answer.headers.get("Retry-After") ?? 3));
      continue;
    }
    throw new Refused(answer.status, await answer.json().catch(() => ({})));
  }
}

const of = (job) => `${JOBS}/${encodeURIComponent(job)}`;

export const list = (query) => ask("GET", `${JOBS}?${new URLSearchParams(query)}`);
export const whole = (job) => ask("GET", of(job));
export const result = (job) => ask("GET", `${of(job)}/result`);
export const links = (job) => ask("POST", `${of(job)}/links`);
export const cancel = (job) => ask("POST", `${of(job)}/cancel`);
export const forget = (job) => ask("DELETE", of(job));
export const revise = (job, corrections) => ask("POST", `${of(job)}/revisions`, corrections);
export const burn = (job) => ask("POST", `${of(job)}/burns`);
export const voices = () => ask("GET", VOICES);
export const rememberVoice = (asked) => ask("POST", VOICES, asked);
export const forgetVoice = (id) => ask("DELETE", `${VOICES}/${id}`);
export const again = (url) => ask("GET", url);
export const offer = (file) =>
  ask("POST", "/uploads", { filename: file.name, content_type: mediaType(file), size: file.size });
export const process = (asked) => ask("POST", "/api/upload-video/process-video", asked);

function mediaType(file) {
  return /^[A-Za-z0-9.+-]{1,64}\/[A-Za-z0-9.+-]{1,64}$/.test(file.type) ? file.type : null;
}

/** Send a file to the place that was offered for it; `tell` hears the fraction that is sent. */
export function send(file, place, tell, stopped) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(place.method, place.upload_url);
    // the browser gives the file a type of its own, unless it is told one
    for (const [name, value] of Object.entries(place.headers)) request.setRequestHeader(name, value);
    if (place.upload_url.startsWith("/")) {
      for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => event.lengthComputable && tell(event.loaded / event.total);
    request.onload = () => {
      if (request.status < 300) return resolve();
      let said = {};
      try {
        said = JSON.parse(request.responseText);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error; // a bucket answers in its own words
      }
      return reject(new Refused(request.status, said));
    };
    request.onerror = () => reject(new Refused(0, { message: t("connection_broke") }));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    stopped.addEventListener("abort", () => request.abort());
    request.send(place.headers["Content-Type"] ? file : new Blob([file]));
  });
}

/** A refusal as a person reads it; any other error is thrown on. */
export function refusal(error) {
  if (!(error instanceof Refused)) throw error;
  return inWords(error.code, error.message, error.hint);
}

/** Follow a run that works on a result until its end; `tell` hears each state of it. */
export async function follow(run, tell) {
  let now = run;
  for (;;) {
    tell(now);
    if (["completed", "failed", "cancelled"].includes(now.state)) return now;
    await rest(FOLLOWED_MS);
    now = await again(now.url);
  }
}
