// The page of the playground: sends the program to the worker and shows what comes back.
const $ = (id) => document.getElementById(id);
const START = "from minigrad import Value\n\n";
const EXAMPLES = {
  "Two numbers": `a = Value(2.0, label="a")
b = Value(-3.0, label="b")
c = a * b + 7.0
L = c.tanh()
L.backward()
print("dL/da =", a.grad)
print("dL/db =", b.grad)`,
  "Used twice: why gradients add up": `a = Value(3.0, label="a")
b = a + a
c = b * a
c.backward()
print("dc/da =", a.grad)`,
  "One neuron": `x1, x2 = Value(2.0), Value(-1.0)
w1, w2 = Value(-0.5), Value(1.0)
bias = Value(1.5)
neuron = (w1 * x1 + w2 * x2 + bias).tanh()
neuron.backward()`,
  "ReLU: on and off": `x = Value(0.7, label="x")
on = (2.0 * x).relu()
off = (-3.0 * x).relu()
y = on + off
y.backward()
print("dy/dx =", x.grad)`,
  "Gradient descent": `x = Value(3.0, label="x")
learning_rate = 0.2
for i in range(10):
    loss = (x - 1.0) ** 2
    x.grad = 0.0
    loss.backward()
    x.data -= learning_rate * x.grad
    print(f"step {i}: loss {loss.data:.4f}, x {x.data:.4f}")
(x - 1.0) ** 2`,
};

let worker = null, running = false, first = true;

function say(text) { $("status").textContent = text; }

function start(then) {
  say("Loading Python…");
  $("run").disabled = true;
  worker = new Worker("worker.js", { type: "module" });
  worker.onerror = (event) => say(`Python could not be loaded. ${event.message || ""}`);
  worker.onmessage = ({ data }) => {
    if (data.failed) say(`Python could not be loaded. ${data.failed}`);
    if (data.ready) { say("Ready."); $("run").disabled = false; then(); }
    if (data.result) finish(data.result);
  };
}

function run() {
  if ($("run").disabled) return;
  running = true;
  $("run").disabled = true;
  $("stop").disabled = false;
  document.body.classList.add("stale");
  say("Running…");
  worker.postMessage($("program").value);
}

function stop() {
  worker.terminate();
  ended();
  print("", "Stopped.");
  start(() => {});
}

function ended() {
  running = false;
  $("run").disabled = false;
  $("stop").disabled = true;
  document.body.classList.remove("stale");
}

function finish(result) {
  ended();
  say(result.error ? "The program ended with an error." : "Done.");
  print(result.output, result.error || "");
  const note = result.note || "";
  $("note").textContent = note;
  $("note").hidden = !note || Boolean(result.error);
  picture(result.picture);
  pages.step = result.step || "";
  pages.quiz = result.quiz || "";
  for (const name of ["step", "quiz"]) $(name).replaceChildren();
  fill();
}

function print(output, error) {
  const wrong = document.createElement("span");
  wrong.className = "error";
  wrong.textContent = error;
  $("output").replaceChildren(output, wrong);
  $("output").hidden = !output && !error;
  if (error) $("output").scrollTop = $("output").scrollHeight;
}

// ---- the graph: an image, so that nothing in it can run; never smaller than one can read

function picture(svg) {
  $("picture").replaceChildren();
  $("legend").hidden = !svg;
  if (!svg) return;
  const image = new Image(), url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  image.alt = "The graph of the result: each operation with its value, and the local derivatives";
  image.onload = () => { image.style.minWidth = `${Math.round(0.7 * image.naturalWidth)}px`; URL.revokeObjectURL(url); };
  image.src = url;
  $("picture").append(image);
}

// ---- the tabs; a page is made when its tab is first opened, so that a quiz begins then

const pages = { step: "", quiz: "" };
const tabs = [...document.querySelectorAll("[role=tab]")];
let open = "graph";

function select(tab) {
  open = tab.getAttribute("aria-controls");
  for (const each of tabs) {
    each.setAttribute("aria-selected", String(each === tab));
    each.tabIndex = each === tab ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = each !== tab;
  }
  fill();
}

function fill() {
  if (!pages[open] || $(open).firstChild) return;
  const frame = document.createElement("iframe");
  frame.title = open === "step" ? "The backward pass, step by step" : "The backward pass as a quiz";
  frame.setAttribute("sandbox", "allow-scripts allow-forms allow-downloads");
  frame.srcdoc = pages[open];
  $(open).append(frame);
}

tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const by = { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[key];
    if (by) { const to = tabs[(i + by) % tabs.length]; select(to); to.focus(); }
  });
});

// ---- the program

$("program").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  if (event.ctrlKey || event.metaKey) { event.preventDefault(); run(); return; }
  if (event.isComposing || event.shiftKey || event.altKey) return;
  event.preventDefault();  // the next line is indented as this one, or one level more after a colon
  const { value, selectionStart } = event.target, line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  const indent = /^ */.exec(line)[0] + (line.trimEnd().endsWith(":") ? "    " : "");
  if (!document.execCommand("insertText", false, `\n${indent}`)) event.target.setRangeText(`\n${indent}`, selectionStart, event.target.selectionEnd, "end");
});
$("run").addEventListener("click", run);
$("stop").addEventListener("click", stop);
$("link").addEventListener("click", async () => {
  const url = new URL(location.href);
  url.hash = `program=${encodeURIComponent($("program").value)}`;
  history.replaceState(null, "", url);
  try { await navigator.clipboard.writeText(url.href); say("The link is copied."); } catch { say("The link is in the address bar."); }
});
$("example").append(...Object.keys(EXAMPLES).map((name) => new Option(name)));
$("example").addEventListener("change", () => {
  $("program").value = START + EXAMPLES[$("example").value] + "\n";
  history.replaceState(null, "", location.pathname + location.search);
  run();
});

const given = /^#program=(.*)$/s.exec(location.hash);
$("program").value = given ? decodeURIComponent(given[1]) : START + Object.values(EXAMPLES)[0] + "\n";
if (given) $("example").selectedIndex = -1;

const runtime = location.protocol === "file:" ? null : await (await fetch("runtime.json")).json();
if (runtime && runtime.pyodide) start(() => { if (!given) run(); });  // a program from a link waits for its reader
else if (runtime) say("This copy of the page has no Python yet. To add it: python docs/playground/make.py");
