/** The page: connects, keeps connected, and shows what comes. */

import { Charts } from "./charts.js";
import { ChainDrawings } from "./chains.js";
import { say } from "./format.js";
import { Model } from "./model.js";
import { Panels } from "./panels.js";

const model = new Model();
const charts = new Charts(model);
const drawings = new ChainDrawings();
const panels = new Panels(model);
const statusText = document.getElementById("status");
const themes = ["auto", "light", "dark"];

let paused = false;
let range = "recent";
let source;
let silence;
let everyMs = 1000;

/** How many frames may be missing before the page says so. */
const patience = 5;

function status(state, text) {
  statusText.dataset.state = state;
  say(statusText, text);
}

/** Shows all that is known. */
function show(redraw = false) {
  charts.update(range, redraw);
  panels.update();
  if (model.at === undefined) return;
  drawings.update(model.figures, model.at);
  document.documentElement.dataset.shown = String(model.at);
  document.documentElement.dataset.readings = String(model.ranges.recent.at.length);
}

function heard() {
  status(paused ? "paused" : "live", paused ? "paused" : "live");
  clearTimeout(silence);
  silence = setTimeout(() => status("stale", "no news"), everyMs * patience);
}

function started(data) {
  everyMs = data.everyMs;
  document.title = data.title;
  say(document.getElementById("title"), data.title);
  const note = document.getElementById("note");
  note.hidden = !data.note;
  say(note, data.note ?? "");
  model.start(data);
  drawings.start(model.chains);
  heard();
  show();
}

function connect() {
  source?.close();
  source = new EventSource(new URL("./events", import.meta.url));
  source.addEventListener("start", ({ data }) => started(JSON.parse(data)));
  source.addEventListener("frame", ({ data }) => {
    model.frame(JSON.parse(data));
    heard();
    if (!paused) show();
  });
  // Something is missing: all is fetched anew.
  source.addEventListener("gap", () => connect());
  source.addEventListener("error", () => {
    clearTimeout(silence);
    status("lost", "connecting again");
    // A browser gives up where the answer was no stream: 403 or 503.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  });
}

document.getElementById("range").addEventListener("change", (event) => {
  range = event.target.value;
  show();
});

const pauseButton = document.getElementById("pause");
pauseButton.addEventListener("click", () => {
  paused = !paused;
  pauseButton.setAttribute("aria-pressed", String(paused));
  say(pauseButton, paused ? "Go on" : "Pause");
  status(paused ? "paused" : "live", paused ? "paused" : "live");
  if (!paused) show();
});

const themeButton = document.getElementById("theme");
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  say(themeButton, `Theme: ${theme}`);
}
themeButton.addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
  setTheme(next);
  try {
    localStorage.setItem("wireway-theme", next);
  } catch {
    // A browser that keeps nothing forgets this, too.
  }
  show(true);
});
let kept;
try {
  kept = localStorage.getItem("wireway-theme");
} catch {
  // As above.
}
setTheme(themes.includes(kept) ? kept : "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(true));
document.querySelector("#all details").addEventListener("toggle", () => panels.update());
// A page that is left says so at once; one that is come back to connects anew.
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", ({ persisted }) => persisted && connect());

connect();
