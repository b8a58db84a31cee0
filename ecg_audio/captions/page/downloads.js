// Files made in the page, as `ecg captions` makes them: SRT, WebVTT in the plain preset, a transcript; and JSON.
function setUpDownloads() {
  const made = { srt: subRip, vtt: webVtt, txt: plainText, json: () => JSON.stringify(asJson(), null, 1) };
  const types = { srt: "application/x-subrip", vtt: "text/vtt", txt: "text/plain", json: "application/json" };
  document.querySelector(".downloads").addEventListener("click", (event) => {
    const format = event.target.dataset.format;
    if (!format) return;
    const href = URL.createObjectURL(new Blob([made[format]()], { type: types[format] }));
    element("a", { href, download: `${data.title.replace(/\.\w{2,4}$/, "").replace(/[\\/:*?"<>|]/g, "_")}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  });
}

const padded = (number, digits = 2) => String(number).padStart(digits, "0");
const stamp = (ms, point) =>
  `${padded(Math.floor(ms / 3_600_000))}:${padded(Math.floor(ms / 60_000) % 60)}:${padded(Math.floor(ms / 1000) % 60)}${point}${padded(ms % 1000, 3)}`;

/** A caption's line as text: dash and name, then the words. */
function lineText([, lead, ...flat]) {
  return lead + flat.filter((_, index) => index % 4 === 0).join("").trimStart();
}

function subRip() {
  // what players would obey is kept text by a character that is not seen, as in captions/srt.py
  const inert = (text) => text.replace(/\\|<|->|:\d\d[.,]\d/g, (found) => `${found[0]}\u2060${found.slice(1)}`);
  return data.cues
    .map(([start, end, lines], index) => `${index + 1}\n${stamp(start, ",")} --> ${stamp(end, ",")}\n${lines.map((line) => inert(lineText(line))).join("\n")}\n\n`)
    .join("");
}

function webVtt() {
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const voiced = (line) => {
    const text = escaped(lineText(line));
    return line[0] < 0 ? text : `<v ${escaped(data.speakers[line[0]].id) || "?"}>${text}</v>`;
  };
  const cues = data.cues.map(([start, end, lines]) => `${stamp(start, ".")} --> ${stamp(end, ".")}\n${lines.map(voiced).join("\n")}`);
  return `${["WEBVTT", ...(data.omitted ? [`NOTE ${data.omitted}`] : []), ...cues].join("\n\n")}\n`;
}

function segmentText([, first, end]) {
  let text = "";
  for (let index = first; index < end; index++) text += (index > first && !words.glued[index] ? " " : "") + words.text[index];
  return text;
}

function plainText() {
  const named = new Set(data.segments.map(([who]) => who)).size > 1;
  const paragraphs = [];
  let before = null;
  for (const segment of data.segments.filter(([, first, end]) => end > first)) {
    const [who, , , start] = segment;
    if (before && before[0] === who && start - before[4] < 3000) paragraphs.at(-1).push(segmentText(segment));
    else paragraphs.push([`[${clock(start / 1000)}]${named ? ` ${who < 0 ? "Speaker ?" : speakerName(who)}` : ""}\n${segmentText(segment)}`]);
    before = segment;
  }
  return [`${data.title}\n`, ...paragraphs.map((texts) => `${texts.join(" ")}\n`)].join("\n");
}

function asJson() {
  const seconds = (ms) => ms / 1000;
  const segments = data.segments.map((segment) => {
    const [who, first, end, start, stop] = segment;
    const said = [];
    for (let index = first; index < end; index++) {
      said.push({ text: words.text[index], start_s: seconds(words.start[index]), end_s: seconds(words.end[index]) });
    }
    return { speaker: who < 0 ? null : data.speakers[who].id, start_s: seconds(start), end_s: seconds(stop), text: segmentText(segment), words: said };
  });
  return { title: data.title, language: data.language, duration_s: data.duration, segments };
}
