// Live captions: the cue of the moment, its words lit as they are said.
const presets = ["expressive", "karaoke", "plain", "off"];

function setUpCaptions() {
  const box = $("caption");
  let shown = -1;
  let parts = [];

  const current = () => $("preset").value;

  function cueAt(milliseconds) {
    const index = lastAtMost(data.cues.length, milliseconds, (at) => data.cues[at][0]);
    return index >= 0 && milliseconds < data.cues[index][1] ? index : -1;
  }

  function draw(index) {
    parts = [];
    box.replaceChildren();
    if (index < 0 || current() === "off") return;
    const lines = data.cues[index][2];
    const following = current() === "expressive" || current() === "karaoke";
    box.classList.toggle("follows", following);
    const dashed = lines.length > 1 && lines[0][0] !== lines[1][0];
    if (!dashed && data.speakers.length > 1 && lines[0][0] >= 0) {
      const name = element("p", { className: "name" }, element("span", {}, speakerName(lines[0][0])));
      name.style.color = captionHue(lines[0][0]);
      box.append(name);
    }
    for (const [speaker, lead, ...flat] of lines) {
      const line = element("span", { className: "line" }, dashed ? lead : "");
      line.style.color = current() === "plain" ? "#fff" : captionHue(speaker);
      for (let at = 0; at < flat.length; at += 4) {
        const [text, start, end, look] = flat.slice(at, at + 4);
        const bare = text.trimStart();
        const span = wordSpan(bare, look);
        line.append(at && text !== bare ? " " : "", span);
        parts.push({ span, start, end });
      }
      // the first letter decides which way the line runs, hence which way its words follow each other
      line.setAttribute("dir", "auto");
      box.append(element("p", { lang: data.written }, line));
    }
  }

  function light(milliseconds) {
    const follows = current() === "expressive" || current() === "karaoke";
    for (const { span, start } of parts) span.classList.toggle("yet", follows && start > milliseconds + 0.5);
  }

  function update(seconds, again = false) {
    const milliseconds = seconds * 1000;
    player.begun ||= seconds > 0;
    // before anything was played the first words wait on the stage: a page that opens is not empty
    const index = player.begun || !data.cues.length ? cueAt(milliseconds) : 0;
    if (index !== shown || again) draw((shown = index));
    light(milliseconds);
  }

  function choose() {
    for (const name of presets) box.classList.toggle(`as-${name}`, name === current());
    $("lines").classList.toggle("as-plain", current() !== "expressive");
    $("intensity-label").hidden = current() !== "expressive";
    $("mapping").hidden = current() !== "expressive" || data.looks.length < 2;
    update(player.time(), true);
  }

  const intensify = () => document.documentElement.style.setProperty("--i", $("intensity").value);
  const [preset, intensity] = [memory.get("preset"), memory.get("intensity")];
  if (presets.includes(preset)) $("preset").value = preset;
  if (intensity && intensity >= 0 && intensity <= 1) $("intensity").value = intensity;
  $("preset").addEventListener("change", (event) => {
    memory.set("preset", event.target.value);
    choose();
  });
  $("intensity").addEventListener("input", (event) => {
    memory.set("intensity", event.target.value);
    intensify();
  });
  player.listen((seconds) => update(seconds));
  intensify();
  choose();
}

function nextPreset() {
  const select = $("preset");
  select.value = presets[(presets.indexOf(select.value) + 1) % presets.length];
  select.dispatchEvent(new Event("change"));
}

const captionHue = (speaker) => (speaker < 0 ? "#fff" : hue(speaker)); // the stage is always dark
