/* What every page about a video needs: its data, colors, canvases, and why it moved. */
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

const hues = [212, 28, 150, 285, 96, 340, 185, 55];

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
  $('scene').textContent = scene.why ? `${scene.title}: ${scene.why}` : scene.title;
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
