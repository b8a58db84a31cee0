// The transcript: who, when, what. Off-screen segments cost nothing to lay out (content-visibility).
const spans = new Array(words.text.length);

function setUpTranscript() {
  const box = $("lines");
  const all = document.createDocumentFragment();
  let guessed = false;
  const rows = data.segments.map(([who, first, end, start, , reason, emotion]) => {
    const at = element("button", { type: "button", className: "at" }, clock(start / 1000));
    at.setAttribute("aria-label", `Play from ${clock(start / 1000)}, ${speakerName(who)}`);
    at.dataset.at = start;
    const name = element("span", { className: "who" }, element("i"), speakerName(who));
    name.style.color = hue(who);
    const said = element("p", { className: "said", dir: "auto", lang: data.written });
    for (let index = first; index < end; index++) {
      const span = dress(element("span", { className: "word" }, words.text[index]), words.look[index]);
      span.dataset.word = index;
      if (words.timing[index] === "i") {
        span.classList.add("guessed");
        guessed = true;
      }
      if (index in words.suspect) {
        span.classList.add("doubtful");
        span.title = words.suspect[index];
      }
      said.append(index > first && !words.glued[index] ? " " : "", span);
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
  explain(guessed);

  let lit = -1, now = -1;
  player.listen((seconds) => {
    const index = wordAt(seconds);
    if (index === lit) return;
    spans[lit]?.classList.remove("lit");
    spans[index]?.classList.add("lit");
    lit = index;
    showWord(index);
    const segment = index < 0 ? -1 : segmentOf[index];
    if (segment === now) return;
    rows[now]?.classList.remove("now");
    rows[segment]?.classList.add("now");
    now = segment;
    if (rows[segment]) keepInSight(box, rows[segment]);
  });
}

/** Scroll the transcript, never the page, and not while somebody is in it. */
function keepInSight(box, row) {
  if (box.scrollHeight <= box.clientHeight || box.contains(document.activeElement) && document.activeElement !== box) return;
  const { top, bottom } = row.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  if (top < frame.top + 8 || bottom > frame.bottom - 48) box.scrollTop += top - frame.top - frame.height / 4;
}

function explain(guessed) {
  const legend = $("legend");
  const entry = (name, text) => element("span", {}, element("span", { className: `word ${name}` }, "abc"), ` ${text}`);
  if (guessed) legend.append(entry("guessed", "time estimated, not measured"));
  if (Object.keys(words.suspect).length) legend.append(entry("doubtful", "not to be trusted"));
  legend.hidden = !legend.childElementCount;
}
