// Search: letters are compared without case and accents, across the words of a segment.
function setUpSearch() {
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  let texts = null; // made at the first search
  let hits = [];
  let here = -1;

  function prepare() {
    texts = data.segments.map(([, first, end]) => {
      let text = "";
      const starts = [];
      for (let index = first; index < end; index++) {
        if (index > first && !words.glued[index]) text += " ";
        starts.push(text.length);
        text += fold(words.text[index]);
      }
      return { text, starts, first };
    });
  }

  function find(query) {
    const found = [];
    for (const { text, starts, first } of texts) {
      for (let at = text.indexOf(query); at >= 0; at = text.indexOf(query, at + query.length)) {
        const from = lastAtMost(starts.length, at, (index) => starts[index]);
        const to = lastAtMost(starts.length, at + query.length - 1, (index) => starts[index]);
        found.push([first + from, first + to]);
      }
    }
    return found;
  }

  function mark(on) {
    for (const [from, to] of hits) for (let index = from; index <= to; index++) spans[index].classList.toggle("hit", on);
  }

  function go(step) {
    if (!hits.length) return;
    if (here >= 0) spans[hits[here][0]].classList.remove("here");
    here = here < 0 && step < 0 ? hits.length - 1 : (here + step + hits.length) % hits.length;
    const span = spans[hits[here][0]];
    span.classList.add("here");
    const box = $("lines");
    if (box.scrollHeight > box.clientHeight) {
      box.scrollTop += span.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
    } else {
      span.scrollIntoView({ block: "center" });
    }
    player.seek(words.start[hits[here][0]] / 1000);
    tell();
  }

  function tell() {
    const query = $("query").value.trim();
    $("found").textContent = !query ? "" : hits.length ? `${here < 0 ? "" : `${here + 1} of `}${hits.length}` : "none";
    $("previous").disabled = $("next").disabled = !hits.length;
  }

  $("query").addEventListener("input", (event) => {
    if (here >= 0) spans[hits[here][0]].classList.remove("here");
    mark(false);
    const query = fold(event.target.value.trim());
    if (query && !texts) prepare();
    hits = query ? find(query) : [];
    here = -1;
    mark(true);
    tell();
  });
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
      event.target.blur();
    }
  });
  $("previous").addEventListener("click", () => go(-1));
  $("next").addEventListener("click", () => go(1));
}
