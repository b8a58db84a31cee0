// The words of a result, to be read, played and corrected in place. Corrections are kept here until they are saved.
import { $, actionButton, asked, askedName, element, say } from "./page.js";
import { clock, known, t } from "./language.js";

const FIGURES = [
  ["time", (word) => `${clock(word.start_s, true)} – ${clock(word.end_s, true)}`],
  ["level", (word) => figure(word.voice?.rms_dbfs, 1, "dBFS")],
  ["pitch", (word) => figure(word.voice?.f0_median_hz, 0, "Hz")],
  ["pause", (word) => figure(word.pause_before_s, 2, "s")],
  ["confidence", (word) => figure(word.confidence === null ? null : 100 * word.confidence, 0, "%")],
  ["timing", (word) => t(`timing_${word.timing}`)],
  ["written_by", (word) => t(`written_by_${word.written_by}`)],
  ["suspect", (word) => word.suspect && doubt(word.suspect)],
];

const SOMEBODY_ELSE = " "; // no name is a blank

/** A measured figure with its unit; null: it was not measured. */
function figure(value, digits, unit) {
  return value === null || value === undefined ? null : `${value.toFixed(digits)} ${unit}`;
}

/** Why a word should not be trusted, as a person reads it. */
function doubt(reason) {
  const name = `suspect_${reason.replace(/\W+/g, "_")}`;
  return known(name) ? t(name) : reason;
}

/** Whether a word was written by a person, and not found in the sound. */
export const unfound = (word) => word.timing === "interpolated" && word.written_by === "person";

export function speakerName(id) {
  if (id === null) return t("speaker_unknown");
  const numbered = /^SPEAKER_(\d+)$/.exec(id);
  return numbered ? t("speaker_n", { n: Number(numbered[1]) + 1 }) : id;
}

export class Editor {
  /** Shows a result. `tell` is called when there is something else to save. */
  constructor(result, media, tell) {
    this.base = result.run_id;
    this.place = null; // the word that was touched last: [segment id, index]
    this._segments = new Map(result.segments.map((segment) => [segment.id, segment]));
    this._order = result.segments.toSorted((a, b) => a.start_s - b.start_s);
    this._speakers = [...new Set([...result.speakers.map((one) => one.id), ...result.segments.map((one) => one.speaker)])].filter(Boolean);
    this._said = result.speakers;
    this._media = media;
    this._tell = tell;
    this._texts = new Map(); // segment -> its words' texts, where any differs
    this._whose = new Map(); // segment -> speaker
    this._names = new Map(); // speaker -> name
    this._remembered = new Set(); // speakers whose voices are to be known again
    this._done = []; // how to take each change back
    this._lines = new Map();
    this._stop_s = null;
    this._words = this._order.flatMap((segment) => segment.words.map((word, index) => ({ ...word, at: [segment.id, index] }))).sort((a, b) => a.start_s - b.start_s);
    this._lit = null;
    $("word").hidden = true;
    $("lines").replaceChildren(...this._order.map((segment) => this._line(segment)));
    this._showPeople();
    media.addEventListener("timeupdate", () => this._follow());
    const watch = () => {
      if (!media.isConnected) return;
      this._follow();
      if (!media.paused) requestAnimationFrame(watch);
    };
    media.addEventListener("play", watch);
  }

  get count() {
    return this._texts.size + this._whose.size + this._names.size + this._remembered.size;
  }

  /** Whether there is anything to publish anew: a voice that is to be remembered alone changes no result. */
  get corrected() {
    return this._texts.size + this._whose.size + this._names.size > 0;
  }

  /** The names, once they are saved, of speakers whose voices are to be known again. */
  get remembered() {
    return [...new Set([...this._remembered].map((id) => this._named(id)))];
  }

  get changed() {
    return this.count > 0;
  }

  get canUndo() {
    return this._done.length > 0;
  }

  /** What is to be saved, as the gateway takes it. */
  corrections() {
    const segments = {};
    for (const [id, texts] of this._texts) segments[id] = { text: texts.filter(Boolean).join(" ") };
    for (const [id, speaker] of this._whose) segments[id] = { ...segments[id], speaker };
    return { speakers: Object.fromEntries([...this._names.keys()].map((id) => [id, this._named(id)])), segments };
  }

  /** What was to be remembered has been, or cannot be. */
  forgetRemembered() {
    this._remembered.clear();
    this._showPeople();
    this._tell();
  }

  undo() {
    const last = this._done.pop();
    if (!last) return;
    last();
    this._tell();
  }

  /** Take over another editor's corrections where the text is still what was corrected; returns what does not fit. */
  take(other) {
    const left = [];
    const gone = (speaker) => other._speakers.includes(speaker) && !this._speakers.includes(speaker);
    for (const [speaker, name] of other._names) {
      if (this._speakers.includes(speaker) && !gone(name)) this._name(speaker, name);
      else left.push(speakerName(name));
    }
    for (const [id, texts] of other._texts) {
      const [before, now] = [other._segments.get(id), this._segments.get(id)];
      const same = now && before.words.length === now.words.length && before.words.every((word, index) => word.text === now.words[index].text);
      if (same) this._setTexts(id, texts);
      else left.push(texts.filter(Boolean).join(" "));
    }
    for (const [id, speaker] of other._whose) {
      if (this._segments.get(id)?.speaker === other._segments.get(id).speaker && !gone(speaker)) this._setSpeaker(id, speaker);
      else left.push(speakerName(speaker));
    }
    for (const speaker of other._remembered) {
      if (this._speakers.includes(speaker)) this._remembered.add(speaker);
    }
    this._showPeople();
    this._tell();
    return left;
  }

  /** Show the place of a moment. */
  show(seconds) {
    const word = this._words.findLast((one) => one.start_s <= seconds) ?? this._words[0];
    if (word) this._button(...word.at)?.scrollIntoView({ block: "center" });
  }

  /** Show a word's figures again, as after it was measured. */
  select(place) {
    if (!place) return;
    const segment = this._segments.get(place[0]);
    if (!segment) return;
    const index = Math.min(place[1], segment.words.length - 1);
    if (index < 0) return;
    this._figures(place[0], index);
    this._button(place[0], index)?.focus({ preventScroll: true });
  }

  _line(segment) {
    const at = { clock: clock(segment.start_s) };
    const play = actionButton(`▶ ${at.clock}`, () => this._play(segment), { className: "play", "aria-label": t("play_line", at) });
    const who = element("select", { "aria-label": t("speaker_of_line", at) });
    who.addEventListener("change", () => this._choose(segment.id));
    const spoken = element("p", { className: "spoken", role: "group", "aria-label": t("line_at", at) });
    const line = element("li", { className: "line", data: { segment: segment.id } }, play, who, spoken);
    this._lines.set(segment.id, { line, who, spoken });
    this._fillWho(segment.id);
    this._fillWords(segment.id);
    spoken.addEventListener("click", (event) => {
      const button = event.target.closest(".w");
      if (button) this._edit(segment.id, Number(button.dataset.index));
    });
    spoken.addEventListener("keydown", (event) => this._keys(event, segment.id));
    spoken.addEventListener("focusin", (event) => {
      const button = event.target.closest(".w");
      if (button) this._figures(segment.id, Number(button.dataset.index));
    });
    return line;
  }

  _fillWho(id) {
    const { who } = this._lines.get(id);
    const now = this._whose.get(id) ?? this._segments.get(id).speaker;
    const options = this._everybody().map((one) => element("option", { value: one, textContent: this._shown(one) }));
    if (now === null) options.unshift(element("option", { value: "", textContent: speakerName(null) }));
    who.replaceChildren(...options, element("option", { value: SOMEBODY_ELSE, textContent: t("somebody_else") }));
    who.value = now ?? "";
  }

  /** Take the speaker that was chosen for a line: one of those that there are, or one whose name is asked for. */
  async _choose(id) {
    const { who } = this._lines.get(id);
    if (who.value !== SOMEBODY_ELSE) return this._setSpeaker(id, who.value);
    const name = await askedName();
    if (name) this._setSpeaker(id, this._called(name) ?? name);
    else this._fillWho(id);
    who.focus();
  }

  /** The speakers of the result, then those whom a line was given to and who spoke in none before. */
  _everybody() {
    return [...new Set([...this._speakers, ...this._whose.values()])];
  }

  /** The name that a speaker is to have. Whoever was found to be another goes by that one's. */
  _named(id) {
    const passed = new Set();
    let name = id;
    while (this._names.has(name) && !passed.has(name)) {
      passed.add(name);
      name = this._names.get(name);
    }
    return name;
  }

  /** That name as it is displayed. */
  _shown(id) {
    return speakerName(this._named(id));
  }

  /** Who is displayed under a name, beside one speaker; undefined: nobody. */
  _called(name, beside = null) {
    return this._everybody().find((one) => one !== beside && (this._shown(one) === name || one === name));
  }

  /** The words of a line as they stand. Only what has changed is made anew, so that a press on a word beside it holds. */
  _fillWords(id) {
    const { spoken } = this._lines.get(id);
    const made = this._segments.get(id).words.map((_, index) => this._wordButton(id, index));
    if (!spoken.children.length) {
      if (made.length) made[0].tabIndex = 0; // one word of a line can be reached by Tab, the others by arrows
      spoken.replaceChildren(...made.flatMap((button) => [button, " "]));
      return;
    }
    made.forEach((button, index) => {
      const old = this._button(id, index);
      if (old.matches("button") && old.className === button.className && old.textContent === button.textContent) return;
      button.tabIndex = old.tabIndex;
      const had = old === document.activeElement;
      old.replaceWith(button);
      if (had) button.focus({ preventScroll: true });
    });
  }

  _wordButton(id, index) {
    const word = this._segments.get(id).words[index];
    const text = this._texts.get(id)?.[index] ?? word.text;
    const changed = text !== word.text;
    const classes = ["w"];
    if (changed) classes.push(text ? "changed" : "gone");
    if (word.written_by === "person" && !changed) classes.push("by-person");
    if (word.suspect) classes.push("suspect");
    const unheard = !changed && word.timing === "interpolated";
    if (unheard) classes.push("unheard");
    const made = element("button", { type: "button", className: classes.join(" "), textContent: text || word.text, tabIndex: -1, data: { index } });
    if (changed && !text) made.setAttribute("aria-label", t("word_gone", { word: word.text }));
    if (unheard) made.setAttribute("aria-label", t("word_unheard", { word: word.text }));
    // how it was said, as the captions show it: louder is heavier, drawn out is wider
    const emphasis = changed ? null : word.emphasis;
    if (emphasis?.louder) made.style.fontWeight = String(Math.round(400 + 350 * Math.max(-0.6, emphasis.louder)));
    if (emphasis?.slower > 0) made.style.letterSpacing = `${(0.12 * emphasis.slower).toFixed(3)}em`;
    return made;
  }

  _button(id, index) {
    return this._lines.get(id)?.spoken.querySelector(`[data-index="${index}"]`);
  }

  _keys(event, id) {
    const button = event.target.closest(".w");
    if (!button) return;
    const index = Number(button.dataset.index);
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key in steps) {
      event.preventDefault();
      this._reach(id, index, steps[event.key]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this._setWord(id, index, "");
      this._button(id, index)?.focus();
    } else if (event.key === "p" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this._play(this._segments.get(id));
    }
  }

  /** The word beside one, over the ends of lines. */
  _beside(id, index, step) {
    const words = this._segments.get(id).words.length;
    if (index + step >= 0 && index + step < words) return [id, index + step];
    let line = this._order.findIndex((segment) => segment.id === id) + step;
    while (this._order[line] && !this._order[line].words.length) line += step;
    const next = this._order[line];
    return next ? [next.id, step > 0 ? 0 : next.words.length - 1] : null;
  }

  _reach(id, index, step) {
    const next = this._beside(id, index, step);
    if (!next) return;
    for (const one of this._lines.get(next[0]).spoken.querySelectorAll(".w")) one.tabIndex = -1;
    const button = this._button(...next);
    button.tabIndex = 0;
    button.focus();
  }

  /** Let a word be written; Enter or leaving keeps it, Tab goes on to the next, Escape leaves it as it was. */
  _edit(id, index) {
    const button = this._button(id, index);
    if (!button?.matches("button")) return;
    const word = this._segments.get(id).words[index];
    const before = this._texts.get(id)?.[index] ?? word.text;
    this._figures(id, index);
    const input = element("input", { type: "text", value: before, autocomplete: "off", spellcheck: true, maxLength: 500 });
    input.setAttribute("aria-label", t("word_now", { word: word.text }));
    input.dataset.index = index;
    input.tabIndex = button.tabIndex;
    input.size = Math.max(2, before.length + 1);
    input.addEventListener("input", () => (input.size = Math.max(2, input.value.length + 1)));
    let over = false;
    const end = (keep) => {
      if (over) return;
      over = true;
      if (keep && input.value.trim() !== before) this._setWord(id, index, input.value.trim().replace(/\s+/g, " "));
      else this._fillWords(id);
    };
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        end(event.key === "Enter");
        this._button(id, index)?.focus();
      } else if (event.key === "Tab") {
        const next = this._beside(id, index, event.shiftKey ? -1 : 1);
        if (!next) return;
        event.preventDefault();
        end(true);
        this._edit(...next);
      } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) event.stopPropagation();
    });
    input.addEventListener("blur", () => end(true));
    button.replaceWith(input);
    input.focus();
    input.select();
  }

  _setWord(id, index, text) {
    const words = this._segments.get(id).words.map((word) => word.text);
    const now = [...(this._texts.get(id) ?? words)];
    now[index] = text;
    this._setTexts(id, now);
    this.place = [id, index];
  }

  _setTexts(id, texts) {
    const before = this._texts.get(id);
    const put = (wanted) => {
      const same = !wanted || this._segments.get(id).words.every((word, index) => word.text === wanted[index]);
      if (same) this._texts.delete(id);
      else this._texts.set(id, wanted);
      this._fillWords(id);
    };
    put(texts);
    this._done.push(() => put(before));
    this._tell();
  }

  _setSpeaker(id, speaker) {
    const before = this._whose.get(id);
    const put = (wanted) => {
      const people = String(this._everybody());
      if (wanted === undefined || wanted === this._segments.get(id).speaker) this._whose.delete(id);
      else this._whose.set(id, wanted);
      // who is new can be chosen for every line
      for (const line of people === String(this._everybody()) ? [id] : this._lines.keys()) this._fillWho(line);
    };
    put(speaker);
    this._done.push(() => put(before));
    this._tell();
  }

  _name(speaker, name) {
    const before = this._names.get(speaker);
    const put = (wanted) => {
      if (!wanted || wanted === speaker || wanted === speakerName(speaker)) this._names.delete(speaker);
      else this._names.set(speaker, wanted);
      for (const id of this._lines.keys()) this._fillWho(id);
      for (const input of $("people").querySelectorAll("[data-speaker]")) {
        // who was found to be this one goes by the new name, too; what the reader writes stays as it is
        if (input.dataset.speaker !== speaker) input.value = this._shown(input.dataset.speaker);
      }
    };
    put(name);
    this._done.push(() => {
      put(before);
      this._showPeople();
    });
    this._tell();
  }

  _showPeople() {
    $("people").replaceChildren(...this._speakers.map((id) => this._person(id)));
    $("consent").hidden = !this._remembered.size;
  }

  /** A speaker: the name, who gave it, and whether later recordings are to know the voice. */
  _person(id) {
    const input = element("input", { type: "text", value: this._shown(id), maxLength: 80, autocomplete: "off" });
    input.setAttribute("aria-label", t("name_of", { name: speakerName(id) }));
    input.dataset.speaker = id;
    input.addEventListener("change", async () => {
      const name = input.value.trim();
      const other = this._called(name, id);
      if (other !== undefined && this._named(other) !== this._named(id)) {
        const same = await asked(t("same_person", { name, who: this._shown(id) }), t("same_person_yes"));
        input.focus();
        if (!same) return (input.value = this._shown(id));
      }
      this._name(id, other === undefined ? name : this._named(other));
      beneath.replaceWith((beneath = this._beneath(id)));
    });
    const said = this._said.find((one) => one.id === id);
    let beneath = this._beneath(id);
    return element("div", {}, element("label", {}, input, element("span", { textContent: said ? clock(said.speaking_s) : "" })), beneath);
  }

  _beneath(id) {
    const made = element("div", { className: "row small" });
    const naming = this._said.find((one) => one.id === id)?.naming;
    if (naming?.by === "voice" && naming.sure && !this._names.has(id)) made.append(element("span", { className: "quiet", textContent: t("named_by_voice") }));
    if (naming?.by === "voice" && !naming.sure && !this._names.has(id)) {
      const accept = () => {
        this._name(id, naming.name);
        this._showPeople();
        document.querySelector(`[data-speaker="${CSS.escape(id)}"]`)?.focus();
      };
      made.append(actionButton(t("maybe_name", { name: naming.name }), accept));
    }
    if (!/^SPEAKER_\d+$/.test(this._named(id))) {
      const box = element("input", { type: "checkbox", checked: this._remembered.has(id), data: { remember: id } });
      box.addEventListener("change", () => {
        if (box.checked) this._remembered.add(id);
        else this._remembered.delete(id);
        $("consent").hidden = !this._remembered.size;
        this._tell();
      });
      made.append(element("label", { className: "check" }, box, t("remember_voice")));
    } else this._remembered.delete(id);
    return made;
  }

  _figures(id, index) {
    const word = this._segments.get(id).words[index];
    this.place = [id, index];
    $("word").hidden = false;
    $("word-title").textContent = word.text;
    const rows = FIGURES.map(([name, read]) => [name, read(word)]).filter(([, value]) => value);
    $("word-facts").replaceChildren(
      ...rows.map(([name, value]) => element("div", { data: { figure: name } }, element("dt", { textContent: t(`figure_${name}`) }), element("dd", { textContent: value }))),
    );
  }

  _play(segment) {
    this._stop_s = segment.end_s;
    this._media.currentTime = segment.start_s;
    this._media.play().catch((error) => {
      if (!(error instanceof DOMException)) throw error;
      say(t("not_played"));
    });
  }

  _follow() {
    const now_s = this._media.currentTime;
    if (this._stop_s !== null && now_s >= this._stop_s) {
      this._stop_s = null;
      this._media.pause();
    }
    if (this._media.paused) this._stop_s = null;
    let low = 0;
    let high = this._words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this._words[middle].start_s <= now_s) low = middle + 1;
      else high = middle;
    }
    const word = this._words[low - 1];
    const button = word && now_s < word.end_s ? this._button(...word.at) : null;
    if (button === this._lit) return;
    this._lit?.classList.remove("now");
    button?.classList.add("now");
    this._lit = button;
  }
}
