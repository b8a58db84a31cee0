// Pauses and sounds: a list that leads to them, and a sign on the stage while one is heard.
function setUpEvents() {
  if (!data.events || !data.events.length) return;
  const stage = $("stage");
  const sign = element("div", { className: "heard", hidden: true, lang: data.written });
  stage.append(sign);
  const list = element("ol", { className: "events" });
  const buttons = data.events.map(([text, start, end, about]) => {
    const button = element("button", { type: "button", className: "tool", title: about },
      element("span", { className: "quiet" }, `${clock(start / 1000)} `), element("span", { lang: data.written }, text));
    button.addEventListener("click", () => player.seek(start / 1000));
    list.append(element("li", {}, button));
    return { button, text, start, end };
  });
  const count = buttons.length === 1 ? "1 pause or sound" : `${buttons.length} pauses and sounds`;
  const section = element("section", { className: "strip", "aria-label": "Pauses and sounds" },
    element("details", {}, element("summary", {}, count), list));
  $("overview").closest("section").after(section);
  player.listen((seconds) => {
    const now = seconds * 1000;
    const heard = buttons.filter(({ start, end }) => start <= now && now < end);
    for (const { button, start, end } of buttons) button.classList.toggle("now", start <= now && now < end);
    sign.hidden = !heard.length || $("preset").value === "off";
    const text = heard.map((one) => one.text).join(" ");
    if (sign.textContent !== text) sign.textContent = text;
  });
}
