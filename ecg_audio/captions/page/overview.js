// The whole recording at a glance: a lane a speaker, drawn once a size; only the playhead moves.
function setUpOverview() {
  const box = $("overview");
  const speakers = data.speakers.map((_, index) => index).filter((index) => data.turns.some((turn) => turn[0] === index));
  const turns = data.turns.length ? data.turns : data.segments.map(([who, , , start, end]) => [who, start, end]);
  const lanes = data.turns.length ? speakers : [...new Set(turns.map(([who]) => who))].sort((a, b) => a - b);
  const many = lanes.length > 8;
  const lane = many ? 12 : 16, gap = many ? 3 : 6, label = 12, foot = 20;
  const height = label + Math.max(1, lanes.length) * (lane + gap) + foot;
  const named = lanes.length > 1 || lanes[0] >= 0;
  let gutter = 0; // what the names take
  const canvas = element("canvas");
  const playhead = element("div", { className: "playhead" });
  canvas.style.height = `${height}px`;
  box.append(canvas, playhead);

  function fitting(pen, text, room) {
    if (pen.measureText(text).width <= room) return text;
    let kept = text;
    while (kept && pen.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
    return `${kept}…`;
  }

  function draw() {
    const width = box.clientWidth;
    const pen = paper(canvas, width, height);
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    pen.font = `${many ? 11 : 12}px ${style.getPropertyValue("--sans")}`;
    const widest = Math.max(0, ...lanes.map((who) => pen.measureText(speakerName(who)).width));
    gutter = named ? Math.min(widest + 20, width * 0.3) : 0;
    const x = (milliseconds) => gutter + (milliseconds / 1000 / data.duration) * (width - gutter);
    lanes.forEach((who, row) => {
      const top = label + row * (lane + gap);
      pen.fillStyle = colour("--sunk");
      pen.fillRect(gutter, top, width - gutter, lane);
      pen.fillStyle = who < 0 ? colour("--quiet") : colour(`--speaker-${who % data.hues}`);
      if (named) pen.fillText(fitting(pen, speakerName(who), gutter - 16), 8, top + lane - (many ? 2 : 4));
      for (const [speaker, start, end] of turns) {
        if (speaker === who) pen.fillRect(x(start), top, Math.max(1, x(end) - x(start)), lane);
      }
    });
    pen.fillStyle = colour("--quiet");
    pen.font = `11px ${style.getPropertyValue("--sans")}`;
    const step = niceStep(data.duration / Math.max(2, width / 90));
    for (let at = 0; at < data.duration; at += step) {
      const left = x(at * 1000);
      if (left < width - 34) pen.fillText(clock(at), left + 3, height - 6);
      pen.fillRect(left, height - foot + 2, 1, 5);
    }
  }

  drawWhenSeen(box, () => {
    draw();
    player.tell(); // the playhead stands where the names end
  });
  scrub(box, (share) => player.seek(share * data.duration), () => gutter);
  player.listen((seconds) => {
    playhead.style.transform = `translateX(${gutter + (seconds / data.duration) * (box.clientWidth - gutter)}px)`;
  });
}

/** A canvas sized in device pixels, its pen scaled back to CSS pixels. */
function paper(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

/** Draw once when first seen, and again when the size or the theme changes. */
function drawWhenSeen(box, draw) {
  let seen = false;
  const again = () => seen && requestAnimationFrame(draw);
  new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && !seen) {
      seen = true;
      draw();
    }
  }).observe(box);
  new ResizeObserver(again).observe(box);
  themeChanged.push(again);
}

/** Press and drag along a strip: calls `to` with the share of its width, right of what `gutter()` says. */
function scrub(box, to, gutter) {
  const at = (event) => {
    const { left, width } = box.getBoundingClientRect();
    to(Math.min(1, Math.max(0, (event.clientX - left - gutter()) / (width - gutter()))));
  };
  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    box.setPointerCapture(event.pointerId);
    at(event);
  });
  box.addEventListener("pointermove", (event) => box.hasPointerCapture(event.pointerId) && at(event));
}

const niceStep = (least) => [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600].find((step) => step >= least) ?? 7200;
