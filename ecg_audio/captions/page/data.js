// What Python packed (ecg_audio/captions/payload.py), unpacked; and the few ways in which the document is written to.
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
const $ = (id) => document.getElementById(id);

/** What the reader chose, kept by the browser where it keeps anything for this page. */
const memory = {
  get(name) {
    try {
      return localStorage.getItem(`ecg-${name}`);
    } catch (error) {
      if (error instanceof DOMException) return null; // storage is turned off
      throw error;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`ecg-${name}`, value);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  },
};

/** A new element: properties, then children; strings become text, never markup. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const hue = (speaker) => (speaker < 0 ? "var(--quiet)" : `var(--speaker-${speaker % data.hues})`);

function speakerName(speaker) {
  if (speaker < 0) return "Unknown speaker";
  const id = data.speakers[speaker].id;
  const numbered = /^SPEAKER_(\d+)$/.exec(id);
  return numbered ? `Speaker ${Number(numbered[1]) + 1}` : id;
}

/** `1:02:03` or `2:03`, of seconds. */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${padded(m)}:${padded(s)}` : `${m}:${padded(s)}`;
}

/** The last index whose value is at most `value`; -1 before the first. `at` reads a value by index. */
function lastAtMost(count, value, at) {
  let low = 0, high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(middle) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// a browser turns lines inside them, where its dictionary cuts what ours keeps whole
const UNCUT = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const LONGEST_UNCUT = 24; // letters and marks; what is longer may not fit on a line

/** A word's element, dressed in one of the looks. */
function wordSpan(text, look) {
  const span = element("span", { className: "word" }, text);
  span.classList.toggle("whole", text.length <= LONGEST_UNCUT && UNCUT.test(text));
  return dress(span, look);
}

/** Dress a word's element in one of the looks. */
function dress(span, index) {
  if (!index) return span;
  const [weight, size, shift, spacing, italic, opacity, accent] = data.looks[index];
  span.dataset.look = index; // for who maps voices otherwise
  span.classList.add("look");
  const set = (name, value) => span.style.setProperty(name, value);
  set("--w", weight);
  set("--z", size);
  set("--b", shift);
  set("--l", spacing);
  set("--o", opacity);
  span.classList.toggle("leans", Boolean(italic));
  span.classList.toggle("felt", Boolean(accent));
  if (accent) set("--felt", accent);
  return span;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// words in order of their start: the order of the transcript may differ where two speak at once
const byStart = Uint32Array.from(words.text.keys()).sort((a, b) => words.start[a] - words.start[b] || a - b);

/** The word being said at `seconds`, else the one before it; -1 before the first. */
function wordAt(seconds) {
  const found = lastAtMost(byStart.length, seconds * 1000 + 0.5, (index) => words.start[byStart[index]]);
  return found < 0 ? -1 : byStart[found];
}

const segmentOf = new Int32Array(words.text.length);
data.segments.forEach(([, first, end], index) => segmentOf.fill(index, first, end));
