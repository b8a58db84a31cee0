// The few ways in which the document is written to. Strings become text, never markup.
export const $ = (id) => document.getElementById(id);

/** A new element: properties, then children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key === "data") Object.assign(made.dataset, value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** A button that does something when it is pressed; `properties`: what else it has, such as another class. */
export function actionButton(text, act, properties = {}) {
  const made = element("button", { type: "button", className: "plain", textContent: text, ...properties });
  made.addEventListener("click", act);
  return made;
}

/** Ask a question that is answered by yes or no. */
export function asked(text, yes) {
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask").returnValue = "no";
  $("ask").showModal();
  return new Promise((resolve) => ($("ask").onclose = () => resolve($("ask").returnValue === "yes")));
}

/** Ask for the name of somebody; empty: the reader gave none. */
export function askedName() {
  $("new-name").value = "";
  $("name-dialog").returnValue = "no";
  $("name-none").onclick = () => $("name-dialog").close("no");
  $("name-dialog").showModal();
  $("new-name").focus();
  const given = () => ($("name-dialog").returnValue === "yes" ? $("new-name").value.trim() : "");
  return new Promise((resolve) => ($("name-dialog").onclose = () => resolve(given())));
}

/** Say something to everybody, those who listen to the page among them. */
export function say(text) {
  $("said").textContent = text;
}

/** What the reader chose, kept by the browser where it keeps anything for this page. */
export const memory = {
  get(name) {
    try {
      return localStorage.getItem(`ecg-studio-${name}`);
    } catch (error) {
      if (error instanceof DOMException) return null; // storage is turned off
      throw error;
    }
  },
  set(name, value) {
    try {
      if (value === null) localStorage.removeItem(`ecg-studio-${name}`);
      else localStorage.setItem(`ecg-studio-${name}`, value);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  },
};

export const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
