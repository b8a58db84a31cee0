// The one clock of the page: the recording's where there is one, else a hand that seeking moves.
const player = {
  media: null,
  ready: false,
  hand_s: 0,
  begun: false, // whether anything was played or sought
  listeners: [],

  time() {
    return this.ready ? this.media.currentTime : this.hand_s;
  },

  seek(seconds) {
    this.hand_s = Math.min(Math.max(0, seconds), data.duration);
    if (this.ready) this.media.currentTime = this.hand_s;
    this.tell();
  },

  toggle() {
    if (!this.ready) return;
    if (this.media.paused) this.media.play();
    else this.media.pause();
  },

  /** Call `listener(seconds)` whenever the time changes: each frame while playing. */
  listen(listener) {
    this.listeners.push(listener);
  },

  tell() {
    const seconds = this.time();
    for (const listener of this.listeners) listener(seconds);
  },

  open(href, kind) {
    const media = element(kind === "video" ? "video" : "audio", { preload: "metadata", playsInline: true });
    this.ready = false;
    this.media?.pause();
    this.media = media;
    media.addEventListener("loadedmetadata", () => {
      this.ready = true;
      if (this.hand_s) media.currentTime = this.hand_s;
      showSound("");
    });
    media.addEventListener("error", () => {
      this.ready = false;
      showSound(`The recording (${recordingName()}) could not be opened from here.`);
    });
    for (const event of ["seeked", "timeupdate", "pause"]) media.addEventListener(event, () => this.tell());
    media.addEventListener("play", () => {
      const step = () => {
        this.tell();
        if (!media.paused && this.media === media) requestAnimationFrame(step);
      };
      step();
    });
    for (const event of ["play", "pause"]) media.addEventListener(event, showPlaying);
    media.src = href;
    media.playbackRate = Number($("speed").value);
    $("picture").replaceChildren(media);
    $("stage").classList.toggle("sound", kind !== "video");
  },
};

function showPlaying() {
  const on = player.ready && !player.media.paused;
  $("play").classList.toggle("on", on);
  $("play").setAttribute("aria-label", on ? "Pause" : "Play");
}

function showSound(problem) {
  $("play").disabled = Boolean(problem);
  $("nosound").hidden = !problem;
  $("nosound-text").textContent = problem;
}

function setUpPlayer() {
  const { href, kind } = data.media;
  $("total").textContent = clock(data.duration);
  $("seek").max = data.duration;
  $("stage").classList.toggle("sound", kind !== "video" || !href);
  const speed = memory.get("speed");
  if ([...$("speed").options].some((option) => option.value === speed)) $("speed").value = speed;
  if (href) player.open(href, kind);
  else showSound(`This page was made without its recording (${recordingName()}).`);
  $("play").addEventListener("click", () => player.toggle());
  $("picture").addEventListener("click", () => player.toggle());
  $("seek").addEventListener("input", (event) => player.seek(event.target.valueAsNumber));
  $("full").hidden = !document.fullscreenEnabled;
  $("full").addEventListener("click", fullScreen);
  seekToAddress();
  addEventListener("hashchange", seekToAddress);
  $("speed").addEventListener("change", (event) => {
    memory.set("speed", event.target.value);
    if (player.media) player.media.playbackRate = Number(event.target.value);
  });
  $("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) player.open(URL.createObjectURL(file), file.type.startsWith("video") ? "video" : "audio");
  });
  let shown = "";
  player.listen((seconds) => {
    const text = clock(seconds);
    $("seek").value = seconds;
    if (text === shown) return;
    shown = text;
    $("now").textContent = text;
    $("seek").setAttribute("aria-valuetext", `${text} of ${clock(data.duration)}`);
  });
}

const recordingName = () => data.facts.source.split("/").at(-1) || data.title;

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $("stage").requestFullscreen();
}

/** `#t=83`, `#t=1:23` or `#t=1:02:03.5` leads there. */
function seekToAddress() {
  const found = /^#t=(?:(\d+):)?(?:(\d+):)?(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (!found) return;
  const [, first, second, last] = found;
  const minutes = second === undefined ? Number(first ?? 0) : Number(first) * 60 + Number(second);
  player.seek(minutes * 60 + Number(last));
}
