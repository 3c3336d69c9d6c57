// Python in a thread of its own: an endless loop does not stop the page, which ends the thread instead.
import { loadPyodide } from "./runtime/pyodide.js";
import { instance } from "./runtime/viz.js";

const load = async (name, as) => {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer[as]();
};

async function start() {
  const [pyodide, viz, library, session, runtime] = await Promise.all([
    loadPyodide({ indexURL: new URL("runtime/", import.meta.url).href }), instance(),
    load("minigrad.zip", "arrayBuffer"), load("session.py", "text"), load("runtime.json", "json"),
  ]);
  pyodide.unpackArchive(library, "zip", { extractDir: "/playground" });
  pyodide.FS.writeFile("/playground/session.py", session);
  for (const name of runtime.packages) await pyodide.loadPackage(name);
  pyodide.runPython("import sys; sys.path.insert(0, '/playground')");
  const found = pyodide.pyimport("session");
  found.draw_with((source, engine) => viz.renderString(source, { format: "svg", engine }));
  withoutNetwork();
  return found;
}

/* A program may come with a link, from anyone: it computes, but it asks no server in the reader's name. */
function withoutNetwork() {
  const names = ["fetch", "XMLHttpRequest", "WebSocket", "WebTransport", "EventSource", "Worker", "importScripts",
    "indexedDB", "caches", "BroadcastChannel", "Request"];
  for (let at = self; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of names) if (Object.hasOwn(at, name)) Object.defineProperty(at, name, { value: undefined });
}

const session = start();
session.then(() => postMessage({ ready: true }), (error) => postMessage({ failed: String(error) }));
onmessage = async ({ data }) => {
  const found = await session;
  postMessage({ result: JSON.parse(found.run(data)) });
};
