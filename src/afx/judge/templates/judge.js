'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const root = document.documentElement;
const $ = (id) => document.getElementById(id);
const bytes = (text, Kind = Uint8Array) => {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) out[k] = raw.charCodeAt(k);
  return new Kind(out.buffer);
};
const curves = Object.fromEntries(Object.entries(data.curves).map(([k, v]) => [k, bytes(v)]));
const whole = data.seconds;
let moment = data.start;

const dark = matchMedia('(prefers-color-scheme: dark)');
root.dataset.theme = dark.matches ? 'dark' : 'light';
const color = (name) => getComputedStyle(root).getPropertyValue('--' + name).trim();
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, '0')}`;

function fresh(id) {
  const canvas = $(id);
  const ratio = devicePixelRatio || 1;
  const height = Number(canvas.dataset.height || (canvas.dataset.height = canvas.getAttribute('height')));
  const width = canvas.clientWidth;
  canvas.style.height = height + 'px';
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext('2d');
  g.scale(ratio, ratio);
  return [g, width, height];
}

/* The largest value of each pixel's share of the curve: no hit is lost however long the video. */
function area(g, curve, first, last, width, top, bottom, fill) {
  g.beginPath();
  g.moveTo(0, bottom);
  for (let x = 0; x <= width; x++) {
    const a = first + ((last - first) * x) / width;
    const b = first + ((last - first) * (x + 1)) / width;
    let most = 0;
    if (b - a < 1) {
      const k = Math.floor(a), part = a - k;
      most = (curve[k] ?? 0) * (1 - part) + (curve[k + 1] ?? 0) * part;
    } else for (let k = Math.max(0, Math.floor(a)); k < Math.min(curve.length, b); k++) most = Math.max(most, curve[k]);
    g.lineTo(x, bottom + (top - bottom) * (most / 255));
  }
  g.lineTo(width, bottom);
  g.fillStyle = fill;
  g.fill();
}

function lanes() {
  const slots = curves.motion.length;
  let [g, w, h] = fresh('sections');
  const hues = [212, 28, 150, 285, 96, 340, 185, 55];
  const at = (t) => (t / whole) * w;
  for (const part of data.parts) {
    const x = at(part.start), width = at(part.end) - x;
    const isDark = root.dataset.theme === 'dark';
    g.fillStyle = part.label === 'N' ? color('faint') : `hsl(${hues[part.group % 8]} 42% ${isDark ? 32 : 82}%)`;
    g.fillRect(x, 0, Math.max(1, width - 1.5), h);
    g.fillStyle = color('ink');
    g.font = '12px system-ui, sans-serif';
    if (g.measureText(part.label).width + 8 < width) g.fillText(part.label, x + 5, h / 2 + 4);
  }
  [g, w, h] = fresh('sound');
  area(g, curves.loud, 0, slots, w, 2, h, color('loud'));
  area(g, curves.hits, 0, slots, w, 8, h, color('hits'));
  [g, w, h] = fresh('motion');
  area(g, curves.motion, 0, slots, w, 2, h, color('moved'));
  [g, w, h] = fresh('novelty');
  area(g, curves.novelty, 0, curves.novelty.length, w, 6, h, color('loud'));
  g.fillStyle = color('hits');
  for (const part of data.parts.slice(1)) g.fillRect(at(part.start) - 1, 0, 2, h);
  g.fillStyle = color('moved');
  for (const t of data.changes) { g.beginPath(); g.arc(at(t), 7, 4.5, 0, 7); g.fill(); }
  [g, w, h] = fresh('trouble');
  g.fillStyle = color('faint');
  g.fillRect(0, h / 2 - 0.5, w, 1);
  g.fillStyle = color('muted');
  for (const t of data.cuts) g.fillRect(at(t) - 1, 4, 2, h - 8);
  g.fillStyle = color('poor');
  for (const [a, b] of data.trouble) g.fillRect(at(a), 3, Math.max(3, at(b) - at(a)), h - 6);
}

const NEAR = 4;
function detail() {
  const [g, w, h] = fresh('detail');
  const rate = data.rate, middle = h / 2;
  const from = moment - NEAR, x = (t) => ((t - from) / (2 * NEAR)) * w;
  area(g, curves.loud, from * rate, (from + 2 * NEAR) * rate, w, 6, middle - 1, color('loud'));
  area(g, curves.hits, from * rate, (from + 2 * NEAR) * rate, w, 6, middle - 1, color('hits'));
  g.save();
  g.translate(0, h);
  g.scale(1, -1);
  area(g, curves.motion, from * rate, (from + 2 * NEAR) * rate, w, 14, middle - 1, color('moved'));
  g.restore();
  g.fillStyle = color('hits');
  for (const t of data.beats) if (Math.abs(t - moment) < NEAR) g.fillRect(x(t) - 1, middle - 9, 2, 18);
  g.fillStyle = color('moved');
  for (const t of data.seen) if (Math.abs(t - moment) < NEAR) { g.beginPath(); g.arc(x(t), h - 7, 4, 0, 7); g.fill(); }
  g.fillStyle = color('ink');
  g.fillRect(w / 2 - 1, 0, 2, h);
  g.fillStyle = color('muted');
  g.font = '11px system-ui, sans-serif';
  for (let t = Math.ceil(from / 2) * 2; t < moment + NEAR; t += 2)
    if (t >= 0 && t <= whole && Math.abs(t - moment) > 0.4) g.fillText(clock(t).replace(/\.0$/, ''), x(t) + 3, 12);
}

const scenes = data.why ? data.why.scenes.map((s) => ({ ...s, pulls: s.pulls.map((p) => ({ ...p, values: bytes(p.values, Int8Array) })) })) : [];
const percent = (v) => `${v > 0 ? '+' : v < 0 ? '−' : ''}${Math.abs(v * 100).toFixed(Math.abs(v) < 0.1 ? 1 : 0)} %`;
function why() {
  const list = $('why');
  if (!list) return;
  const shown = scenes.filter((s) => s.start <= moment && moment < s.end + data.why.step);
  // In a cross-fade, the scene that has more of it.
  const scene = shown.length > 1 && moment - shown[1].start < (shown[0].end - shown[1].start) / 2 ? shown[0] : shown[shown.length - 1];
  list.replaceChildren();
  if (!scene) return;
  $('scene').textContent = `${scene.title}: ${scene.why}`;
  const k = Math.min(scene.pulls[0]?.values.length - 1, Math.max(0, Math.round((moment - scene.start) / data.why.step)));
  const back = Math.max(0, k - Math.max(1, Math.round(0.3 / data.why.step)));
  const rows = scene.pulls
    .map((p) => ({ p, value: (p.values[k] / 127) * p.scale, before: (p.values[back] / 127) * p.scale }))
    .map((r) => ({ ...r, moved: r.value - r.before }))
    .map((r) => ({ ...r, rank: r.p.source ? Math.abs(r.moved) + 0.25 * Math.abs(r.value) : -1 }))
    .sort((a, b) => b.rank - a.rank);
  for (const { p, value, moved } of rows.slice(0, 8)) {
    const row = document.createElement('div');
    const moving = Math.abs(moved) > 0.15 * p.scale && Math.abs(moved) > 0.004;
    row.className = 'pull' + (moving ? ' moving' : '');
    const words = document.createElement('div');
    const name = document.createElement('b');
    name.textContent = `${p.source || 'idle'} → ${p.knob}`;
    const small = document.createElement('small');
    small.textContent = `${p.words}; ${p.help}`;
    words.append(name, small);
    const meter = document.createElement('div');
    meter.className = 'meter';
    const bar = document.createElement('i');
    const share = Math.min(1, Math.abs(value) / p.scale);
    if (p.swing) { bar.style.left = `${50 - (value < 0 ? share * 50 : 0)}%`; bar.style.width = `${share * 50}%`; }
    else { bar.style.left = '0'; bar.style.width = `${share * 100}%`; }
    meter.append(bar);
    const amount = document.createElement('div');
    amount.className = 'amount';
    amount.textContent = percent(value);
    const under = document.createElement('small');
    under.textContent = p.clock ? 'of its pace' : 'of range';
    amount.append(under);
    row.append(words, meter, amount);
    list.append(row);
  }
  const rest = document.createElement('p');
  rest.className = 'rest';
  rest.textContent = `What moved most in the last 0.3 s comes first, in orange. ${Math.max(0, rows.length - 8)} weaker holds are not shown.`;
  list.append(rest);
}

function show(t, from) {
  moment = Math.min(whole, Math.max(0, t));
  $('now').textContent = clock(moment);
  if (from !== 'slider') $('moment').value = moment;
  $('head').style.transform = `translateX(${(moment / whole) * $('over').clientWidth}px)`;
  detail();
  why();
  const film = $('video');
  if (film && from !== 'video' && film.readyState && film.paused) film.currentTime = moment;
}

function all() { lanes(); show(moment, 'all'); }
$('moment').max = whole;
$('moment').addEventListener('input', (e) => show(Number(e.target.value), 'slider'));
const stage = document.querySelector('.stage');
const place = (e) => {
  const box = $('over').getBoundingClientRect();
  show(((e.clientX - box.left) / box.width) * whole, 'stage');
};
stage.addEventListener('pointerdown', (e) => { place(e); stage.setPointerCapture(e.pointerId); });
stage.addEventListener('pointermove', (e) => { if (e.buttons) place(e); });
$('theme').addEventListener('click', () => { root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark'; all(); });
addEventListener('resize', all);
const film = $('video');
if (film) {
  film.addEventListener('error', () => film.remove());
  film.addEventListener('loadedmetadata', () => { film.currentTime = moment; });
  const follow = () => { if (!film.paused) { show(film.currentTime, 'video'); requestAnimationFrame(follow); } };
  film.addEventListener('play', follow);
  film.addEventListener('seeked', () => show(film.currentTime, 'video'));
}
all();
