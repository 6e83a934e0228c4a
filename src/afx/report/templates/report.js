const whole = data.seconds;
let moment = 0;
const at = (t, w) => (t / whole) * w;
const isDark = () => root.dataset.theme === 'dark';

function blocks(id, rows, fill) {
  const [g, w, h] = fresh(id);
  g.font = '12px system-ui, sans-serif';
  g.textBaseline = 'middle';
  for (const row of rows) {
    const x = at(row.start, w), width = at(row.end, w) - x;
    g.fillStyle = fill(row);
    g.fillRect(x, 0, Math.max(1, width - 1.5), h);
    g.fillStyle = color('ink');
    const words = row.words.find((text) => g.measureText(text).width + 9 < width);
    if (words) g.fillText(words, x + 5, h / 2 + 1);
  }
  return [g, w, h];
}

const hueOf = new Map();
for (const scene of data.scenes) if (!hueOf.has(scene.look)) hueOf.set(scene.look, (hueOf.size * 137.5 + 205) % 360);
const tint = (hue) => `hsl(${hue} 42% ${isDark() ? 32 : 82}%)`;

function lanes() {
  blocks('scenes', data.scenes.map((s) => ({ ...s, words: [s.title] })), (s) => tint(hueOf.get(s.look)));
  const [e, ew, eh] = blocks(
    'sections',
    data.sections.map((s) => ({ ...s, words: [s.label === 'N' ? s.name : `${s.label}  ${s.name}`, s.label] })),
    (s) => (s.label === 'N' ? color('faint') : tint(hues[s.group % 8])),
  );
  for (const event of data.events) {
    if (event.kind === 'build') {
      const ramp = e.createLinearGradient(at(event.start, ew), 0, at(event.time, ew), 0);
      ramp.addColorStop(0, 'transparent');
      ramp.addColorStop(1, color('good'));
      e.fillStyle = ramp;
      e.fillRect(at(event.start, ew), eh - 5, at(event.time, ew) - at(event.start, ew), 5);
    } else {
      e.fillStyle = color('poor');
      e.fillRect(at(event.time, ew) - 1.5, 0, 3, eh);
    }
  }
  const names = [...new Set(data.chords.map((c) => c.label))];
  blocks(
    'chords',
    data.chords.filter((c) => c.label).map((c) => ({ ...c, words: [c.label] })),
    (c) => `hsl(${(names.indexOf(c.label) * 137.5) % 360} 26% ${isDark() ? 29 : 86}%)`,
  );
  let [g, w, h] = fresh('bars');
  /* Lines closer than three pixels say nothing. */
  const draw = (times, top, ink, thick) => {
    let last = -9;
    g.fillStyle = ink;
    for (const t of times) if (at(t, w) - last >= 3) { last = at(t, w); g.fillRect(last - thick / 2, top, thick, h - top); }
  };
  draw(data.beats, h / 2, color('muted'), 1);
  draw(data.downbeats, 0, color('hits'), 1.5);
  const slots = curves.motion.length;
  [g, w, h] = fresh('sound');
  area(g, curves.loud, 0, slots, w, 2, h, color('loud'));
  area(g, curves.hits, 0, slots, w, 8, h, color('hits'));
  [g, w, h] = fresh('motion');
  area(g, curves.motion, 0, slots, w, 2, h, color('moved'));
}

const FEW = 12;
const GROUPS = { color: 'Color and light', camera: 'Camera', form: 'Form' };
const moving = data.knobs.filter((k) => k.moved > 0).sort((a, b) => b.moved - a.moved);
for (const knob of moving) knob.spans = knob.spans.map((s) => ({ ...s, values: bytes(s.values) }));
let shown = [];

function knobLanes(all) {
  const chosen = all ? moving : moving.slice(0, FEW);
  shown = Object.keys(GROUPS).flatMap((group) => chosen.filter((k) => k.group === group));
  const box = $('knobs');
  for (const old of box.querySelectorAll('.lane, h3')) old.remove();
  let last = '';
  shown.forEach((knob, index) => {
    if (knob.group !== last) {
      const head = document.createElement('h3');
      head.textContent = GROUPS[(last = knob.group)];
      box.append(head);
    }
    const lane = document.createElement('div');
    lane.className = 'lane knob';
    lane.title = `${knob.help}: ${knob.lo} to ${knob.hi} ${knob.unit}`;
    const label = document.createElement('span');
    const name = document.createElement('b');
    name.textContent = knob.name;
    knob.out = document.createElement('output');
    label.append(name, knob.out);
    const canvas = document.createElement('canvas');
    canvas.id = `knob-${index}`;
    canvas.setAttribute('height', 26);
    lane.append(label, canvas);
    box.append(lane);
  });
  $('more').hidden = moving.length <= FEW;
  $('more').textContent = all ? 'Fewer' : `All ${moving.length} knobs that moved`;
}

function knobCurves() {
  shown.forEach((knob, index) => {
    const [g, w, h] = fresh(`knob-${index}`);
    g.fillStyle = color('shade');
    g.fillRect(0, 0, w, h);
    g.lineWidth = 1.5;
    g.strokeStyle = color(knob.group === 'color' ? 'hits' : knob.group === 'camera' ? 'good' : 'moved');
    for (const span of knob.spans) {
      g.beginPath();
      span.values.forEach((v, k) => {
        const x = at((span.first + k) * data.step, w), y = h - 3 - (v / 254) * (h - 6);
        if (k) g.lineTo(x, y); else g.moveTo(x, y);
      });
      g.stroke();
    }
  });
}

function knobValues() {
  for (const knob of shown) {
    const k = Math.round(moment / data.step);
    const span = knob.spans.filter((s) => s.first <= k && k < s.first + s.values.length).pop();
    const value = span && knob.lo + (span.values[k - span.first] / 254) * (knob.hi - knob.lo);
    knob.out.textContent = span ? `${value.toFixed(Math.abs(value) < 10 ? 2 : 1)}` : '–';
  }
}

const during = (rows) => rows.filter((r) => r.start <= moment && moment < r.end).pop();
function facts() {
  $('now-look').textContent = during(data.scenes)?.title ?? '–';
  const section = during(data.sections);
  $('now-section').textContent = section ? (section.label === 'N' ? section.name : `${section.label}, ${section.name}`) : '–';
  $('now-chord').textContent = during(data.chords)?.label || '–';
  $('now-key').textContent = during(data.keys)?.label ?? '–';
  const bar = data.downbeats.filter((t) => t <= moment + 0.02).length;
  const since = data.downbeats[bar - 1];
  const beat = bar ? data.beats.filter((t) => t >= since - 0.02 && t <= moment + 0.02).length : 0;
  $('now-beat').textContent = beat ? `bar ${bar}, beat ${beat}` : '–';
}

function show(t, from) {
  moment = Math.min(whole, Math.max(0, t));
  $('now').textContent = clock(moment);
  if (from !== 'slider') $('moment').value = moment;
  for (const over of document.querySelectorAll('.over'))
    over.firstElementChild.style.transform = `translateX(${at(moment, over.clientWidth)}px)`;
  facts();
  knobValues();
  why();
  const film = $('video');
  if (film && from !== 'video' && film.readyState && film.paused) film.currentTime = moment;
}

function all() { lanes(); knobCurves(); show(moment, 'all'); }
knobLanes(false);
$('more').addEventListener('click', () => { knobLanes(shown.length !== moving.length); knobCurves(); knobValues(); });
$('moment').max = whole;
$('moment').addEventListener('input', (e) => show(Number(e.target.value), 'slider'));
for (const stage of document.querySelectorAll('.stage')) {
  const place = (e) => {
    const box = stage.querySelector('.over').getBoundingClientRect();
    show(((e.clientX - box.left) / box.width) * whole, 'stage');
  };
  stage.addEventListener('pointerdown', (e) => { place(e); stage.setPointerCapture(e.pointerId); });
  stage.addEventListener('pointermove', (e) => { if (e.buttons) place(e); });
}
$('theme').addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; all(); });
addEventListener('resize', all);
const film = $('video');
if (film) {
  const follow = () => { if (!film.paused) { show(film.currentTime, 'video'); requestAnimationFrame(follow); } };
  film.addEventListener('play', follow);
  film.addEventListener('seeked', () => show(film.currentTime, 'video'));
}
all();
