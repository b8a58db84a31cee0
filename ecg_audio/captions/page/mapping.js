// The reader's own mapping: which measure drives which property. Kept by the browser, and saved as a style file.
const measures = ["loudness", "pitch", "tempo", "emotion"];
const measureAt = { loudness: 7, pitch: 8, tempo: 9, emotion: 10 }; // where a look's row has how far it is from usual
const properties = { size: "Size", weight: "Weight", height: "Height", spacing: "Width", colour: "Colour" };
const seen = { size: "larger", weight: "heavier", height: "raised", spacing: "wider", colour: "underlined" };
const heardAs = { loudness: "louder", pitch: "higher", tempo: "slower", emotion: "more pleasant" };
const mostAtOnce = 2; // as in captions/styling.py, which sets words by the same rules

function setUpMapping() {
  const usual = data.style.mapping;
  const given = data.looks.map((look) => [...look]);
  const usualLegend = [...$("voices").childNodes];
  let mapping = remembered() ?? { ...usual };

  function remembered() {
    const kept = new URLSearchParams(memory.get("mapping") ?? "");
    const found = Object.fromEntries(Object.keys(properties).map((name) => [name, kept.get(name)]));
    return Object.values(found).every((measure) => measure === "nothing" || measures.includes(measure)) ? found : null;
  }

  const isUsual = () => Object.keys(properties).every((name) => mapping[name] === usual[name]);

  /** The measures of a look that are shown: those that drive something and stand out most. */
  function standing(row) {
    const felt = mapping.colour === "emotion" && row[11];
    const far = (name) => (name === "emotion" && felt ? 2 : Math.abs(row[measureAt[name]]));
    const driving = measures.filter((name) => Object.values(mapping).includes(name) && far(name));
    return driving.sort((a, b) => far(b) - far(a)).slice(0, mostAtOnce - (row[4] || row[5] < 1 ? 1 : 0));
  }

  function set(row) {
    const { intensity, loudness, pitch, duration, emotion } = data.style;
    const shown = standing(row);
    const drive = (name, low, middle, high) => {
      const strength = shown.includes(mapping[name]) ? row[measureAt[mapping[name]]] * intensity : 0;
      return middle + strength * (strength > 0 ? high - middle : middle - low);
    };
    const above = row[measureAt[mapping.colour]] > 0;
    const accent = mapping.colour === "emotion" ? row[11] : above ? emotion.positive : emotion.negative;
    return [
      Math.round(drive("weight", loudness.weight_quiet, 400, loudness.weight_loud)),
      drive("size", loudness.size_quiet, 1, loudness.size_loud),
      drive("height", pitch.shift_low_em, 0, pitch.shift_high_em),
      row[12] ? 0 : drive("spacing", duration.spacing_quick_em, 0, duration.spacing_slow_em),
      row[4],
      row[5],
      shown.includes(mapping.colour) ? accent : null,
      ...row.slice(7),
    ];
  }

  function apply() {
    const rows = isUsual() ? given : given.map(set);
    rows.forEach((row, index) => (data.looks[index] = row));
    for (const span of document.querySelectorAll("[data-look]")) dress(span, Number(span.dataset.look));
    $("voices").replaceChildren(...(isUsual() ? usualLegend : legend()));
    $("mapping-usual").disabled = isUsual();
    for (const select of $("mapping").querySelectorAll("select")) select.value = mapping[select.dataset.property];
  }

  function legend() {
    const parts = measures
      .map((measure) => [measure, Object.keys(properties).filter((name) => mapping[name] === measure).map((name) => seen[name])])
      .filter(([, shown]) => shown.length)
      .map(([measure, shown]) => element("span", {}, element("b", {}, shown.join(", ")), `: ${heardAs[measure]}`));
    return [...parts.flatMap((part) => [part, " "]), ...usualLegend.slice(-3)]; // whispered is italic whatever is chosen
  }

  function styleFile() {
    const lines = Object.entries(mapping).map(([name, measure]) => `${name} = "${measure}"`);
    return `# A style for: ecg captions JOB --style FILE\nintensity = ${$("intensity").value}\n\n[mapping]\n${lines.join("\n")}\n`;
  }

  function choose(changed) {
    mapping = changed;
    memory.set("mapping", String(new URLSearchParams(mapping)));
    apply();
  }

  $("mapping-rows").replaceChildren(
    ...Object.entries(properties).map(([name, label]) => {
      const select = element("select", {}, ...[...measures, "nothing"].map((measure) => element("option", { value: measure }, measure)));
      select.dataset.property = name;
      select.addEventListener("change", () => choose({ ...mapping, [name]: select.value }));
      return element("label", { className: "choice" }, `${label} shows `, select);
    }),
  );
  $("mapping-usual").addEventListener("click", () => choose({ ...usual }));
  $("mapping-save").addEventListener("click", () => {
    const href = URL.createObjectURL(new Blob([styleFile()], { type: "application/toml" }));
    element("a", { href, download: "captions-style.toml" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  });
  apply();
}
