// What stands still: summary, notices, speakers, provenance; and the figures of one word.
const unknown = "not measured";

function setUpPanels() {
  const facts = data.facts;
  $("title").textContent = data.title;
  const voices = data.speakers.length;
  $("summary").textContent = [
    clock(data.duration),
    `${words.text.length.toLocaleString("en")} ${words.text.length === 1 ? "word" : "words"}`,
    `${voices} ${voices === 1 ? "speaker" : "speakers"}`,
    languageName(data.language),
    ...(facts.quality ? [`sound: ${minus(facts.quality)}`] : []),
    facts.created.slice(0, 10),
  ].join(" · ");
  const notices = data.notices.map(([code, message]) => element("li", { title: code }, message.charAt(0).toUpperCase() + message.slice(1)));
  if (facts.status === "partial") notices.unshift(element("li", {}, "This result is partial: a stage failed, see below."));
  const details = $("notices").firstElementChild;
  details.lastElementChild.append(...notices);
  $("notices-count").textContent = notices.length === 1 ? "1 notice" : `${notices.length} notices`;
  $("notices").hidden = !notices.length;
  details.open = !matchMedia("(max-width: 900px), (max-height: 500px)").matches; // on a phone the transcript comes first
  showSpeakers();
  showFacts();
  showStages();
  showWord(-1);
}

function languageName(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
  } catch (error) {
    if (error instanceof RangeError) return code; // not a language tag
    throw error;
  }
}

const missing = () => element("span", { className: "quiet" }, unknown);
const measured = (value, format) => (value === null || value === undefined ? missing() : format(value));
const signed = (value) => (value < 0 ? `−${-value}` : `+${value}`);
const minus = (value) => String(value).replace("-", "−");

function showSpeakers() {
  const head = ["Speaker", "Speaking time", "Words", "Words a minute", "Median F0 (middle third), Hz", "Median loudness (middle half), dBFS"];
  const total = data.speakers.reduce((sum, speaker) => sum + (speaker.speaking ?? 0), 0) || 1;
  const rows = data.speakers.map((speaker, index) => {
    const name = element("span", { className: "who", title: speaker.id }, element("i"), speakerName(index));
    const share = element("span", { className: "share", "aria-hidden": "true" }, element("b"));
    name.style.color = share.style.color = hue(index);
    share.firstChild.style.width = `${(100 * (speaker.speaking ?? 0)) / total}%`;
    const range = ([middle, low, high]) => `${minus(middle)} (${minus(low)} to ${minus(high)})`;
    return [
      name,
      measured(speaker.speaking, (s) => element("span", {}, share, `${clock(s)} · ${Math.round((100 * s) / total)} %`)),
      measured(speaker.words, String),
      measured(speaker.wpm, String),
      measured(speaker.f0, range),
      measured(speaker.level, range),
    ];
  });
  fill($("speakers"), head, rows, 2);
}

function showStages() {
  const rows = data.stages.map(([name, status, duration, ratio, code]) => [
    name,
    code ? `${status} (${code})` : status,
    duration === null ? "–" : `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} s`,
    ratio === null ? "–" : `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} ×`,
  ]);
  fill($("stages"), ["Stage", "Outcome", "Took", "Real time"], rows, 2);
}

/** A table; the first column heads its rows, those from `numbers` on are aligned as numbers. */
function fill(table, head, rows, numbers) {
  const kind = (index) => (index >= numbers ? "number" : "");
  const top = element("tr", {}, ...head.map((text, index) => element("th", { scope: "col", className: kind(index) }, text)));
  const body = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, index) => element(index ? "td" : "th", index ? { className: kind(index) } : { scope: "row" }, cell))),
  );
  table.append(element("thead", {}, top), element("tbody", {}, ...body));
}

function showFacts() {
  const facts = data.facts;
  const count = (letter) => words.timing.filter((timing) => timing === letter).length;
  const timings = [["a", "aligned to the sound"], ["e", "from the recogniser"], ["i", "estimated between neighbours"]];
  const doubtful = Object.keys(words.suspect).length;
  const asked = (given, used) => (given === used ? "as asked" : `asked for: ${given}`);
  const probability = facts.language_probability;
  const entries = [
    ["Source", facts.source],
    ["Recording", `${facts.codec} in ${facts.container}, ${facts.rate / 1000} kHz, ${facts.channels} ${facts.channels === 1 ? "channel" : "channels"}`],
    ["Speech model", `${facts.transcription} (${asked(facts.models_requested, facts.transcription)})`],
    ["Speaker model", facts.diarization ?? "none ran"],
    ["Emotion model", facts.emotion ?? "none ran"],
    ["Language", `${languageName(data.language)} (${asked(facts.language_requested, data.language)}${probability === null ? "" : `, probability ${Math.round(probability * 100)} %`})`],
    ["Word times", timings.filter(([letter]) => count(letter)).map(([letter, text]) => `${count(letter)} ${text}`).join(", ") || "no words"],
    ["Words to doubt", `${doubtful} suspect, ${unsure()}`],
    ["Made", `${facts.created} by ecg-audio-analyzer ${facts.software}, schema ${facts.schema}`],
    ["Job, run", `${facts.job}, ${facts.run}`],
    ["Source SHA-256", facts.sha256],
  ];
  $("facts").append(...entries.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** How many words have little confidence, of those for which the recogniser says any. */
function unsure() {
  const known = words.confidence.filter((percent) => percent !== null);
  if (!known.length) return "confidence not measured";
  const few = known.length < words.confidence.length ? ` of ${known.length}` : "";
  return `${known.filter((percent) => percent < UNSURE_BELOW).length}${few} with a confidence below ${UNSURE_BELOW} %`;
}

const timingNames = { a: "aligned", e: "from the recogniser", i: "estimated" };

function showWord(index) {
  const entry = (name, value, wide) => element("div", { className: wide ? "wide" : "" }, element("dt", {}, name), element("dd", {}, value));
  if (index < 0) {
    $("word").replaceChildren(entry("Word", "–", true));
    return;
  }
  const at = (name) => words[name][index];
  const start = at("start") / 1000;
  $("word").replaceChildren(
    entry("Word", element("bdi", {}, at("text")), true),
    entry("Time", `${clock(start)}.${String(Math.floor((start % 1) * 100)).padStart(2, "0")}, ${timingNames[at("timing")]}`, true),
    entry("Loudness", measured(at("level"), (level) => `${minus(level)} dBFS`)),
    entry("Louder than", measured(at("rank"), (rank) => `${rank} % of own words`)),
    entry("F0", measured(at("f0"), (f0) => `${f0} Hz`)),
    entry("Against own median", measured(at("shift"), (shift) => `${signed(shift)} semitones`)),
    entry("Confidence", measured(at("confidence"), (percent) => `${percent} %, uncalibrated`)),
    ...(index in words.suspect ? [entry("Suspect", words.suspect[index], true)] : []),
  );
}
