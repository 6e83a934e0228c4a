const whole = data.seconds;
let moment = data.start;

function lanes() {
  const slots = curves.motion.length;
  let [g, w, h] = fresh('sections');
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
