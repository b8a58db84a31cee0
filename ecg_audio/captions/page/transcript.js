// The transcript: who, when, what. Off-screen segments cost nothing to lay out (content-visibility).
const spans = new Array(words.text.length);
const UNSURE_BELOW = 50; // percent, by the recogniser's own figure

function setUpTranscript() {
  const box = $("lines");
  const all = document.createDocumentFragment();
  let guessed = false, unsure = false;
  const rows = data.segments.map(([who, first, end, start, , reason, emotion]) => {
    const at = element("button", { type: "button", className: "at" }, clock(start / 1000));
    at.setAttribute("aria-label", `Play from ${clock(start / 1000)}, ${speakerName(who)}`);
    at.dataset.at = start;
    const name = element("span", { className: "who" }, element("i"), speakerName(who));
    name.style.color = hue(who);
    const said = element("p", { className: "said", dir: "auto", lang: data.written });
    for (let index = first; index < end; index++) {
      const span = wordSpan(words.text[index], words.look[index]);
      span.dataset.word = index;
      if (words.timing[index] === "i") {
        span.classList.add("guessed");
        guessed = true;
      }
      if (words.confidence[index] !== null && words.confidence[index] < UNSURE_BELOW) {
        span.classList.add("unsure");
        unsure = true;
      }
      if (index in words.suspect) {
        span.classList.add("doubtful");
        span.title = words.suspect[index];
      }
      if (index > first) said.append(between(index));
      said.append(span);
      spans[index] = span;
    }
    const row = element("div", { className: "segment" }, at, name, said);
    const notes = [];
    if (emotion?.[0]) notes.push(`${emotion[0]}, ${Math.round(emotion[1] * 100)} %`);
    if (reason) notes.push(`not to be trusted: ${reason}`);
    if (notes.length) row.append(element("p", { className: "note" }, notes.join(" · ")));
    all.append(row);
    return row;
  });
  if (!rows.length) all.append(element("p", { className: "nothing" }, "No speech was found in this recording."));
  box.append(all);
  reachWords(box);
  letGo(box);
  box.addEventListener("click", (event) => {
    const word = event.target.closest(".word");
    const at = event.target.closest(".at");
    if (word && !getSelection().toString()) player.seek(words.start[word.dataset.word] / 1000);
    else if (at) player.seek(at.dataset.at / 1000);
  });
  box.addEventListener("pointerover", (event) => {
    const word = event.target.closest(".word");
    if (word) showWord(Number(word.dataset.word));
  });
  box.addEventListener("pointerleave", () => showWord(lit));
  explain(guessed, unsure);

  let lit = -1, now = -1;
  player.listen((seconds) => {
    const index = wordAt(seconds);
    if (index === lit) return;
    spans[lit]?.classList.remove("lit");
    spans[index]?.classList.add("lit");
    lit = index;
    showWord(index);
    if (spans[index]) keepInSight(box, spans[index]);
    const segment = index < 0 ? -1 : segmentOf[index];
    if (segment === now) return;
    rows[now]?.classList.remove("now");
    rows[segment]?.classList.add("now");
    now = segment;
  });
  $("follow").addEventListener("change", () => spans[lit] && keepInSight(box, spans[lit]));
}

/** What stands before a word: a space, or where none is written a place at which the line may turn, or nothing. */
const between = (index) => [" ", element("wbr"), ""][words.glued[index]];

/** One word is a stop of the Tab key, the one being said at first; arrows lead on from it, enter plays from there. */
function reachWords(box) {
  let stop = -1;
  const stopAt = (index) => {
    if (!spans[index]) return;
    spans[stop]?.removeAttribute("tabindex");
    spans[stop]?.removeAttribute("role");
    stop = index;
    spans[index].tabIndex = 0;
    spans[index].setAttribute("role", "button");
  };
  stopAt(0);
  player.listen((seconds) => {
    const index = wordAt(seconds);
    if (index >= 0 && index !== stop && document.activeElement !== spans[stop]) stopAt(index);
  });
  box.addEventListener("keydown", (event) => {
    if (!event.target.matches(".word") || event.ctrlKey || event.metaKey || event.altKey) return;
    const segment = segmentOf[stop];
    const back = getComputedStyle(spans[stop].closest(".said")).direction === "rtl" ? 1 : -1;
    const goals = {
      ArrowLeft: stop + back,
      ArrowRight: stop - back,
      ArrowUp: data.segments[segment - 1]?.[1],
      ArrowDown: data.segments[segment + 1]?.[1],
    };
    if (event.key === "Enter") player.seek(words.start[stop] / 1000);
    else if (event.key in goals) {
      stopAt(goals[event.key]);
      spans[stop].focus();
      showWord(stop);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** A transcript that is scrolled by hand, or walked through by keys, stays where it is until it is told to follow. */
function letGo(box) {
  const stop = () => ($("follow").checked = false);
  for (const event of ["wheel", "touchmove"]) box.addEventListener(event, stop, { passive: true });
  box.addEventListener("pointerdown", (event) => event.target === box && event.offsetX > box.clientWidth && stop());
  box.addEventListener("keydown", (event) => {
    if (["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"].includes(event.key)) stop();
    else if (event.target.matches(".word") && event.key.startsWith("Arrow")) stop();
  });
}

/** Scroll the transcript, never the page, and only while it follows. */
function keepInSight(box, word) {
  if (box.scrollHeight <= box.clientHeight || !$("follow").checked) return;
  const { top, bottom } = word.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  // what can be seen of the box: on a phone it may reach below the screen, and under the stage
  const stage = $("stage");
  const covered = getComputedStyle(stage).position === "sticky" ? stage.getBoundingClientRect().bottom : 0;
  const from = Math.max(frame.top, covered), to = Math.min(frame.bottom, innerHeight);
  if (top < from + 30 || bottom > to - 40) box.scrollTop += top - from - Math.max(40, (to - from) / 4);
}

function explain(guessed, unsure) {
  const legend = $("legend");
  const entry = (name, text) => element("span", {}, element("span", { className: `word ${name}` }, "abc"), ` ${text}`);
  if (guessed) legend.append(entry("guessed", "time estimated, not measured"));
  if (unsure) legend.append(entry("unsure", `confidence below ${UNSURE_BELOW} %`));
  if (Object.keys(words.suspect).length) legend.append(entry("doubtful", "not to be trusted"));
  legend.hidden = !legend.childElementCount;
}
