"use strict";
/* Step through a backward pass. The data (from minigrad/viz/steps/page.py):
   nodes           [name, [title, value, name of the gradient] of its box, "leaf" or "result", value]
   forward         [node, title, primitive, lines]
   backward        [node, title, primitive, gradient, its line in the box, contributions, lines, memory]
   a contribution  [target node or -1, formula, sum line, value, sum so far, its line in the box]
   program         [line, node or -1, whether in the backward pass]
   quiz            if it is one: for each step backward, for each contribution, [question, number or shape, advice,
                   [[wrong answer, sentence] ...], the answer that the rounded numbers on the screen give or null]
   tolerances      of a quiz: how close an answer must be (minigrad/viz/steps/answers.py)
   A node is an index into `nodes`, a primitive an index into `texts`. A number is itself ("NaN" and "Infinity" where
   JSON has none), an array is [its index in `arrays`]. */
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const { nodes, forward, backward, texts, arrays, layout, program } = data;
const steps = [...forward.map((s) => ({ s, back: false })), ...backward.map((s) => ({ s, back: true }))];
const visits = nodes.map(() => ({ forward: Infinity, backward: Infinity, contributions: [] }));
forward.forEach(([node], i) => { visits[node].forward = i; });
backward.forEach(([node, , , , short, contributions], i) => {
  const at = forward.length + i;
  visits[node].backward = at;
  visits[node].gradient = short;
  for (const [to, , , , , total] of contributions) if (to >= 0) visits[to].contributions.push([at, total]);
});
let here = -1, timer = 0;

// ---- the quiz: a step whose contributions are not all answered hides them and is the last one to go to

const quiz = (data.quiz || []).map((questions) => questions.map(([text, answer, advice, mistakes, screen]) =>
  ({ text, answer, advice, mistakes, screen, tries: 0, done: false, said: "" })));
const asked = (at) => at < forward.length ? [] : quiz[at - forward.length] || [];
const open = (at) => asked(at).some((q) => !q.done);
const limit = () => {
  for (let at = forward.length; at < steps.length; at++) if (open(at)) return at;
  return steps.length - 1;
};
const tolerances = data.tolerances || {};
const same = (a, b, within = tolerances.right) => Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) <= Math.max(within * Math.abs(b), 1e-12)
  : a === b || Number.isNaN(a) && Number.isNaN(b);
function read(text, question) {  // a number or a shape; null if it is neither
  if (Array.isArray(question.answer)) {
    const shape = (text.match(/\d+/g) || []).map(Number);
    return !text.includes("-") && !/\d\.\d|(^|\D)\.\d/.test(text) && shape.length || /^\s*(\(\s*\)|\[\s*\]|scalar)\s*$/i.test(text) ? shape : null;
  }
  const value = calculated(plain(text));
  return value === null || Number.isNaN(value) && !/^nan$/i.test(plain(text)) ? null : value;
}
/* The text with Python's signs; what stands before = does not matter. */
const signs = { "\u2212": "-", "\u00d7": "*", "\u00b7": "*", "\u22c5": "*", "\u00f7": "/", "^": "**", "\u00b2": "**2", "\u00b3": "**3", "\u2248": "=", "~": "=", "%": "/100" };
const plain = (text) => text.replace(/[\u2212\u00d7\u00b7\u22c5\u00f7^\u00b2\u00b3\u2248~%]/g, (sign) => signs[sign]).replace(/^.*=/s, "").trim()
  .replace(/\)\s*\(/g, ")*(").replace(/(?<=[\d.)])\s*x\s*(?=[\d.(-])/g, "*").replace(/(?<!\d,)(?<=\d),(?=\d+(?!\d*,))|(?<![\d.]),(?=\d)/g, ".");
const functions = { exp: Math.exp, log: Math.log, sqrt: Math.sqrt, sin: Math.sin, cos: Math.cos, tan: Math.tan, tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)), sign: Math.sign, abs: Math.abs, pi: Math.PI, e: Math.E, inf: Infinity, infinity: Infinity, nan: NaN };
function calculated(text) {  // a calculation with numbers, as Python would read it; null if it is none
  const tokens = text.match(/(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[a-z]+|\*\*|[-+*/()]|\S/gi) || [];
  let at = 0;
  const next = (token) => tokens[at] === token && (at += 1);
  const fail = () => { throw SyntaxError(text); };
  const sum = () => { let a = product(); while (true) if (next("+")) a += product(); else if (next("-")) a -= product(); else return a; };
  const product = () => { let a = signed(); while (true) if (next("*")) a *= signed(); else if (next("/")) a /= signed(); else return a; };
  const signed = () => next("-") ? -signed() : next("+") ? signed() : power();
  const power = () => { const a = value(); return next("**") ? a ** signed() : a; };
  const value = () => {
    if (next("(")) { const a = sum(); return next(")") ? a : fail(); }
    const token = tokens[at++], known = functions[String(token).toLowerCase()];
    if (typeof known === "function") { if (!next("(")) fail(); const a = known(sum()); return next(")") ? a : fail(); }
    return known !== undefined ? known : /^[\d.]/.test(token || "") ? Number(token) : fail();
  };
  try { const a = sum(); return at === tokens.length ? a : null; } catch { return null; }
}
/* Whether a typed number is the right one, rounded to the digits that were typed; null if these are too few. */
function roundsTo(text, value, right) {
  const written = /^[+-]?\d*(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(plain(text));
  if (!written || !Number.isFinite(right)) return false;
  const digits = (written[1] || "").length - Number(written[2] || 0), error = Math.abs(value - right) / (1 + 1e-9);
  if (error > 0.5 * 10 ** -digits) return false;
  if (value === 0) return digits >= 4;
  return error <= (digits > 0 ? tolerances.rounded : tolerances.roundedInteger) * Math.abs(right) || null;
}
const equal = (a, b, within) => Array.isArray(a) || Array.isArray(b) ? String(a) === String(b) && Array.isArray(a) === Array.isArray(b) : same(a, Number(b), within);
function judge(question, text) {
  if (text.trim() === "?") { question.said = question.advice; return; }
  const value = read(text, question);
  if (value === null) {
    question.said = Array.isArray(question.answer) ? "Please type a shape, such as (3, 4)." : "Please type a number, such as 0.5, -3/4 or 2 * 0.3.";
    return;
  }
  question.tries += 1;
  question.done = equal(value, question.answer);
  question.said = "Right.";
  const close = [tolerances.close, tolerances.right].map((within) => question.mistakes.find(([wrong]) => equal(value, wrong, within))), mistake = close.find(Boolean);
  const right = Number(question.answer), screen = question.screen;
  if (!question.done && !Array.isArray(value)) {
    const onScreen = screen !== null && (Math.min(right, screen) <= value && value <= Math.max(right, screen) || same(value, screen));
    const rounded = !onScreen && !close[0] && roundsTo(text, value, right);
    if (rounded === null && !close[1]) {
      question.tries -= 1;
      question.said = "Please type one more digit.";
      return;
    }
    question.done = onScreen || rounded === true;
    question.said = onScreen ? "Right, for the rounded numbers on the screen." : "Right, rounded.";
  }
  if (question.done) return;
  const shown = Array.isArray(value) ? `(${value.join(", ")}${value.length === 1 ? "," : ""})` : brief(value);
  question.said = `Not ${shown}. ${mistake ? mistake[1] : question.advice}`;
}
const prose = (text) => text.split("`").map((part, i) => i % 2 ? make("code", {}, part) : part);
function score() {
  const all = quiz.flat(), done = all.filter((q) => q.done);
  return `${done.filter((q) => q.tries === 1).length} of ${done.length} right at the first try`;
}
function ask(question, after) {
  const id = `question${quiz.flat().indexOf(question)}`;
  const input = make("input", { type: "text", autocomplete: "off", id, "aria-label": `${question.text} =`, "aria-describedby": `${id}said`, size: 12 });
  const form = make("form", { class: "row" }, make("label", { class: "formula", for: id }, `${question.text} = `), input,
    make("button", {}, "Check"), make("button", { type: "button", class: "reveal", title: "Show the answer", "aria-label": `Show ${question.text}` }, "Show"));
  const said = make("p", { class: "said", id: `${id}said` }, ...prose(question.said));
  const reveal = () => {
    question.tries = Infinity;
    question.done = true;
    question.said = "";
    after();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (/^(s|skip)$/i.test(input.value.trim())) { reveal(); return; }
    judge(question, input.value);
    if (question.done) { after(); return; }
    said.replaceChildren(...prose(question.said));
    $("status").textContent = question.said.replaceAll("`", "");
    input.select();
    said.scrollIntoView({ block: "nearest" });  // on a phone, it is below the screen
  });
  form.querySelector(".reveal").addEventListener("click", reveal);
  return make("div", { class: "question" }, form, said);
}

function make(tag, attributes = {}, ...inside) {
  const element = tag === "svg" || make.svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside.filter((x) => x !== null));
  return element;
}

// ---- the graph: drawn once; a step changes classes and the gradient line of a box

const boxes = [], edges = [];
function drawGraph() {
  if (!layout.boxes) { $("list").open = true; return; }
  const [width, height] = layout.size;
  make.svg = true;
  const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `The graph of ${nodes.length} nodes.${quiz.length ? "" : " The list of steps below contains the same information."}` });
  for (const [x, y, width, height, name] of layout.clusters) {
    svg.append(make("rect", { x, y, width, height, class: "module", rx: 9 }), make("text", { x: x + 9, y: y + 18, class: "module" }, name));
  }
  for (const [from, to, d] of layout.edges) {
    const path = make("path", { d, class: "edge" });
    svg.append(path);
    edges.push({ path, from, to, state: "" });
  }
  for (const [x, y, w, title, shape, ways] of layout.inputs) {  // data: no step of its own, and no gradient
    const inputs = ways.map(([to, d]) => {
      const path = make("path", { d, class: "edge past" });
      edges.push({ path, from: -1, to, state: "" });
      return path;
    });
    const text = (k, name, inside) => make("text", { x: x + w / 2, y: y + 18 + 17 * k, "text-anchor": "middle", class: name }, inside);
    const g = make("g", { class: "node data" }, make("rect", { x, y, width: w, height: layout.height - 17, rx: 7 }),
      text(0, "name", title), text(1, "value", shape));
    g.addEventListener("click", () => jump(ways[0][0]));
    svg.append(...inputs, g);
  }
  const passed = new Map();  // per pair of nodes, the edges seen so far
  edges.forEach((edge) => {
    const contributions = visits[edge.to].backward < Infinity ? backward[visits[edge.to].backward - forward.length][5] : [];
    const key = `${edge.from} ${edge.to}`, n = passed.get(key) || 0;
    edge.passes = n < contributions.filter(([to]) => to === edge.from).length;
    passed.set(key, n + 1);
  });
  layout.boxes.forEach((box, i) => {
    if (!box) { boxes.push(null); return; }
    const [x, y, w] = box, [, [title, value], kind] = nodes[i];
    const gradient = make("tspan");
    const line = (k, name, ...inside) => make("text", { x: x + w / 2, y: y + 18 + 17 * k, "text-anchor": "middle", class: name }, ...inside);
    const g = make("g", { class: "node", "data-node": i },
      make("rect", { x, y, width: w, height: layout.height, rx: 7 }),
      line(0, "name", title), line(1, "value", value), line(2, "gradient", gradient));
    g.addEventListener("click", () => jump(i));
    svg.append(g);
    boxes.push({ g, gradient, x, y, w, kind, odd: /^-?(nan|inf)$/.test(value), state: "", text: "", found: false });
  });
  make.svg = false;
  $("graph").hidden = $("legend").hidden = $("zoom").hidden = false;
  $("graph").append(svg);
  drawMap(svg);
  $("legend").textContent = "A box: name = operation; value or shape; its gradient, in italics until all contributions have arrived. Grey: data, which gets no gradient.";
}

function paint() {
  const back = here >= forward.length;
  boxes.forEach((box, i) => {
    if (!box) return;
    const t = visits[i], now = here === t.forward || here === t.backward;
    let state, text = "";
    if (!back) state = here >= t.forward ? "ready" : "later";
    else {
      let sum = null;
      for (const [at, total] of t.contributions) if (at <= here && !open(at)) sum = total;
      const complete = t.contributions.every(([at]) => at <= here && !open(at));
      if (here >= t.backward) sum = t.gradient;
      if (sum !== null) text = sum;
      state = here >= t.backward ? "done" : sum === null ? "ready" : complete ? "complete" : "partial";
    }
    if (now) state += " now";
    if (/^-?(nan|inf)$/.test(text.split(" = ").at(-1)) || box.odd && !state.startsWith("later")) state += " odd";
    state = `node ${box.kind} ${state}${box.found ? " found" : ""}`;
    if (state !== box.state) box.g.setAttribute("class", box.state = state);
    if (text !== box.text) box.gradient.textContent = box.text = text;
  });
  for (const edge of edges) {
    const f = visits[edge.to].forward, b = visits[edge.to].backward;
    let state = "edge";
    if (!back) state += f === here ? " now" : f < here ? " past" : "";
    else if (!edge.passes) state += " past";
    else state += b === here ? " giving" : b < here ? " gone" : " past";
    if (state !== edge.state) edge.path.setAttribute("class", edge.state = state);
  }
  const node = steps[here].s[0], box = boxes[node];
  if (box) {  // show it, with its inputs where they fit
    const view = $("graph"), near = [box, ...edges.filter((edge) => edge.to === node && boxes[edge.from]).map((edge) => boxes[edge.from])];
    const scrolled = (starts, sizes, start, room) => {
      let [low, high] = [Math.min(...starts), Math.max(...starts.map((at, i) => at + sizes[i]))].map((at) => at * scale);
      if (high - low > room - 20) [low, high] = [starts[0] * scale, (starts[0] + sizes[0]) * scale];
      return low < start + 10 || high > start + room - 10 ? (low + high - room) / 2 : start;
    };
    view.scrollLeft = scrolled(near.map((b) => b.x), near.map((b) => b.w), view.scrollLeft, view.clientWidth);
    view.scrollTop = scrolled(near.map((b) => b.y), near.map(() => layout.height), view.scrollTop, view.clientHeight);
  }
}

// ---- the size of the graph, a map of it where it does not fit, and its picture as a file

let scale = 1, frame = null;
function zoom(to) {
  const view = $("graph"), svg = view.querySelector("svg"), [width, height] = layout.size;
  const middle = [(view.scrollLeft + view.clientWidth / 2) / scale, (view.scrollTop + view.clientHeight / 2) / scale];
  scale = Math.max(0.05, Math.min(4, to));
  svg.setAttribute("width", width * scale);
  svg.setAttribute("height", height * scale);
  view.scrollLeft = middle[0] * scale - view.clientWidth / 2;
  view.scrollTop = middle[1] * scale - view.clientHeight / 2;
  $("percent").textContent = `${Math.round(scale * 100)} %`;
  moveFrame();
}
const fit = () => zoom(Math.min(1, ($("graph").clientWidth - 4) / layout.size[0], ($("graph").clientHeight - 4) / layout.size[1]));

function drawMap(svg) {
  const [width, height] = layout.size, k = Math.min(220 / width, 44 / height);
  make.svg = true;
  frame = make("rect", { class: "frame" });
  const map = make("svg", { width: width * k, height: height * k, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    ...[...layout.boxes.filter(Boolean), ...layout.inputs].map(([x, y, w]) => make("rect", { x, y, width: w, height: layout.height })), frame);
  make.svg = false;
  const to = (event) => {
    const r = map.getBoundingClientRect(), view = $("graph");
    view.scrollLeft = (event.clientX - r.left) / k * scale - view.clientWidth / 2;
    view.scrollTop = (event.clientY - r.top) / k * scale - view.clientHeight / 2;
  };
  map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); to(event); });
  map.addEventListener("pointermove", (event) => { if (event.buttons) to(event); });
  $("map").append(map);
  $("graph").addEventListener("scroll", moveFrame);
  new ResizeObserver(moveFrame).observe($("graph"));
}
function moveFrame() {
  const view = $("graph"), [width, height] = layout.size;
  $("map").hidden = width * scale <= view.clientWidth + 4 && height * scale <= view.clientHeight + 4;
  const place = { x: view.scrollLeft, y: view.scrollTop, width: view.clientWidth, height: view.clientHeight };
  for (const [name, length] of Object.entries(place)) frame.setAttribute(name, length / scale);
}

/* The graph as it is shown now: with the styles of the page, on its paper. */
function picture() {
  const svg = $("graph").querySelector("svg").cloneNode(true), [width, height] = layout.size;
  const styles = [...document.querySelectorAll("style")].map((style) => style.textContent).join("\n");
  const font = "svg { font: 12px ui-monospace, Menlo, Consolas, monospace; background: var(--paper); } text { fill: var(--ink); }";
  make.svg = true;
  svg.prepend(make("style", {}, `${styles.replaceAll("#graph ", "")}\n${font}`));
  make.svg = false;
  for (const [name, value] of Object.entries({ width, height, xmlns: "http://www.w3.org/2000/svg" })) svg.setAttribute(name, value);
  return new XMLSerializer().serializeToString(svg);
}
function download(blob, ending) {
  const link = make("a", { href: URL.createObjectURL(blob), download: `${place()}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const saveSVG = () => download(new Blob([picture()], { type: "image/svg+xml" }), "svg");
function savePNG() {
  const image = new Image(), [width, height] = layout.size, k = Math.min(2, 8000 / Math.max(width, height));
  image.onload = () => {
    const canvas = make("canvas", { width: width * k, height: height * k }), context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--paper");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => download(blob, "png"));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture())}`;
}

// ---- the address of a step: the page's own, with #forward-3 or #backward-2

let addressing = 0;
function address() {  // not at every step of a fast walk: browsers limit how often the address may change
  clearTimeout(addressing);
  if (window === window.top) addressing = setTimeout(() => history.replaceState(null, "", `#${place()}`), 300);
}
const place = () => here < forward.length ? `forward-${here + 1}` : `backward-${here - forward.length + 1}`;
function addressed() {
  const found = /^#(forward|backward)-(\d+)$/.exec(location.hash);
  if (!found) return null;
  const to = Number(found[2]) - 1 + (found[1] === "backward" ? forward.length : 0);
  return to >= 0 && to < steps.length ? to : null;
}

// ---- the program: a step lights its lines; a click on a line goes to its step

const lines = [];
function writeProgram() {
  if (!program.length) return;
  const code = make("code");
  program.forEach(([text, node, back]) => {
    const line = make("span", { class: "line" }, text || " ");
    if (node >= 0) {
      line.classList.add("of");
      line.addEventListener("click", () => { const to = back ? visits[node].backward : visits[node].forward; play(false); if (to < Infinity) go(to); });
    }
    code.append(line);
    lines.push({ line, node, back });
  });
  $("program").hidden = false;
  $("program").append(make("pre", {}, code));
}
function light() {
  const { s, back } = steps[here];
  const own = lines.some(({ node, back: b }) => node === s[0] && b === back);  // otherwise the line of the other pass
  let first = null, last = null;
  for (const { line, node, back: b } of lines) {
    const now = node === s[0] && (b === back || !own);
    line.classList.toggle("now", now);
    if (now && !first) first = line;
    if (now) last = line;
  }
  if (!first) return;
  const view = $("program"), room = view.clientHeight, at = first.offsetTop - view.offsetTop;
  const size = last.offsetTop - first.offsetTop + last.offsetHeight;
  if (at < view.scrollTop + 10 || at + size > view.scrollTop + room - 10) view.scrollTop = at - Math.max(10, (room - size) / 2);
}

// ---- the numbers of a step

const brief = (x) => {  // as `number` in formatting.py
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "-inf" : "inf";
  const size = Math.abs(x), all = String(x);
  const digits = all.length <= 7 ? all : size >= 9999.5 && size < 1e6 ? x.toFixed(0)
    : size >= 1e-4 && size < 1e6 ? String(Number(x.toPrecision(4))) : x.toExponential(3);
  return digits.replace("-", "−");
};

function figure(label, x, name) {
  if (x === null) return null;
  const caption = make("figcaption", {}, make("b", {}, label));
  if (!Array.isArray(x)) {
    caption.append(typeof x === "string" && Number.isNaN(Number(x)) && x !== "NaN" ? ` = ${x}` : ` = ${brief(Number(x))}`);
    return make("figure", { "data-name": name, "data-value": String(x) }, caption);
  }
  const array = arrays[x[0]];
  caption.append(` ${array.shape} ${array.type}`);
  const shown = make("figure", { "data-name": name, "data-array": x[0] }, caption);
  if (array.rows) {
    const body = array.rows.map((row) => make("tr", {}, ...row.map((v) => {
      const number = Number(v);
      return make("td", { class: Number.isFinite(number) ? "number" : "number odd", title: String(v) }, brief(number));
    })));
    shown.append(make("div", { class: "scroll" }, make("table", {}, make("tbody", {}, ...body))));
  } else shown.append(...heat(array));
  return shown;
}

const SHADES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+";
function heat({ shades, columns, of, top, ends, summary, shape }) {
  const half = (SHADES.length - 1) / 2, rows = shades.length / columns;
  const cell = Math.max(4, Math.min(14, Math.floor(280 / Math.max(columns, rows))));
  const canvas = make("canvas", { width: columns, height: rows, role: "img", "aria-label": `An array of shape ${summary}` });
  canvas.style.width = `${columns * cell}px`;
  const at = (k) => shades[k] === "-" ? NaN : (SHADES.indexOf(shades[k]) - half) / half;
  const image = canvas.getContext("2d"), pixels = image.createImageData(columns, rows);
  const [low, high] = [[0, 114, 178], [213, 94, 0]];
  for (let k = 0; k < shades.length; k++) {
    const v = at(k), end = v < 0 ? low : high;
    for (let c = 0; c < 3; c++) pixels.data[4 * k + c] = Number.isNaN(v) ? [204, 60, 200][c] : 247 + (end[c] - 247) * Math.abs(v);
    pixels.data[4 * k + 3] = 255;
  }
  image.putImageData(pixels, 0, 0);
  const under = make("span", { class: "number" });
  canvas.addEventListener("pointermove", (event) => {
    const r = canvas.getBoundingClientRect();
    const j = Math.min(columns - 1, Math.floor((event.clientX - r.left) / r.width * columns));
    const i = Math.min(rows - 1, Math.floor((event.clientY - r.top) / r.height * rows));
    const v = at(i * columns + j);
    under.textContent = Number.isNaN(v) ? "not finite" : `about ${brief(Number((v * top).toPrecision(2)))}`;
  });
  canvas.addEventListener("pointerleave", () => { under.textContent = ""; });
  const bar = make("i", { "aria-hidden": "true", class: ends[0] === 0 ? "up" : ends[1] === 0 ? "down" : "both" });
  const notes = [summary.slice(shape.length).trim()];
  if (of[0] !== rows || of[1] !== columns) notes.push(`${rows} by ${columns} of ${of[0]} by ${of[1]} elements`);
  else if (shape.split(",").length > 2) notes.push(`as ${rows} rows of ${columns}`);
  if (shades.includes("-")) notes.push("magenta: nan or inf");
  return [canvas,
    make("div", { class: "bar number" }, brief(ends[0]), bar, brief(ends[1]), under),
    make("figcaption", {}, notes.filter(Boolean).join("; "))];
}

const formula = (text) => make("p", { class: "formula" }, text);
const isArray = (x) => Array.isArray(x);

function show() {
  const { s, back } = steps[here], node = nodes[s[0]], name = node[0], d = node[1][2];
  const parts = [make("h2", {}, `${back ? "Backward" : "Forward"} ${back ? here - forward.length + 1 : here + 1}: ${s[1]}`)];
  if (texts[s[2]]) parts.push(make("p", { class: "primitive" }, texts[s[2]]));
  let announcement;
  if (!back) {
    const lines = s[3];
    parts.push(...lines.map(formula), make("div", { class: "arrays" }, figure(name, node[3], "value")));
    announcement = [s[1], ...lines];
  } else {
    const [, title, , gradient, short, contributions, lines, memory] = s;
    parts.push(make("div", { class: "arrays" }, figure(d, gradient, "gradient"), figure(name, node[3], "value")));
    if (node[2] === "leaf") parts.push(make("p", {}, "A leaf: backward() adds this gradient to its .grad."));
    parts.push(make("ol", { class: "contributions" }, ...contributions.map(([to, text, sum, value, total], k) => {
      const question = asked(here)[k];
      if (question && !question.done) return make("li", {}, ask(question, () => { paint(); show(); focus(); }));
      const li = make("li", {}, formula(text));
      if (question && question.said) li.prepend(make("p", { class: "said" }, question.said));
      if (sum) li.append(make("p", { class: "formula" }, sum));
      const label = text.split(/ \+?= /)[0];
      const figures = [figure(sum ? "this contribution" : label, value, "contribution"), sum ? figure(`${label} so far`, total, "total") : null];
      if (isArray(value) || isArray(total)) li.append(make("div", { class: "arrays" }, ...figures.filter(Boolean)));
      else figures.filter(Boolean).forEach((f) => { f.classList.add("unseen"); li.append(f); });
      return li;
    })));
    parts.push(...lines.map(formula));
    if (memory) parts.push(make("p", { class: "memory" }, `${memory}.`));
    announcement = [`${title}, its gradient: ${short}`, ...contributions.map(([, text, sum], k) => {
      const question = asked(here)[k];
      return question && !question.done ? `${question.text} = ?` : `${question && question.said ? `${question.said} ` : ""}${sum ? `${text}, ${sum}` : text}`;
    }), memory];
  }
  $("step").replaceChildren(...parts);
  const where = back ? `backward ${here - forward.length + 1} of ${backward.length}` : `forward ${here + 1} of ${forward.length}`;
  $("where").textContent = where;
  $("slider").value = here;
  $("slider").setAttribute("aria-valuetext", `${where}: ${s[1]}`);
  $("forward").setAttribute("aria-pressed", String(!back));
  $("backward").setAttribute("aria-pressed", String(back));
  $("first").disabled = $("back").disabled = here === 0;
  $("next").disabled = $("last").disabled = here === steps.length - 1;
  if (quiz.length) {
    $("next").disabled = $("next").disabled || here >= limit();
    $("last").disabled = $("last").disabled || here >= limit();
    const all = quiz.flat();
    $("score").textContent = all.some((q) => q.done) || !all.length ? score() : "";
    if (all.every((q) => q.done)) announcement.push(`The quiz is done: ${score()}`);
  }
  if (!timer) $("status").textContent = `${where}. ${announcement.filter(Boolean).join(". ")}`;
}

function go(to) {
  to = Math.max(0, Math.min(quiz.length ? limit() : steps.length - 1, to));
  if (to === here) { if (timer) play(false); return; }
  here = to;
  paint();
  light();
  show();
  mark();
  address();
  if (open(here) && !timer) focus();
}

/* Put the cursor into the next question; after the last one, on the button for the next step. */
function focus() {
  const input = $("step").querySelector(".question input");
  if (input) input.focus(); else $("next").focus();
}

/* Go to the step of a node, in the current pass if it has one there. */
function jump(node) {
  const t = visits[node], back = here >= forward.length;
  const to = back && t.backward < Infinity ? t.backward : back || t.forward === Infinity ? t.backward : t.forward;
  go(to < Infinity ? to : t.forward);
}

function play(on) {
  const was = timer;
  clearInterval(timer);
  timer = 0;
  if (on) {
    if (here === steps.length - 1) go(forward.length);
    timer = setInterval(() => here < steps.length - 1 ? go(here + 1) : play(false), 900);
  }
  $("play").textContent = on ? "Pause" : "Play";
  if (was && !on) show();  // and announce it
}

// ---- the list, built when it is opened

let rows = null;
function list() {
  if (rows || !$("list").open) return;
  rows = steps.map(({ s, back }, i) => {
    const button = make("button", {}, s[1]);
    button.addEventListener("click", () => go(i));
    const result = back ? s[4] : nodes[s[0]][1][1];
    return make("tr", {}, make("td", { class: "number" }, back ? `backward ${i - forward.length + 1}` : `forward ${i + 1}`),
      make("td", {}, button), make("td", { class: "number" }, result));
  });
  const head = make("thead", {}, make("tr", {}, ...["step", "node", "value or shape; gradient"].map((t) => make("th", { scope: "col" }, t))));
  $("list").querySelector("div").append(make("table", {}, head, make("tbody", {}, ...rows)));
  mark();
}
let marked = null;
function mark() {
  if (!rows) return;
  if (marked) marked.classList.remove("now");
  marked = rows[here];
  marked.classList.add("now");
  const view = $("list").querySelector("div"), at = marked.offsetTop - view.offsetTop;
  if (at < view.scrollTop || at + marked.offsetHeight > view.scrollTop + view.clientHeight) view.scrollTop = at - view.clientHeight / 2;
}

// ---- search

let hits = [], hit = -1;
function search() {
  const text = $("search").value.trim().toLowerCase();
  hits = text ? nodes.flatMap(([name, [title]], i) => `${name} ${title}`.toLowerCase().includes(text) ? [i] : []) : [];
  hit = -1;
  boxes.forEach((box, i) => { if (box) box.found = hits.includes(i); });
  $("found").textContent = text ? `${hits.length} found` : "";
  paint();
}

$("slider").max = steps.length - 1;
$("slider").addEventListener("input", () => { const to = Number($("slider").value); play(false); go(to); });
const actions = { first: () => go(0), back: () => go(here - 1), next: () => go(here + 1), last: () => go(steps.length - 1),
  forward: () => go(0), backward: () => go(forward.length), play: () => play(!timer),
  smaller: () => zoom(scale / 1.25), larger: () => zoom(scale * 1.25), fit, svg: saveSVG, png: savePNG };
for (const [id, act] of Object.entries(actions)) $(id).addEventListener("click", () => { if (id !== "play") play(false); act(); });
$("search").addEventListener("input", search);
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && hits.length) {
    hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
    play(false);
    jump(hits[hit]);
    $("found").textContent = `${hit + 1} of ${hits.length}`;
  } else if (event.key === "Escape") { $("search").value = ""; search(); $("search").blur(); }
});
$("list").addEventListener("toggle", list);
document.addEventListener("keydown", (event) => {
  const on = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || on.tagName === "INPUT" && on.id !== "slider" || on.id === "slider" && event.key !== " ") return;
  const act = { ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last" }[event.key];
  if (act) { $(act).click(); event.preventDefault(); }
  else if (event.key === " " && !["BUTTON", "SUMMARY"].includes(on.tagName)) { $("play").click(); event.preventDefault(); }
  else if (layout.boxes && { "+": 1, "-": 1, 0: 1 }[event.key]) $({ "+": "larger", "-": "smaller", 0: "fit" }[event.key]).click();
  else if (event.key === "/") { $("search").focus(); event.preventDefault(); }
});

drawGraph();
writeProgram();
if (quiz.length) $("list").hidden = true;  // it has all the answers
const asked_for = quiz.length ? null : addressed();
here = -1;
go(asked_for === null ? forward.length : asked_for);
window.addEventListener("hashchange", () => { const to = addressed(); if (to !== null) { play(false); go(to); } });
list();
if (quiz.length) focus();
