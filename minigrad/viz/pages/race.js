// The page of a race. It runs the race itself (update_rules.js) where it has the surface as a function; otherwise the
// data hold all numbers, and this script looks them up.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

// ---- decode the arrays encoded by minigrad/surfaces/animation.py ----

const buffer = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
const floats = (text) => new Float32Array(buffer(text));
const halves = (text) => new Float32Array(Uint32Array.from(new Uint16Array(buffer(text)), (h) => h * 65536).buffer);

const [left, right, low, high] = data.view;
const [boxLeft, boxTop, boxRight, boxBottom] = data.box;
const perX = (boxRight - boxLeft) / (right - left), perY = (boxBottom - boxTop) / (high - low);

function unpacked(run) {
  const places = new Int16Array(buffer(run.places)), points = [];
  for (let i = 0; i < places.length; i += 2) {
    points.push([
      (boxLeft + boxRight) / 2 + places[i] / 16384 * (boxRight - boxLeft),
      (boxTop + boxBottom) / 2 - places[i + 1] / 16384 * (boxBottom - boxTop),
    ]);
  }
  return finished({ ...run, losses: floats(run.losses) }, points,
    Object.entries(run.vectors).map(([name, text]) => ({ name, values: halves(text) })));
}

function finished(run, points, vectors) { // with what the drawing needs
  for (const vector of vectors) {
    const { values } = vector;
    vector.isPositive = values.every((v) => v >= 0);
    vector.greatest = [0, 0];
    vector.longest = 0; // in pixels
    for (let i = 0; i < values.length; i += 2) {
      const [x, y] = points[i / 2];
      if (x < boxLeft || x > boxRight || y < boxTop || y > boxBottom) continue; // values out of view may be huge
      vector.greatest = vector.greatest.map((most, d) => Math.max(most, Math.abs(values[i + d])));
      vector.longest = Math.max(vector.longest, Math.hypot(values[i] * perX, values[i + 1] * perY));
    }
  }
  return { ...run, points, vectors, texts: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`) };
}

const unpackedRaces = new Map();
function raceAt(i) {
  if (!unpackedRaces.has(i)) unpackedRaces.set(i, data.races[i].map(unpacked));
  return unpackedRaces.get(i);
}

// ---- run the race here ----

const live = data.live && structuredClone(data.live); // with the settings and the start that the reader chose
if (live) for (const setup of live.rules) setup.factor = 0; // the rate is multiplied by 10 ** (factor / 10)

const rateOf = (setup, power) => setup.rate * 10 ** (setup.factor / 10) * 2 ** power;

function liveRun(setup, power) {
  const rate = rateOf(setup, power), all = runRule(surface, setup.rule, { ...setup.settings, rate }, live);
  const rows = data.steps.filter((step) => step < all.positions.length);
  if (rows.at(-1) !== all.positions.length - 1) rows.push(all.positions.length - 1);
  const pick = (values) => rows.map((i) => values[i]);
  const clip = (v, start, end) => Math.min(Math.max(v, start - 2 * (end - start)), end + 2 * (end - start));
  const points = pick(all.positions).map(([x, y]) => [
    boxLeft + (clip(x, left, right) - left) * perX, boxBottom - (clip(y, low, high) - low) * perY,
  ]);
  const momentum = ["mb", "m", "v"].find((name) => all.vectors[name]?.some((v) => v[0] < 0 || v[1] < 0)) ?? null;
  let along = 0; // whether the steps follow the momentum, or its negative
  if (momentum) {
    all.positions.slice(1).forEach((x, i) => x.forEach((value, d) => {
      along += all.vectors[momentum][i + 1][d] * (value - all.positions[i][d]);
    }));
  }
  return finished({ rate, diverged: all.diverged, losses: pick(all.losses), momentum, ahead: along >= 0 }, points,
    Object.entries(all.vectors).map(([name, values]) => ({ name, values: pick(values).flat() })));
}

// ---- helpers ----

function make(parent, tag, attributes = {}, text = "") {
  const isSvg = parent.namespaceURI === "http://www.w3.org/2000/svg" || tag === "svg";
  const element = isSvg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

function show(x, digits = 3) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size >= 1e-3 && size < 1e5) {
    const text = size >= 10 ** digits ? String(Number(size.toPrecision(digits))) : size.toPrecision(digits);
    return (x < 0 ? "−" : "") + text;
  }
  const [mantissa, exponent] = size.toExponential(digits - 1).split("e");
  return `${x < 0 ? "−" : ""}${mantissa}×${power(Number(exponent))}`;
}

function power(exponent) {
  return `10${String(exponent).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])}`;
}

const colorOf = (rule) => `var(--${rule.color})`;
const MARKERS = [null, "-4,-4 4,-4 4,4 -4,4", "-5,4 5,4 0,-5", "0,-5.5 5.5,0 0,5.5 -5.5,0", "-5,-4 5,-4 0,5"];

function marker(parent, rule) {
  const shape = MARKERS[rule.marker % MARKERS.length], style = `fill: ${colorOf(rule)}; stroke: var(--paper)`;
  return shape ? make(parent, "polygon", { points: shape, style }) : make(parent, "circle", { r: 4.5, style });
}

function line(parent, rule, width) {
  const style = `stroke: ${colorOf(rule)}; stroke-width: ${width}px; stroke-dasharray: ${rule.dash || "none"}`;
  return make(parent, "path", { fill: "none", "stroke-linejoin": "round", style });
}

// ---- the elements of the page ----

const map = document.querySelector(".stage .drawing");
const viewport = make(map, "svg", {
  x: boxLeft, y: boxTop, width: boxRight - boxLeft, height: boxBottom - boxTop,
  viewBox: `${boxLeft} ${boxTop} ${boxRight - boxLeft} ${boxBottom - boxTop}`,
});
const drawn = data.rules.map((rule) => ({ rule, ghost: line(viewport, rule, 1.5) }));
for (const d of drawn) { d.ghost.classList.add("ghost"); d.trace = line(viewport, d.rule, 2.4); }
const startMark = make(viewport, "circle", { r: 7, fill: "none", style: "stroke: var(--ink); stroke-width: 1.6px" });
for (const d of drawn) {
  d.downhill = make(map, "path", { fill: "none", style: "stroke: var(--ink); stroke-width: 1.5px" });
  d.momentum = make(map, "path", { fill: "none", style: `stroke: ${colorOf(d.rule)}; stroke-width: 3px` });
}
for (const d of drawn) {
  d.ball = make(map, "g", { class: "ball", "data-rule": d.rule.name });
  d.marker = marker(d.ball, d.rule);
  d.cross = make(d.ball, "path", { d: "M-5,-5L5,5M-5,5L5,-5", style: `stroke: ${colorOf(d.rule)}; stroke-width: 3px`, visibility: "hidden" });
}
for (const d of drawn) d.label = make(map, "text", { class: "name" }, d.rule.name);

for (const d of drawn) {
  const row = make($("rules").tBodies[0], "tr");
  const sample = make(make(row, "td"), "svg", { viewBox: "-20 -8 40 16", width: 40, height: 16, "aria-hidden": "true" });
  line(sample, d.rule, 2.4).setAttribute("d", "M-20,0H20");
  marker(sample, d.rule);
  make(row, "td", {}, d.rule.name);
  d.rate = make(row, "td", { class: "number" });
  d.loss = make(row, "td", { class: "number" });
}

// ---- the chart of losses ----

const chart = { width: 420, height: 190, left: 52, top: 8, right: 412, bottom: 166 };
$("losses").setAttribute("viewBox", `0 0 ${chart.width} ${chart.height}`);
const axis = make($("losses"), "g");
const [full, done] = [chart.width, 0].map((width) => { // two clipped views; the second ends at the current step
  const clip = make($("losses"), "svg", { x: 0, y: chart.top, width, height: chart.bottom - chart.top });
  return Object.assign(clip, { inside: make(clip, "g", { transform: `translate(0,${-chart.top})` }) });
});
for (const d of drawn) {
  d.fullCurve = line(full.inside, d.rule, 1.2);
  d.fullCurve.classList.add("ghost");
  d.curve = line(done.inside, d.rule, 2.2);
}
const cursor = make($("losses"), "path", { style: "stroke: var(--soft); stroke-width: 1px" });

function drawCurves() {
  const all = runs.flatMap((run) => [...run.losses]).filter(Number.isFinite);
  const first = runs[0].losses[0], isLog = first > 0 && Math.min(...all) >= 0;
  const lowest = isLog ? Math.max(Math.min(...all), first * 1e-8) : Math.max(Math.min(...all), data.lowest);
  const highest = isLog ? first * 3 : first + 0.15 * Math.abs(first - lowest);
  const scaled = isLog ? Math.log10 : (v) => v, bottom = scaled(lowest), top = scaled(highest);
  const across = (i) => chart.left + i / (data.steps.length - 1) * (chart.right - chart.left);
  const down = (v) => {
    const y = chart.bottom - (scaled(v) - bottom) / (top - bottom || 1) * (chart.bottom - chart.top);
    return Math.min(Math.max(Number.isNaN(y) ? chart.bottom : y, -2000), 2000);
  };
  axis.replaceChildren();
  const span = top - bottom || 1, rough = span / 4;
  const unit = 10 ** Math.floor(Math.log10(rough)), step = isLog ? Math.max(1, Math.ceil(rough)) : unit * [1, 2, 5, 10].find((m) => m * unit >= rough);
  for (let t = Math.ceil(bottom / step) * step; t <= top + 1e-9; t += step) {
    const value = isLog ? 10 ** t : t, y = down(value);
    make(axis, "path", { d: `M${chart.left},${y}H${chart.right}`, style: "stroke: var(--line)" });
    make(axis, "text", { x: chart.left - 6, y: y + 4, "text-anchor": "end" }, isLog && Math.abs(t) > 2 ? power(Math.round(t)) : String(Number(value.toPrecision(2))).replace("-", "−"));
  }
  make(axis, "path", { d: `M${chart.left},${chart.bottom}H${chart.right}`, style: "stroke: var(--soft)" });
  make(axis, "text", { x: chart.right, y: chart.bottom + 17, "text-anchor": "end" }, `step ${data.steps.at(-1)}`);
  make(axis, "text", { x: chart.left, y: chart.bottom + 17 }, "0");
  drawn.forEach((d, i) => {
    const points = Array.from(runs[i].losses, (v, j) => `${across(j).toFixed(1)},${(down(v)).toFixed(1)}`);
    d.fullCurve.setAttribute("d", `M${points.join("L")}`);
    d.curve.setAttribute("d", `M${points.join("L")}`);
  });
  chart.across = across;
}

// ---- the internal state ----

const states = $("states").querySelector("tbody");

function drawStates() {
  states.replaceChildren();
  drawn.forEach((d, i) => {
    d.cells = runs[i].vectors.map((vector, j) => {
      const row = make(states, "tr", j ? {} : { class: "of-rule" });
      if (!j) make(row, "th", { rowspan: runs[i].vectors.length, scope: "rowgroup" }, d.rule.name);
      make(row, "td", {}, vector.name);
      const glyph = make(make(row, "td"), "svg", { viewBox: "-14 -11 28 22", width: 28, height: 22, "aria-hidden": "true" });
      const shape = make(glyph, "path", { fill: "none", style: `stroke: ${colorOf(d.rule)}; stroke-width: 2.2px` });
      return { vector, shape, x: make(row, "td", { class: "number" }), y: make(row, "td", { class: "number" }) };
    });
  });
}

function arrow(dx, dy) { // with a head, from the current point of the path
  const length = Math.hypot(dx, dy);
  if (!(length > 0.5)) return "";
  const [ux, uy] = [dx, dy].map((v) => v / length * Math.min(6, length / 2));
  return `l${dx},${dy}m${-ux - uy / 2},${-uy + ux / 2}l${ux + uy / 2},${uy - ux / 2}l${-ux + uy / 2},${-uy - ux / 2}`;
}

function onMap(vector, i, length) {
  const [a, b] = [0, 1].map((d) => Math.min(Math.max(vector.values[2 * i + d], -1e38), 1e38)); // also for infinite components
  const [x, y] = [a * perX, -b * perY], size = Math.hypot(x, y);
  if (!(size > 0)) return [0, 0]; // also for nan
  const factor = length * Math.sqrt(Math.min(size / vector.longest, 1)) / size; // the square root keeps small vectors visible
  return [x * factor, y * factor];
}

function updateStates(frame) {
  drawn.forEach((d, k) => {
    const run = runs[k], i = Math.min(Math.floor(frame), run.points.length - 1);
    for (const { vector, shape, x, y } of d.cells) {
      const [a, b] = [vector.values[2 * i], vector.values[2 * i + 1]];
      x.textContent = show(a, 2);
      y.textContent = show(b, 2);
      if (vector.isPositive) {
        const [wide, tall] = [a, b].map((v, axis_) => 24 * Math.sqrt(Math.min(v / (vector.greatest[axis_] || 1), 1)));
        shape.setAttribute("d", `M-12,-4h${wide}M-12,4h${tall}`);
      } else {
        const [dx, dy] = onMap(vector, i, 20);
        shape.setAttribute("d", `M${-dx / 2},${-dy / 2}${arrow(dx, dy)}`);
      }
    }
  });
}

// ---- one frame of the race ----

let runs, frame = 0, playing = false, k = 1;

function draw() {
  const labels = [];
  drawn.forEach((d, j) => {
    const run = runs[j], last = run.points.length - 1;
    const i = Math.min(Math.floor(frame), last), next = Math.min(i + 1, last), part = i < last ? frame - Math.floor(frame) : 0;
    const [x, y] = [0, 1].map((c) => run.points[i][c] + part * (run.points[next][c] - run.points[i][c]));
    const hasDiverged = run.diverged !== null && frame >= last && data.steps[Math.floor(frame)] >= run.diverged;
    const clampedX = Math.min(Math.max(x, boxLeft), boxRight), clampedY = Math.min(Math.max(y, boxTop), boxBottom);
    const isOutside = clampedX !== x || clampedY !== y;
    d.trace.setAttribute("d", `M${run.texts.slice(0, i + 1).join("L")}L${x.toFixed(1)},${y.toFixed(1)}`);
    d.ball.setAttribute("transform", `translate(${clampedX.toFixed(2)},${clampedY.toFixed(2)}) scale(${k.toFixed(3)})`);
    d.ball.classList.toggle("outside", isOutside && !hasDiverged);
    d.marker.setAttribute("visibility", hasDiverged ? "hidden" : "visible");
    d.cross.setAttribute("visibility", hasDiverged ? "visible" : "hidden");
    d.label.textContent = d.rule.name + (hasDiverged ? " diverged" : isOutside ? " (outside)" : "");
    labels.push({ label: d.label, x: clampedX, y: clampedY });
    d.loss.textContent = hasDiverged ? `diverged, step ${run.diverged}` : show(run.losses[i]);
    const isInside = $("inside").checked && !hasDiverged && !isOutside;
    const start = `M${clampedX},${clampedY}`;
    const [gx, gy] = isInside ? onMap(run.vectors[0], i, 60 * k) : [0, 0];
    d.downhill.setAttribute("d", start + arrow(-gx, -gy));
    const momentum = isInside && run.vectors.find((v) => v.name === run.momentum);
    const [mx, my] = momentum ? onMap(momentum, i, 60 * k) : [0, 0];
    d.momentum.setAttribute("d", start + (run.ahead ? arrow(mx, my) : arrow(-mx, -my)));
  });
  placeLabels(labels);
  const x = chart.across(frame);
  done.setAttribute("width", x);
  cursor.setAttribute("d", `M${x},${chart.top}V${chart.bottom}`);
  $("step").value = Math.floor(frame);
  $("step-text").textContent = `${data.steps[Math.floor(frame)]} of ${data.steps.at(-1)}`;
  if ($("inside").checked) updateStates(frame);
}

function placeLabels(labels) { // beside the balls, without overlap
  labels.sort((a, b) => a.y - b.y);
  const apart = 15 * k, top = boxTop + apart, bottom = boxBottom - 4 * k;
  const isNear = (a, b) => Math.abs(a.x - b.x) < 130 * k;
  for (const l of labels) l.y = Math.min(Math.max(l.y, top), bottom);
  for (let round = 0; round < 30; round++) { // labels that overlap push each other apart
    for (let i = 0; i + 1 < labels.length; i++) {
      const [a, b] = [labels[i], labels[i + 1]], push = (apart - (b.y - a.y)) / 2;
      if (push > 0 && isNear(a, b)) { a.y = Math.max(a.y - push, top); b.y = Math.min(b.y + push, bottom); }
    }
  }
  for (let i = 0; i + 1 < labels.length; i++) { // labels at the upper edge cannot move, so those below them do
    const [a, b] = [labels[i], labels[i + 1]];
    if (isNear(a, b)) b.y = Math.max(b.y, a.y + apart);
  }
  for (const l of labels) {
    const isRight = l.x + 10 * k + l.label.getComputedTextLength() < boxRight + 10;
    l.label.setAttribute("x", (l.x + (isRight ? 10 : -10) * k).toFixed(1));
    l.label.setAttribute("y", (l.y + 4 * k).toFixed(1));
    l.label.setAttribute("text-anchor", isRight ? "start" : "end");
  }
}

const shortRate = (rate) => show(Number(rate.toPrecision(3)), 3).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

function chooseRate() { // and whatever else decides on the race
  const i = Number($("rate").value), power = i - data.default_rate;
  runs = live ? live.rules.map((setup) => liveRun(setup, power)) : raceAt(i);
  $("rate-text").textContent = power < 0 ? `÷ ${2 ** -power}` : `× ${2 ** power}`;
  $("rate").setAttribute("aria-valuetext", $("rate-text").textContent);
  drawn.forEach((d, j) => {
    d.rate.textContent = shortRate(runs[j].rate);
    d.ghost.setAttribute("d", `M${runs[j].texts.join("L")}`);
  });
  for (const update of sliders) update();
  if (live) [$("start-x").value, $("start-y").value] = live.start;
  startMark.setAttribute("cx", runs[0].points[0][0]);
  startMark.setAttribute("cy", runs[0].points[0][1]);
  drawCurves();
  drawStates();
  draw();
}

// ---- settings and the start, where the race is run here ----

const CHOICES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];
const sliders = []; // functions that set a slider to what it shows

function slider(parent, rule, label, max, read, write, text) {
  const row = make(parent, "label");
  make(row, "span", {}, label);
  const input = make(row, "input", { type: "range", min: 0, max, "aria-label": `${label} of ${rule}` });
  const output = make(row, "output", { class: "number" });
  const update = () => {
    input.value = read();
    output.textContent = text();
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { write(Number(input.value)); chooseRate(); if (!playing) announce(); });
  sliders.push(update);
}

function makeSliders() {
  live.rules.forEach((setup, i) => {
    const { name } = data.rules[i];
    const group = make(document.querySelector("#settings .sliders"), "fieldset"), legend = make(group, "legend");
    const sample = make(legend, "svg", { viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" });
    marker(sample, data.rules[i]);
    make(legend, "span", {}, name);
    slider(group, name, "rate", 60, () => setup.factor + 30, (v) => { setup.factor = v - 30; },
      () => shortRate(rateOf(setup, Number($("rate").value) - data.default_rate)));
    for (const key of ["mu", "beta1", "beta2", "decay_rate"].filter((key) => key in setup.settings)) {
      const choices = [...new Set([...CHOICES, setup.settings[key]])].sort((a, b) => a - b);
      slider(group, name, key, choices.length - 1, () => choices.indexOf(setup.settings[key]),
        (v) => { setup.settings[key] = choices[v]; }, () => String(setup.settings[key]));
    }
  });
}

function startFrom(x, y) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  live.start = [x, y];
  frame = 0;
  chooseRate();
  if (!playing) announce();
}

if (live) {
  makeSliders();
  viewport.classList.add("clickable");
  make(viewport, "rect", { x: boxLeft, y: boxTop, width: boxRight - boxLeft, height: boxBottom - boxTop, fill: "transparent" });
  map.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    if (at.x < boxLeft || at.x > boxRight || at.y < boxTop || at.y > boxBottom) return;
    const rounded = (v, range) => Number(v.toFixed(Math.max(0, 3 - Math.round(Math.log10(range)))));
    startFrom(rounded(left + (at.x - boxLeft) / perX, right - left), rounded(low + (boxBottom - at.y) / perY, high - low));
    if (!playing) play();
  });
  for (const id of ["start-x", "start-y"]) {
    $(id).addEventListener("change", () => startFrom($("start-x").valueAsNumber, $("start-y").valueAsNumber));
  }
  $("reset").addEventListener("click", () => {
    Object.assign(live, structuredClone(data.live));
    for (const setup of live.rules) setup.factor = 0;
    document.querySelector("#settings .sliders").replaceChildren();
    sliders.length = 0;
    makeSliders();
    $("rate").value = data.default_rate;
    startFrom(...live.start);
  });
}

// ---- time and controls ----

const lastFrame = data.steps.length - 1;

function announce() { // the step and the losses to screen readers, while paused
  const parts = drawn.map((d) => `${d.label.textContent}: ${d.loss.textContent}`);
  $("status").textContent = `step ${$("step-text").textContent}. Losses: ${parts.join("; ")}`;
  $("step").setAttribute("aria-valuetext", $("step-text").textContent);
}

function goTo(i) {
  frame = Math.min(Math.max(i, 0), lastFrame);
  draw();
}

function stop() {
  playing = false;
  $("play").textContent = "Play";
  goTo(Math.floor(frame));
  announce();
}

function play() {
  if (frame >= lastFrame) frame = 0;
  playing = true;
  $("play").textContent = "Pause";
  let before = performance.now();
  const duration = Math.min(10, Math.max(4, lastFrame / 15)); // seconds, at speed 1
  requestAnimationFrame(function move(now) {
    if (!playing) return;
    goTo(frame + Math.max(0, now - before) / 1000 * lastFrame / duration * Number($("speed").value));
    before = now;
    if (frame >= lastFrame) stop();
    else requestAnimationFrame(move);
  });
}

function step(by) {
  if (playing) stop();
  goTo(Math.floor(frame) + by);
  announce();
}

$("play").addEventListener("click", () => (playing ? stop() : play()));
$("first").addEventListener("click", () => step(-Infinity));
$("back").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("step").addEventListener("input", () => { if (playing) stop(); goTo(Number($("step").value)); announce(); });
$("rate").addEventListener("input", () => { chooseRate(); if (!playing) announce(); });
$("inside").addEventListener("change", () => { $("states").hidden = !$("inside").checked; draw(); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select")) return;
  if (event.key === " " && event.target.closest("button, summary")) return; // the key presses it
  const rate = (by) => { $("rate").value = Number($("rate").value) + by; chooseRate(); announce(); };
  const keys = {
    " ": () => $("play").click(), ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => step(-Infinity),
    End: () => step(Infinity), ArrowUp: () => rate(1), ArrowDown: () => rate(-1), s: () => $("inside").click(),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});

new ResizeObserver(() => {
  k = 520 / (map.clientWidth || 520);
  map.style.setProperty("--k", k);
  draw();
}).observe(map);
chooseRate();
announce();
