// Pitch and loudness around the playhead, with the words under them.
function setUpCurves() {
  const box = $("curves");
  const canvas = box.firstElementChild;
  const curves = data.curves;
  if (!curves) {
    box.hidden = $("wider").hidden = $("closer").hidden = true;
    $("nocurves").hidden = false;
    return;
  }
  const level = bytes(curves.level), f0 = bytes(curves.f0);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const margin = { left: 40, right: 40, top: 12, bottom: 46 };
  const [lowHz, highHz] = curves.f0_hz;
  let span_s = Math.min(10, data.duration);
  let seen = false;
  let from_s = 0;

  // one octave of room around what was heard, so that a low voice does not lie flat
  const heard = f0.filter(Boolean).sort();
  const hz = (byte) => lowHz * (highHz / lowHz) ** ((byte - 1) / 254);
  const bottomHz = heard.length ? Math.max(lowHz, hz(heard[Math.floor(heard.length * 0.02)]) / 1.25) : 75;
  const topHz = heard.length ? Math.min(highHz, hz(heard[Math.floor(heard.length * 0.98)]) * 1.25) : 300;

  function draw(seconds) {
    const width = box.clientWidth, height = box.clientHeight;
    if (!seen || !width) return;
    const pen = paper(canvas, width, height);
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    const left = margin.left, right = width - margin.right, floor = height - margin.bottom;
    from_s = calm.matches ? Math.floor(seconds / span_s) * span_s : seconds - span_s / 2;
    from_s = Math.max(0, Math.min(from_s, data.duration - span_s));
    const x = (at_s) => left + ((at_s - from_s) / span_s) * (right - left);
    const yHz = (value) => floor - (Math.log2(value / bottomHz) / Math.log2(topHz / bottomHz)) * (floor - margin.top);
    const first = Math.max(0, Math.floor(from_s / curves.step)), last = Math.min(level.length, Math.ceil((from_s + span_s) / curves.step) + 1);

    pen.font = `11px ${style.getPropertyValue("--sans")}`;
    pen.textBaseline = "middle";
    pen.fillStyle = colour("--quiet");
    pen.strokeStyle = colour("--line");
    for (const tick of [50, 75, 100, 150, 200, 300, 400, 600].filter((tick) => tick >= bottomHz && tick <= topHz)) {
      pen.textAlign = "right";
      pen.fillText(tick, left - 7, yHz(tick));
      line(pen, [[left, yHz(tick)], [right, yHz(tick)]]);
    }
    pen.textAlign = "left";
    for (const tick of [-60, -40, -20]) pen.fillText(`−${-tick}`, right + 7, floor - (1 - tick / curves.level_dbfs[0]) * (floor - margin.top));

    pen.save();
    pen.beginPath();
    pen.rect(left, 0, right - left, floor);
    pen.clip();
    pen.beginPath();
    pen.moveTo(x(first * curves.step), floor);
    for (let at = first; at < last; at++) pen.lineTo(x(at * curves.step), floor - (Math.max(0, level[at] - 1) / 254) * (floor - margin.top));
    pen.lineTo(x((last - 1) * curves.step), floor);
    pen.fillStyle = colour("--area");
    pen.globalAlpha = 0.55;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour("--curve");
    pen.lineWidth = 2;
    pen.lineJoin = pen.lineCap = "round";
    for (const run of voicedRuns(first, last)) {
      const points = run.map((at) => [x(at * curves.step), yHz(hz(f0[at]))]);
      line(pen, points.length > 1 ? points : [points[0], [points[0][0] + 1, points[0][1]]]);
    }
    pen.restore();
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, right - left, height);
    pen.clip();
    drawWords(pen, x, floor, colour, style, seconds);
    pen.restore();
    pen.fillStyle = colour("--accent");
    pen.fillRect(Math.min(right, Math.max(left, x(seconds))) - 1, 0, 2, height);
  }

  /** Stretches to draw in one go: no line bridges a silence, nor a leap that no voice makes in one step. */
  function voicedRuns(first, last) {
    const leap = 254 * (Math.log2(1.35) / Math.log2(highHz / lowHz));
    const runs = [];
    for (let at = first; at < last; at++) {
      if (!f0[at]) continue;
      const joined = at > first && f0[at - 1] && Math.abs(f0[at] - f0[at - 1]) < leap;
      if (joined && runs.length) runs.at(-1).push(at);
      else runs.push([at]);
    }
    return runs;
  }

  function drawWords(pen, x, floor, colour, style, seconds) {
    const spoken = wordAt(seconds);
    let index = lastAtMost(byStart.length, (from_s - 3) * 1000, (at) => words.start[byStart[at]]) + 1;
    let busy = [0, 0];
    for (; index < byStart.length && words.start[byStart[index]] / 1000 < from_s + span_s; index++) {
      const at = byStart[index];
      const begins = x(words.start[at] / 1000), ends = x(words.end[at] / 1000);
      const who = data.segments[segmentOf[at]][0];
      pen.fillStyle = who < 0 ? colour("--quiet") : colour(`--speaker-${who % data.hues}`);
      pen.fillRect(begins, floor + 3, Math.max(1, ends - begins - 1), 3);
      pen.font = `${at === spoken ? 700 : 400} 12px ${style.getPropertyValue("--sans")}`;
      const row = begins > busy[0] ? 0 : begins > busy[1] ? 1 : -1;
      if (row < 0) continue;
      pen.fillText(words.text[at], begins, floor + 17 + row * 16);
      busy[row] = begins + pen.measureText(words.text[at]).width + 6;
    }
  }

  const redraw = () => draw(player.time());
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    redraw();
  }).observe(box);
  new ResizeObserver(redraw).observe(box);
  themeChanged.push(redraw);
  player.listen(draw);
  const zoom = (factor) => () => {
    span_s = Math.min(data.duration, Math.max(2, Math.min(60, span_s * factor)));
    redraw();
  };
  $("closer").addEventListener("click", zoom(0.5));
  $("wider").addEventListener("click", zoom(2));
  box.addEventListener("click", (event) => {
    const { left, width } = box.getBoundingClientRect();
    const share = (event.clientX - left - margin.left) / (width - margin.left - margin.right);
    player.seek(from_s + Math.min(1, Math.max(0, share)) * span_s);
  });
}

function line(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}
