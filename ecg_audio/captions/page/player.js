// The one clock of the page: the recording's where there is one, else a hand that seeking moves.
const player = {
  media: null,
  ready: false,
  hand_s: 0,
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
    media.addEventListener("error", () => showSound("The recording could not be opened from here."));
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
  if (href) player.open(href, kind);
  else showSound("This page was made without its recording.");
  $("play").addEventListener("click", () => player.toggle());
  $("picture").addEventListener("click", () => player.toggle());
  $("seek").addEventListener("input", (event) => player.seek(event.target.valueAsNumber));
  $("speed").addEventListener("change", (event) => {
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
