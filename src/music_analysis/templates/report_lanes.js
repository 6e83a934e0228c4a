// Lanes: drawings that share one axis of time, which can be zoomed and moved.
const wave = new Int8Array(bytes(D.wave).buffer);
const curve = { t: floats(D.curveTimes), y: floats(D.curveBpm) };
const loud = { t: floats(D.loudTimes), y: floats(D.loud) };
const novelty = { t: floats(D.noveltyTimes), y: floats(D.novelty) };
const chroma = D.chroma ? { t: floats(D.stepTimes), y: bytes(D.chroma) } : null;
const total = Math.max(D.duration, 0.01);
const view = { from: 0, to: total };
const narrowest = Math.min(total, 2);
const WAVE_RATE = 20;
const fontOf = (size, weight = 500) => `${weight} ${size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
const widths = new Map();
const widthOf = (ctx, text) => {
  const name = ctx.font + text;
  if (!widths.has(name)) widths.set(name, ctx.measureText(text).width);
  return widths.get(name);
};
const withAlpha = (color, share) => color + Math.round(255 * share).toString(16).padStart(2, "0");
const rgb = (color) => [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16));

const words = (ctx, w, h, text = "not enough to tell") => {
  ctx.fillStyle = ink.faint;
  ctx.globalAlpha = 0.5;
  ctx.fillRect(0, 0, w, h);
  ctx.globalAlpha = 1;
  ctx.fillStyle = ink.muted;
  ctx.font = "italic " + fontOf(13);
  ctx.textAlign = "center";
  ctx.fillText(text, w / 2, h / 2);
};
const visible = (starts) => {
  const first = Math.max(at(starts, view.from), 0);
  return [first, at(starts, view.to) + 1];
};
const drawWave = (ctx, w, h, top = 0) => {
  const count = wave.length / 2, middle = (top + h) / 2, reach = (h - top) / 2 - 1;
  const per = (view.to - view.from) * WAVE_RATE / w;
  ctx.fillStyle = ink.wave;
  ctx.beginPath();
  const low = [];
  const step = Math.max(1, 1 / per); // pixels: no finer than the columns that there are
  for (let x = 0; x <= w; x += step) {
    const a = Math.floor(view.from * WAVE_RATE + x * per);
    const b = Math.max(a + 1, Math.floor(view.from * WAVE_RATE + (x + step) * per));
    let smallest = 0, largest = 0;
    for (let k = a; k < b && k < count; k++) {
      if (wave[2 * k] < smallest) smallest = wave[2 * k];
      if (wave[2 * k + 1] > largest) largest = wave[2 * k + 1];
    }
    ctx.lineTo(x, middle - reach * largest / 127 - 0.4);
    low.push([x, middle - reach * smallest / 127 + 0.4]);
  }
  low.reverse().forEach(([x, y]) => ctx.lineTo(x, y));
  ctx.fill();
};
const drawBlocks = (ctx, h, X, items, label) => {
  ctx.textAlign = "center";
  let drawn = -9;
  for (const item of items) {
    const a = Math.max(X(item.start), -2), b = Math.min(X(item.end), X(view.to) + 2);
    if (b < drawn + 0.5) continue; // too narrow to be seen
    drawn = b;
    ctx.globalAlpha = 0.3 + 0.7 * Math.min(1, item.sure + 0.1);
    ctx.fillStyle = item.color;
    ctx.fillRect(a, 0, Math.max(b - a - 1, 0.6), h);
    ctx.globalAlpha = 1;
    label(item, a, b, item.sure < 0.35 && root.dataset.theme === "dark" ? ink.ink : ink["block-ink"]);
  }
};
const drawCurve = (ctx, w, h, X, data, low, high, { fill = false, lines = [] } = {}) => {
  const Y = (y) => h - 2 - (clamp(y, low, high) - low) / (high - low) * (h - 4);
  ctx.lineWidth = 1;
  for (const y of lines) {
    ctx.strokeStyle = ink.faint;
    ctx.beginPath(); ctx.moveTo(0, Y(y)); ctx.lineTo(w, Y(y)); ctx.stroke();
  }
  const [first, last] = visible(data.t);
  const skip = Math.max(1, Math.floor((last - first) / (2 * w)));
  ctx.beginPath();
  for (let k = Math.max(first - 1, 0); k < Math.min(last + 1 + skip, data.t.length); k += skip) ctx.lineTo(X(data.t[k]), Y(data.y[k]));
  ctx.strokeStyle = ink.accent;
  ctx.lineWidth = 1.6;
  ctx.lineJoin = "round";
  ctx.stroke();
  if (fill && last > first) {
    const from = Math.max(first - 1, 0), to = Math.min(last, data.t.length - 1);
    ctx.lineTo(X(data.t[to]), h); ctx.lineTo(X(data.t[from]), h); ctx.closePath();
    ctx.globalAlpha = 0.18; ctx.fillStyle = ink.accent; ctx.fill(); ctx.globalAlpha = 1;
  }
  ctx.font = fontOf(11);
  ctx.textAlign = "left";
  for (const y of lines) {
    const text = `${y}`.replace("-", "−");
    ctx.fillStyle = ink.card; ctx.globalAlpha = 0.75;
    ctx.fillRect(0, Y(y) - 7, widthOf(ctx, text) + 5, 14);
    ctx.globalAlpha = 1; ctx.fillStyle = ink.muted;
    ctx.fillText(text, 2, Y(y));
  }
};
const valueAt = (data, t) => {
  const k = clamp(at(data.t, t), 0, data.t.length - 1);
  return data.y[k];
};
const levels = (low, high, most) => {
  const raw = (high - low) / most, unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * unit).find((s) => s >= raw);
  const out = [];
  for (let y = Math.ceil(low / step) * step; y <= high; y += step) out.push(+y.toFixed(6));
  return out;
};
const tempoRange = () => {
  const sorted = [...curve.y].sort((a, b) => a - b), pick = (q) => sorted[Math.floor(q * (sorted.length - 1))];
  const reach = Math.max(0.06 * D.bpm, 1.25 * (pick(0.99) - D.bpm), 1.25 * (D.bpm - pick(0.01)));
  return [D.bpm - reach, D.bpm + reach];
};
const loudRange = () => {
  const heard = [...loud.y].filter((y) => y > -70);
  const high = Math.max(...heard.slice(0, 1), heard.reduce((a, b) => Math.max(a, b), -99)) + 2;
  return [Math.max(heard.reduce((a, b) => Math.min(a, b), 99) - 2, high - 42), high];
};
const [tempoLow, tempoHigh] = D.bpm && curve.y.length > 1 ? tempoRange() : [0, 0];
const [loudLow, loudHigh] = D.integrated !== null && loud.y.length > 1 ? loudRange() : [0, 0];

const drawSections = (ctx, w, h, X) => {
  const band = 22, narrow = 26;
  let drawn = 0;
  for (const s of D.sections) {
    const a = X(s.start), b = X(s.end);
    if (b < drawn + 0.5 || a > w) continue;
    drawn = b;
    ctx.fillStyle = withAlpha(s.color, root.dataset.theme === "dark" ? 0.16 : 0.22);
    ctx.fillRect(a, 0, b - a - 1, h);
    ctx.globalAlpha = 0.45 + 0.55 * s.sure;
    ctx.fillStyle = s.color;
    ctx.fillRect(a, 0, b - a - 1, band);
    ctx.globalAlpha = 1;
    const left = Math.max(a, 0), right = Math.min(b, w);
    ctx.fillStyle = ink["block-ink"];
    ctx.textAlign = "left";
    ctx.font = fontOf(13, 700);
    const letter = s.label ? widthOf(ctx, s.label) : -5;
    if (right - left < letter + 8) continue;
    ctx.fillText(s.label, left + 6, band / 2 + 1);
    ctx.font = fontOf(12.5);
    if (right - left > letter + 16 + widthOf(ctx, s.name)) ctx.fillText(s.name, left + 11 + letter, band / 2 + 1);
  }
  drawWave(ctx, w, h, D.sections.length ? band : 0);
  if (!D.sections.length && h > narrow) {
    ctx.fillStyle = ink.muted; ctx.font = "italic " + fontOf(12); ctx.textAlign = "left";
    ctx.fillText("sections: not enough to tell", 4, 10);
  }
};
const LANES = {
  wave: { title: "Waveform", height: 84, draw: drawWaveLane },
  sections: { title: "Sections", height: 122, draw: (ctx, w, h, X) => (wave.length || D.sections.length ? drawSections(ctx, w, h, X) : words(ctx, w, h)) },
  chords: {
    title: "Chords", height: 46,
    draw: (ctx, w, h, X) => {
      if (!D.chords.length) return words(ctx, w, h);
      const [first, last] = visible(chordStarts);
      const items = D.chords.slice(first, last).map(([start, end, kind, roman, sure]) => ({
        start, end, sure, name: D.kinds[kind][0], color: D.kinds[kind][1], roman: D.romans[roman] }));
      drawBlocks(ctx, h, X, items, (item, a, b, color) => {
        ctx.fillStyle = color;
        const room = b - a - 4, two = item.roman && room > 20;
        for (const size of [14, 12, 10.5]) {
          ctx.font = fontOf(size, 600);
          if (widthOf(ctx, item.name) > room) continue;
          ctx.fillText(item.name, (a + b) / 2, two ? h / 2 - 7 : h / 2);
          ctx.font = fontOf(11);
          if (two && widthOf(ctx, item.roman) <= room) ctx.fillText(item.roman, (a + b) / 2, h / 2 + 11);
          break;
        }
      });
    },
    tip: (t) => { const c = chordAt(t); return c ? `${Math.round(100 * c.sure)} % sure, ${clockText(c.start, 1)} to ${clockText(c.end, 1)}` : ""; },
  },
  key: {
    title: "Key", height: 26,
    draw: (ctx, w, h, X) => {
      if (!D.keys.length) return words(ctx, w, h);
      drawBlocks(ctx, h, X, D.keys.filter((k) => k.end > view.from && k.start < view.to), (k, a, b, color) => {
        ctx.fillStyle = color;
        ctx.font = fontOf(13, 600);
        const unsure = k.sure < 0.5 ? "?" : "", left = Math.max(a, 0), right = Math.min(b, w);
        const text = [k.name + unsure, k.short + unsure].find((x) => widthOf(ctx, x) < right - left - 6);
        if (text) ctx.fillText(text, (left + right) / 2, h / 2 + 1);
      });
    },
    tip: (t) => { const k = keyAt(t); return k ? `${k.name}, ${Math.round(100 * k.sure)} % sure` : ""; },
  },
  beats: {
    title: "Beats", height: 32,
    draw: (ctx, w, h, X) => {
      if (!beats.length) return words(ctx, w, h);
      const perBeat = w / (view.to - view.from) * total / Math.max(beats.length, 1);
      const [first, last] = visible(beats);
      if (perBeat >= 4) {
        ctx.fillStyle = ink.muted;
        ctx.globalAlpha = 0.7;
        for (let k = first; k < last; k++) ctx.fillRect(X(beats[k]) - 0.5, h - 10, 1, 10);
        ctx.globalAlpha = 1;
      }
      const perBar = w / (view.to - view.from) * total / Math.max(downbeats.length, 1);
      let every = 1;
      while (perBar * every < 5) every *= 2;
      let named = every;
      while (perBar * named < 34) named *= 2;
      const [from, to] = visible(downbeats);
      ctx.font = fontOf(11, 600);
      ctx.textAlign = "left";
      for (let k = from; k < to; k++) {
        if (k % every) continue;
        ctx.fillStyle = ink.mark;
        const x = X(downbeats[k]);
        ctx.fillRect(x - 0.75, k % named ? h - 14 : 2, 1.5, h);
        if (k % named === 0) ctx.fillText(k + 1, x + 4, 8);
      }
    },
  },
  tempo: {
    title: "Tempo, bpm", height: 74,
    draw: (ctx, w, h, X) => {
      if (!tempoHigh) return words(ctx, w, h);
      drawCurve(ctx, w, h, X, curve, tempoLow, tempoHigh, { lines: levels(tempoLow, tempoHigh, 3) });
    },
    tip: (t) => (tempoHigh ? `${valueAt(curve, t).toFixed(1)} bpm` : ""),
  },
  loudness: {
    title: "Loudness, LUFS", height: 74,
    draw: (ctx, w, h, X) => {
      if (loudHigh === loudLow) return words(ctx, w, h);
      drawCurve(ctx, w, h, X, loud, loudLow, loudHigh, { fill: true, lines: levels(loudLow, loudHigh, 3) });
    },
    tip: (t) => (loudHigh === loudLow ? "" : `${valueAt(loud, t).toFixed(1).replace("-", "−")} LUFS`),
  },
  novelty: {
    title: "Novelty", height: 72,
    draw: (ctx, w, h, X) => {
      if (!novelty.t.length) return words(ctx, w, h);
      drawCurve(ctx, w, h, X, novelty, 0, 1.6, { fill: true });
      ctx.font = fontOf(11.5, 600);
      ctx.textAlign = "left";
      ctx.fillStyle = ink.mark;
      for (const [kind, start, end] of D.events) {
        const a = X(start), b = X(end);
        ctx.beginPath();
        if (kind === "build") { ctx.moveTo(a, 24); ctx.lineTo(b, 24); ctx.lineTo(b, 16); }
        else { ctx.moveTo(b - 5, 3); ctx.lineTo(b + 5, 3); ctx.lineTo(b, 14); }
        ctx.fill();
      }
      let free = -Infinity;
      for (const time of D.events.map((e) => e[2]).sort((a, b) => a - b)) {
        // a build and the drop that it leads to are within a beat of one another
        const kinds = [...new Set(D.events.filter((e) => Math.abs(e[2] - time) < 0.6).map((e) => e[0]))].sort();
        const text = kinds.join(" and "), x = Math.min(X(time) + 8, w - widthOf(ctx, text));
        if (x < free) continue;
        ctx.fillText(text, x, 9);
        free = x + widthOf(ctx, text) + 6;
      }
    },
    tip: (t) => D.events.filter(([, start, end]) => t >= start - total / 200 && t <= end + total / 200).map(([kind, , end]) => `${kind} at ${clockText(end, 1)}`).join("\n"),
  },
  chroma: {
    title: "Chroma", height: 108,
    draw: (ctx, w, h, X) => {
      if (!chroma || !chroma.y.length) return words(ctx, w, h);
      const columns = Math.max(1, Math.round(w)), picture = new ImageData(columns, 12);
      const low = rgb(ink.card), high = rgb(ink.accent);
      for (let x = 0; x < columns; x++) {
        const t = view.from + (x + 0.5) / columns * (view.to - view.from);
        const step = clamp(at(chroma.t, t), 0, chroma.y.length / 12 - 1);
        for (let p = 0; p < 12; p++) {
          const share = chroma.y[12 * step + p] / 255, place = 4 * ((11 - p) * columns + x);
          for (let c = 0; c < 3; c++) picture.data[place + c] = low[c] + share * (high[c] - low[c]);
          picture.data[place + 3] = 255;
        }
      }
      const sheet = new OffscreenCanvas(columns, 12);
      sheet.getContext("2d").putImageData(picture, 0, 0);
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(sheet, 0, 0, w, h);
      ctx.font = fontOf(10);
      ctx.textAlign = "left";
      ["C", "E", "G", "B"].forEach((name, k) => {
        const y = h - ([0, 4, 7, 11][k] + 0.5) * h / 12;
        ctx.fillStyle = ink.card; ctx.globalAlpha = 0.7; ctx.fillRect(0, y - 5, 12, 10);
        ctx.globalAlpha = 1; ctx.fillStyle = ink.muted; ctx.fillText(name, 2, y);
      });
    },
    tip: (t, y) => (chroma && chroma.y.length ? ["B", "B♭", "A", "A♭", "G", "G♭", "F", "E", "E♭", "D", "D♭", "C"][clamp(Math.floor(12 * y), 0, 11)] : ""),
  },
};
function drawWaveLane(ctx, w, h, X) {
  if (wave.length) drawWave(ctx, w, h); else words(ctx, w, h, "no sound");
}
const drawRuler = (ctx, w, h, X) => {
  const step = niceStep(view.to - view.from, Math.max(w / 76, 2));
  ctx.font = fontOf(11.5);
  ctx.fillStyle = ink.muted;
  for (let t = Math.ceil(view.from / step - 1e-6) * step; t <= view.to + 1e-6; t += step) {
    const x = X(t), text = clockText(t + 1e-4, step < 1 ? 1 : 0), half = widthOf(ctx, text) / 2;
    ctx.textAlign = "center";
    ctx.fillText(text, clamp(x, half, w - half), h / 2 - 1);
    ctx.fillRect(x - 0.5, h - 4, 1, 4);
  }
};

const box = $("lanes");
const made = [];
const addLane = (name, lane) => {
  const row = document.createElement("div"), title = document.createElement("span"), canvas = document.createElement("canvas");
  row.className = "lane";
  row.dataset.lane = name;
  title.textContent = lane.title;
  canvas.style.height = `${lane.height}px`;
  row.append(title, canvas);
  box.append(row);
  made.push({ name, canvas, ...lane });
};
addLane("ruler", { title: "", height: 20, draw: drawRuler });
D.lanes.forEach((name) => addLane(name, LANES[name]));
const over = document.createElement("div"), head = document.createElement("i"), hair = document.createElement("i");
over.className = "over"; head.className = "head"; hair.className = "hair";
over.append(hair, head);
box.append(over);

let laneWidth = 1;
const draw = () => {
  laneWidth = Math.max(made[0].canvas.clientWidth, 1);
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const X = (t) => (t - view.from) / (view.to - view.from) * laneWidth;
  for (const lane of made) {
    const { canvas, height } = lane;
    if (canvas.width !== Math.round(laneWidth * ratio)) canvas.width = Math.round(laneWidth * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, laneWidth, height);
    ctx.textBaseline = "middle";
    lane.draw(ctx, laneWidth, height, X);
  }
  placeHead(songTime());
};
const placeHead = (t) => {
  head.style.transform = `translateX(${(t - view.from) / (view.to - view.from) * laneWidth}px)`;
};
let asked = false;
const redraw = () => {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
};
redraws.push(redraw);
new ResizeObserver(redraw).observe(box);
const show = (from, span) => {
  span = clamp(span, narrowest, total);
  view.from = clamp(from, 0, total - span);
  view.to = view.from + span;
  redraw();
};
const zoom = (factor, center = songTime()) => {
  const span = clamp((view.to - view.from) * factor, narrowest, total);
  const share = clamp((center - view.from) / (view.to - view.from), 0, 1);
  show(center - share * span, span);
};
const zoomed = () => view.to - view.from < total * 0.999;

// Follow: when the playhead leaves, the page turns; a person who moves the view takes over.
let follow = true, turning = 0;
const setFollow = (on) => { follow = on; $("follow").setAttribute("aria-pressed", String(on)); };
const still = matchMedia("(prefers-reduced-motion: reduce)");
const turnTo = (from) => {
  const start = view.from, span = view.to - view.from, began = performance.now();
  const to = clamp(from, 0, total - span), id = ++turning, length = still.matches ? 1 : 260;
  const step = () => {
    if (id !== turning) return;
    const x = clamp((performance.now() - began) / length, 0, 1);
    show(start + (to - start) * (1 - (1 - x) ** 3), span);
    if (x < 1) requestAnimationFrame(step);
  };
  step();
};
let target = -1;
listeners.push((t, byHand) => {
  placeHead(t);
  if (zoomed() && (byHand || (follow && !audio.paused))) {
    const span = view.to - view.from, share = (t - view.from) / span;
    const goal = clamp(t - 0.15 * span, 0, total - span);
    if ((share < 0 || share > 0.88) && Math.abs(goal - target) > 0.01 * span && Math.abs(goal - view.from) > 1e-3) {
      target = goal;
      turnTo(goal);
      setTimeout(() => { target = -1; }, 400);
    }
  }
  const second = Math.floor(t);
  if (shown.second !== second) {
    shown.second = second;
    box.setAttribute("aria-valuenow", String(second));
    box.setAttribute("aria-valuetext", momentText(t).replaceAll("\n", ", "));
  }
});
box.setAttribute("aria-valuemax", String(Math.floor(total)));
$("follow").addEventListener("click", () => { setFollow(!follow); tick(follow); });
$("in").addEventListener("click", () => zoom(0.5));
$("out").addEventListener("click", () => zoom(2));
$("whole").addEventListener("click", () => show(0, total));

// Pointers: click to seek, drag to move, two fingers to zoom.
const timeAt = (clientX) => {
  const area = made[0].canvas.getBoundingClientRect();
  return view.from + clamp((clientX - area.left) / area.width, 0, 1) * (view.to - view.from);
};
const pointers = new Map();
let dragged = false, grip = null;
box.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  pointers.set(event.pointerId, event.clientX);
  if (pointers.size === 1) dragged = false;
  const xs = [...pointers.values()];
  grip = { x: xs[0], from: view.from, span: view.to - view.from,
    spread: xs.length > 1 ? Math.abs(xs[0] - xs[1]) : 0, middle: timeAt(xs.reduce((a, b) => a + b) / xs.length) };
});
addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId)) return;
  pointers.set(event.pointerId, event.clientX);
  const xs = [...pointers.values()];
  if (xs.length > 1 && grip.spread > 10) {
    dragged = true;
    setFollow(false);
    const span = clamp(grip.span * grip.spread / Math.max(Math.abs(xs[0] - xs[1]), 10), narrowest, total);
    show(grip.middle - (grip.middle - grip.from) * span / grip.span, span);
  } else if (Math.abs(xs[0] - grip.x) > 5 || dragged) {
    if (!dragged && zoomed()) setFollow(false);
    dragged = true;
    if (zoomed()) show(grip.from - (xs[0] - grip.x) / laneWidth * (view.to - view.from), view.to - view.from);
  }
});
const release = (event) => {
  if (!pointers.delete(event.pointerId) || pointers.size) return;
  if (event.type === "pointerup" && !dragged) { seek(timeAt(event.clientX)); box.focus({ preventScroll: true }); }
};
addEventListener("pointerup", release);
addEventListener("pointercancel", release);
box.addEventListener("dblclick", () => show(0, total));
box.addEventListener("wheel", (event) => {
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(Math.exp(clamp(event.deltaY, -120, 120) * 0.004), timeAt(event.clientX));
  } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY) && zoomed()) {
    event.preventDefault();
    setFollow(false);
    show(view.from + sideways / laneWidth * (view.to - view.from), view.to - view.from);
  }
}, { passive: false });
box.addEventListener("pointermove", (event) => {
  if (event.pointerType === "touch") return;
  const area = made[0].canvas.getBoundingClientRect();
  if (event.clientX < area.left) { hideTip(); hair.style.opacity = 0; return; }
  const t = timeAt(event.clientX), row = event.target.closest(".lane");
  const lane = row && made.find((one) => one.name === row.dataset.lane);
  let text = momentText(t);
  if (lane && lane.tip) {
    const place = lane.canvas.getBoundingClientRect();
    const more = lane.tip(t, (event.clientY - place.top) / place.height);
    if (more) text += `\n${more}`;
  }
  hair.style.opacity = 1;
  hair.style.transform = `translateX(${event.clientX - area.left}px)`;
  showTip(text, event.clientX, event.clientY);
});
box.addEventListener("pointerleave", () => { hideTip(); hair.style.opacity = 0; });

// Keys: space plays, arrows go by bars (with Shift by sections), plus and minus zoom.
const hop = (starts, t, way, short) => {
  if (!starts.length) return t + way * short;
  if (way > 0) { const k = at(starts, t + 0.02) + 1; return k < starts.length ? starts[k] : total; }
  const k = at(starts, t - 0.35);
  return k < 0 ? 0 : starts[k];
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const t = songTime(), way = event.key === "ArrowLeft" ? -1 : 1;
  const plain = event.target.closest("button:not(.seek)");
  if (event.key === " " && !plain) toggle();
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") seek(hop(event.shiftKey ? sectionStarts : downbeats, t, way, event.shiftKey ? 30 : 5));
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(total);
  else if (event.key === "+" || event.key === "=") zoom(0.5);
  else if (event.key === "-") zoom(2);
  else if (event.key === "0") show(0, total);
  else return;
  event.preventDefault();
});
// a focused button would otherwise be pressed when space is let go
addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.closest("button.seek")) event.preventDefault();
});
draw();
tick(false);
