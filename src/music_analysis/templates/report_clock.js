// Data, theme, sound, and the moment in the song: what the lanes and charts stand on.
const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const bytes = (text) => {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) out[k] = raw.charCodeAt(k);
  return out;
};
const floats = (text) => new Float32Array(bytes(text).buffer);
const D = JSON.parse($("data").textContent);
const beats = floats(D.beats), downbeats = floats(D.downbeats);
const chordStarts = D.chords.map((c) => c[0]);
const sectionStarts = D.sections.map((s) => s.start), keyStarts = D.keys.map((k) => k.start);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// Index of the last start at or before t, -1 before the first.
const at = (starts, t) => {
  let low = 0, high = starts.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (starts[mid] <= t) low = mid + 1; else high = mid;
  }
  return low - 1;
};
const clockText = (t, digits = 0) => {
  const scale = 10 ** digits, whole = Math.floor(Math.max(t, 0) * scale + 1e-6);
  const h = Math.floor(whole / 3600 / scale), m = Math.floor(whole / 60 / scale) % 60;
  const s = Math.floor(whole / scale) % 60;
  const end = `${String(s).padStart(2, "0")}${digits ? "." + String(whole % scale).padStart(digits, "0") : ""}`;
  return h ? `${h}:${String(m).padStart(2, "0")}:${end}` : `${m}:${end}`;
};
const niceStep = (span, most) =>
  [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].find((s) => span / s <= most) || 3600;

// What is at a moment.
const chordAt = (t) => {
  const k = at(chordStarts, t);
  if (k < 0 || t >= D.chords[k][1]) return null;
  const [start, end, kind, roman, sure] = D.chords[k];
  return { index: k, start, end, name: D.kinds[kind][0], color: D.kinds[kind][1], roman: D.romans[roman], sure };
};
const sectionAt = (t) => D.sections[at(sectionStarts, t)] || null;
const sectionText = (s) => [s.label, s.name].filter(Boolean).join(" · ");
const keyAt = (t) => D.keys[at(keyStarts, t)] || null;
const countAt = (t) => {
  const bar = at(downbeats, t + 0.005), beat = at(beats, t + 0.005);
  if (bar < 0 || beat < 0) return null;
  const first = at(beats, downbeats[bar] + 0.005);
  return { bar: bar + 1, beat: beat - first + 1 };
};
const momentText = (t) => {
  const lines = [clockText(t, 1)];
  const section = sectionAt(t), chord = chordAt(t), key = keyAt(t), count = countAt(t);
  if (count) lines[0] += ` · bar ${count.bar}, beat ${count.beat}`;
  if (section) lines.push(sectionText(section));
  if (chord) {
    const sure = chord.sure < 0.5 ? ", not sure" : "";
    lines.push(`${chord.name}${chord.roman ? ` (${chord.roman})` : ""}${sure}`);
  }
  if (key && D.keys.length > 1) lines.push(key.name);
  return lines.join("\n");
};

// Light and dark: the system's choice until the person has one.
const redraws = [];
let ink = {};
const readInk = () => {
  const style = getComputedStyle(root);
  for (const name of ["paper", "card", "ink", "muted", "faint", "accent", "mark", "wave", "block-ink"])
    ink[name] = style.getPropertyValue(`--${name}`).trim();
};
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const remembered = () => { try { return localStorage.getItem("report-theme"); } catch { return null; } };
const setTheme = (theme) => {
  root.dataset.theme = theme;
  readInk();
  redraws.forEach((redraw) => redraw());
};
setTheme(remembered() || (systemDark.matches ? "dark" : "light"));
systemDark.addEventListener("change", () => {
  if (!remembered()) setTheme(systemDark.matches ? "dark" : "light");
});
$("theme").addEventListener("click", () => {
  const theme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("report-theme", theme); } catch { /* private window: not remembered */ }
  setTheme(theme);
});
let beforePrint = "";
addEventListener("beforeprint", () => { beforePrint = root.dataset.theme; setTheme("light"); });
addEventListener("afterprint", () => setTheme(beforePrint));

// The sound: bytes in the page become a file that the player can seek in.
const audio = $("audio");
let wanted = null; // where to go once the sound is ready
const trouble = (words) => { $("trouble").textContent = words; };
const loadSound = () => {
  const holder = $("sound");
  if (audio.src || !holder) return;
  const text = holder.textContent.trim();
  if (!text) { trouble("There is no sound in this page."); return; }
  audio.src = URL.createObjectURL(new Blob([bytes(text)], { type: holder.dataset.kind }));
  holder.textContent = "";
};
audio.addEventListener("loadedmetadata", () => {
  if (wanted !== null) audio.currentTime = wanted;
  wanted = null;
});
const readable = (url) => { try { return decodeURI(url); } catch { return url; } };
audio.addEventListener("error", () => {
  const linked = audio.getAttribute("src") && !audio.src.startsWith("blob:");
  trouble(linked
    ? `The song is not where this page looks for it: ${readable(audio.getAttribute("src"))}`
    : "This browser cannot play the song's format; another browser may.");
});

// Audio elements tell the time in coarse steps: between them it goes on by the computer's clock.
let base = 0, baseAt = 0;
const songTime = () => {
  if (wanted !== null) return wanted;
  const told = audio.currentTime;
  if (audio.paused || audio.seeking) { base = told; baseAt = performance.now(); return told; }
  const guess = base + (performance.now() - baseAt) / 1000 * audio.playbackRate;
  if (Math.abs(guess - told) < 0.08) return Math.min(guess, D.duration);
  base = told; baseAt = performance.now();
  return told;
};
const seek = (t) => {
  t = clamp(t, 0, Math.max(D.duration - 0.01, 0));
  if (audio.readyState > 0) audio.currentTime = t; else wanted = t;
  base = t; baseAt = performance.now();
  tick(true);
};
const toggle = () => {
  loadSound();
  if (audio.paused) audio.play().catch((error) => {
    if (error.name !== "AbortError") trouble(`The song cannot be played: ${error.message}`);
  });
  else audio.pause();
};

// One moment shown everywhere: big in the dock, as a playhead, as a lit chord.
const listeners = []; // functions of (time, moved by hand)
const shown = {};
const put = (id, text) => { if (shown[id] !== text) { shown[id] = text; $(id).textContent = text; } };
const cells = [...document.querySelectorAll(".cell")];
const cellStarts = cells.map((cell) => +cell.dataset.start);
const rows = [...document.querySelectorAll("tr[data-section]")];
let lit = [];
rows.forEach((row, k) => { row.querySelector(".dot").style.background = D.sections[k].color; });
const light = (t) => {
  const now = [];
  const section = at(sectionStarts, t), chord = chordAt(t);
  const cell = cells[at(cellStarts, t + 0.005)];
  if (rows[section]) now.push(rows[section]);
  if (cell) {
    now.push(cell);
    const chip = chord && [...cell.children].find((c) => +c.dataset.chord === chord.index);
    if (chip) now.push(chip);
  }
  if (now.length === lit.length && now.every((element, k) => element === lit[k])) return;
  lit.forEach((element) => element.classList.remove("now"));
  now.forEach((element) => element.classList.add("now"));
  lit = now;
};
if (D.meter && beats.length) $("dots").append(...Array.from({ length: D.meter }, () => document.createElement("i")));
const tick = (byHand) => {
  const t = songTime();
  const section = sectionAt(t), chord = chordAt(t), count = countAt(t), key = keyAt(t);
  put("now", clockText(t));
  put("chord", chord ? chord.name : "–");
  put("numeral", chord ? chord.roman : "");
  const next = D.chords[chord ? chord.index + 1 : -1];
  put("next", next ? `then ${D.kinds[next[2]][0]}` : "");
  put("section", section ? sectionText(section) : "");
  $("spot").style.display = section ? "" : "none";
  if (section) $("spot").style.background = section.color;
  put("keynow", key ? key.name : "");
  put("count", count ? `${count.bar}:${count.beat}` : "–");
  if (shown.beat !== (count && count.beat)) {
    shown.beat = count && count.beat;
    [...$("dots").children].forEach((dot, k) => dot.classList.toggle("on", count !== null && k === count.beat - 1));
  }
  light(t);
  listeners.forEach((listener) => listener(t, byHand));
};
const frame = () => { tick(false); if (!audio.paused) requestAnimationFrame(frame); };
audio.addEventListener("play", () => {
  document.body.classList.add("playing");
  $("play").setAttribute("aria-label", "Pause");
  requestAnimationFrame(frame);
});
for (const name of ["pause", "ended"]) audio.addEventListener(name, () => {
  document.body.classList.remove("playing");
  $("play").setAttribute("aria-label", "Play");
  tick(false);
});
audio.addEventListener("seeked", () => tick(false));
$("play").addEventListener("click", toggle);
document.querySelectorAll("button[data-seek]").forEach((button) => button.addEventListener("click", (event) => {
  event.stopPropagation();
  const to = +button.dataset.seek;
  seek(to >= 0 ? to : D.chords[+button.dataset.chord][0]);
}));
rows.forEach((row, k) => row.addEventListener("click", () => {
  seek(D.sections[k].start);
  if (audio.paused) toggle();
}));

// The tip beside the pointer.
const tip = $("tip");
const showTip = (text, x, y) => {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  tip.style.transform = `translate(${Math.max(left, 4)}px, ${clamp(y - box.height - 12, 4, innerHeight - box.height - 4)}px)`;
};
const hideTip = () => { tip.hidden = true; };
