// Charts: Plotly, unpacked from the page itself when there is time.
const mixed = (a, b, share) => {
  const x = rgb(a), y = rgb(b);
  return "#" + x.map((v, k) => Math.round(share * v + (1 - share) * y[k]).toString(16).padStart(2, "0")).join("");
};
const along = (x) => { // the scale of colors: from paper to ink, in the dark from the card to light
  const list = root.dataset.theme === "dark"
    ? [ink.card, mixed(D.scale[6], ink.card, 0.4), ...D.scale.slice(1, 7).reverse()] : D.scale;
  const place = clamp(x, 0, 1) * (list.length - 1), k = Math.min(Math.floor(place), list.length - 2);
  return mixed(list[k + 1], list[k], place - k);
};
const darkText = (color) => { const [r, g, b] = rgb(color); return 0.3 * r + 0.59 * g + 0.11 * b > 140; };
const layout = (more) => ({
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
  font: { family: "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif", size: 13, color: ink.ink },
  hoverlabel: { bgcolor: ink.ink, bordercolor: ink.ink, font: { color: ink.card, size: 13 } },
  margin: { l: 8, r: 8, t: 8, b: 8 }, ...more,
});
const quiet = { displayModeBar: false, responsive: true, doubleClick: "reset" };
const nothing = (element) => {
  element.classList.remove("chart", "square");
  const line = document.createElement("p");
  line.className = "nothing";
  line.textContent = "not enough to tell";
  element.replaceChildren(line);
};
const charts = {};

charts.similarity = (element) => {
  const edges = floats(D.barTimes), n = edges.length - 1, raw = bytes(D.similarity);
  if (n < 2) return nothing(element);
  const z = [], sorted = Float32Array.from(raw).sort();
  for (let k = 0; k < n; k++) z.push(Array.from(raw.subarray(k * n, (k + 1) * n)));
  const ticks = (from, to) => {
    const step = niceStep(Math.abs(to - from), 6), low = Math.min(from, to), values = [];
    for (let t = Math.ceil(low / step) * step; t <= Math.max(from, to) + 1e-6; t += step) values.push(t);
    return { tickvals: values, ticktext: values.map((t) => clockText(t + 1e-4, step < 1 ? 1 : 0)) };
  };
  const axis = (from, to) => ({ range: [from, to], ...ticks(from, to), showgrid: false, zeroline: false, ticks: "", tickfont: { color: ink.muted, size: 11 }, constrain: "domain" });
  const first = edges[0], last = edges[n];
  const line = (t, way) => ({
    type: "line", layer: "above", line: { color: ink.mark, width: 0.8 }, opacity: 0.65,
    ...(way === "x" ? { x0: t, x1: t, y0: first, y1: last } : { y0: t, y1: t, x0: first, x1: last }),
  });
  let range = { x: [first, last], y: [last, first] };
  const render = () => {
    const shapes = D.sections.slice(1).flatMap((s) => [line(s.start, "x"), line(s.start, "y")]);
    const colorscale = Array.from({ length: 9 }, (_, k) => [k / 8, along(k / 8)]);
    return Plotly.react(element, [{
      type: "heatmap", z, x: Array.from(edges), y: Array.from(edges), colorscale, showscale: false,
      zmin: sorted[Math.floor(0.03 * (sorted.length - 1))], zmax: 255, hoverinfo: "none",
    }], layout({
      xaxis: axis(...range.x), yaxis: axis(...range.y), shapes, margin: { l: 40, r: 6, t: 6, b: 26 }, dragmode: "zoom",
    }), quiet);
  };
  render();
  redraws.push(render);
  element.on("plotly_hover", ({ points: [p], event }) => {
    const bar = (t) => {
      const section = sectionAt(t), count = countAt(t);
      return `${clockText(t)}${count ? `, bar ${count.bar}` : ""}${section ? ` · ${sectionText(section)}` : ""}`;
    };
    showTip(`${bar(p.x)}\n${bar(p.y)}\n${Math.round(100 * p.z / 255)} % alike`, event.clientX, event.clientY);
  });
  element.on("plotly_unhover", hideTip);
  element.on("plotly_click", ({ points: [p] }) => { seek(edges[clamp(at(edges, p.x), 0, n - 1)]); });
  element.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((name) => name.includes("range"))) return;
    const { xaxis, yaxis } = element._fullLayout;
    const whole = Object.keys(change).some((name) => name.includes("autorange"));
    range = whole ? { x: [first, last], y: [last, first] } : { x: [...xaxis.range], y: [...yaxis.range] };
    render();
  });
  // the playhead, once in each direction
  const cross = ["x", "y"].map(() => document.createElement("i"));
  cross.forEach((mark) => { mark.className = "cross"; element.append(mark); });
  const place = (t) => {
    const { xaxis: x, yaxis: y } = element._fullLayout;
    const right = x._offset + x.l2p(t), down = y._offset + y.l2p(t);
    const inX = right >= x._offset && right <= x._offset + x._length, inY = down >= y._offset && down <= y._offset + y._length;
    cross[0].style.cssText = `width:2px;height:${y._length}px;transform:translate(${right - 1}px,${y._offset}px);display:${inX ? "" : "none"}`;
    cross[1].style.cssText = `height:2px;width:${x._length}px;transform:translate(${x._offset}px,${down - 1}px);display:${inY ? "" : "none"}`;
  };
  listeners.push(place);
  element.on("plotly_afterplot", () => place(songTime()));
  place(songTime());
};

const bars = (element, names, values, texts, hovers) => {
  const render = () => Plotly.react(element, [{
    type: "bar", orientation: "h", y: names, x: values, text: texts, hovertext: hovers, hoverinfo: "text",
    textposition: "outside", cliponaxis: false, textfont: { color: ink.muted, size: 12 },
    marker: { color: values.map((_, k) => (k ? mixed(ink.accent, ink.card, 0.5) : ink.accent)) }, width: 0.62,
  }], layout({
    margin: { l: 8, r: 44, t: 4, b: 8 }, bargap: 0.3,
    xaxis: { visible: false, range: [0, 1.02 * Math.max(...values)], fixedrange: true },
    yaxis: { autorange: "reversed", automargin: true, ticks: "", ticklabelstandoff: 6, fixedrange: true, type: "category" },
  }), quiet);
  render();
  redraws.push(render);
};
charts.ranking = (element) => {
  if (!D.ranking.length) return nothing(element);
  const top = D.ranking.slice(0, 10), percent = (x) => (x < 0.01 ? "< 1 %" : `${(100 * x).toFixed(0)} %`);
  bars(element, top.map((r) => r[0]), top.map((r) => r[3]), top.map((r) => percent(r[3])), top.map((r) => `${r[0]}: ${percent(r[3])} of belief`));
};
charts.tempos = (element) => {
  if (!D.bpm) return nothing(element);
  const all = [[D.bpm, 1], ...D.alternatives], name = (b) => (Math.abs(b - Math.round(b)) < 0.05 ? b.toFixed(0) : b.toFixed(1));
  bars(element, all.map(([b]) => `${name(b)} bpm`), all.map(([, s]) => s), all.map(([, s]) => `${Math.round(100 * s)} %`),
    all.map(([b, s]) => `${name(b)} bpm: strength ${Math.round(100 * s)} %`));
};
charts.circle = (element) => {
  if (!D.ranking.length) return nothing(element);
  const most = D.ranking[0][3], thetas = Array.from({ length: 12 }, (_, k) => 30 * k);
  const roots = [thetas.map((_, k) => (7 * k) % 12), thetas.map((_, k) => (7 * k + 9) % 12)];
  const find = (root_, minor) => D.ranking.find((r) => r[1] === root_ && r[2] === minor) || ["", 0, 0, 0, ""];
  const render = () => {
    const traces = [];
    [[0.68, 0.32], [0.38, 0.3]].forEach(([base, height], minor) => {
      const found = roots[minor].map((r) => find(r, minor));
      const fill = found.map((r) => along(0.06 + 0.78 * Math.sqrt(r[3] / most) ** 1.4));
      traces.push({
        type: "barpolar", theta: thetas, r: thetas.map(() => height), base: thetas.map(() => base), width: 30,
        marker: { color: fill, line: { color: ink.card, width: 2 } }, hoverinfo: "text",
        hovertext: found.map((r) => `${r[0]}: ${(100 * r[3]).toFixed(1)} %`),
      }, {
        type: "scatterpolar", mode: "text", theta: thetas, r: thetas.map(() => base + height / 2), hoverinfo: "skip",
        text: found.map((r) => (r === D.ranking[0] ? `<b>${r[4]}</b>` : r[4])),
        textfont: { size: minor ? 13 : 16, color: fill.map((c) => (darkText(c) ? "#1c2230" : "#ffffff")) },
      });
    });
    const best = D.ranking[0], place = roots[best[2]].indexOf(best[1]);
    traces.push({
      type: "barpolar", theta: [thetas[place]], r: [best[2] ? 0.3 : 0.32], base: [best[2] ? 0.38 : 0.68], width: 30,
      marker: { color: "rgba(0,0,0,0)", line: { color: ink.mark, width: 2.5 } }, hoverinfo: "skip",
    });
    return Plotly.react(element, traces, layout({
      margin: { l: 6, r: 6, t: 6, b: 6 }, dragmode: false,
      polar: {
        bgcolor: "rgba(0,0,0,0)", radialaxis: { visible: false, range: [0, 1.01] },
        angularaxis: { direction: "clockwise", rotation: 90, showticklabels: false, showgrid: false, showline: false, ticks: "" },
      },
    }), quiet);
  };
  render();
  redraws.push(render);
};

const inflate = async (data) => {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
};
const drawCharts = async () => {
  const wanted_ = Object.keys(charts).filter((name) => $(name));
  if (!wanted_.length) return;
  try {
    const script = document.createElement("script");
    script.nonce = document.querySelector("script[nonce]").nonce;
    script.textContent = await inflate(bytes($("plotly").textContent.trim()));
    $("plotly").textContent = "";
    document.head.append(script);
    for (const name of wanted_) charts[name]($(name));
  } catch (error) {
    trouble(`The charts need a newer browser (${error.message}).`);
  }
};
addEventListener("load", () => setTimeout(async () => {
  loadSound();
  await drawCharts();
  root.dataset.ready = "";
}, 30));
