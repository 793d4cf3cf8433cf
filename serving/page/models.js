// The page: every model with its versions, traffic, card, and the tools that its signatures allow.
import { askJSON, element, path } from "/page/ask.js";
import { card } from "/page/card.js";
import { classifier } from "/page/classifier.js";
import { painter, walker } from "/page/painter.js";
import { rate, trafficLine, watchTraffic } from "/page/traffic.js";
import { writer } from "/page/writer.js";

const PAUSE = 5000;
const isImage = tensor => tensor.codec && tensor.codec.name === "image";
const names = tensors => tensors.filter(tensor => !tensor.codec || tensor.codec.name !== "class")
  .map(tensor => tensor.name).sort().join();

/** What a model is asked for follows from its signatures alone. */
function tools(name, signatures) {
  const by = Object.fromEntries(signatures.map(signature => [signature.name, signature]));
  const main = by.serving_default, found = [];
  if (main && main.inputs.length === 1 && isImage(main.inputs[0])) found.push(...classifier(name));
  if (by.step) found.push(...writer(name));
  if (by.sample && by.sample.outputs.some(isImage) && names(by.sample.inputs) === "count,seed") {
    found.push(painter(name, by.sample));
  }
  if (main && main.outputs.some(isImage) && names(main.inputs) === "latent") found.push(walker(name, main));
  return found.length ? found :
    [element("p", { class: "quiet" }, "Asked by program alone: " + signatures.map(one => one.name).join(", "))];
}

function section(name) {
  const states = element("span", { class: "row" });
  const traffic = trafficLine();
  const body = element("div");
  const made = element("section", { "aria-label": name },
    element("div", { class: "title" }, element("h2", {}, name), states, traffic.shown), body);
  let shownVersion = null;
  const show = async versions => {
    states.replaceChildren(...versions.map(one => element("span",
      { class: one.state === "READY" ? "state ready" : "state" },
      `version ${one.version} ${(one.reason || one.state).toLowerCase()}`)));
    const newest = versions.find(one => one.state === "READY");
    if ((newest ? newest.version : "") === shownVersion) return;
    shownVersion = newest ? newest.version : "";
    if (!newest) { body.replaceChildren("No version is available."); return; }
    try {
      const told = await askJSON(`${path(name)}/card`);
      body.replaceChildren(element("p", { class: "quiet" }, told.figures || ""),
        element("div", { class: "tools" }, ...tools(name, told.signatures)), card(told, name));
    } catch (error) { body.replaceChildren(error.message); shownVersion = null; }
  };
  return { made, show, traffic };
}

function start() {
  const main = document.querySelector("main"), total = document.querySelector("#total");
  const sections = new Map(), rates = new Map();
  const look = async () => {
    try {
      const index = await askJSON("/v2/repository/index", { method: "POST" });
      const there = [...new Set(index.map(one => one.name))];
      for (const name of there) if (!sections.has(name)) sections.set(name, section(name));
      for (const name of sections.keys()) if (!there.includes(name)) sections.delete(name);
      const wanted = there.map(name => sections.get(name).made);
      if (wanted.some((one, place) => main.children[place] !== one) || main.children.length !== wanted.length
          || !wanted.length) {
        main.replaceChildren(...wanted);
        if (!wanted.length) main.textContent = "No model yet: keras-export puts them into the folder.";
      }
      await Promise.all(there.map(name => sections.get(name).show(index.filter(one => one.name === name))));
    } catch (error) { total.textContent = "The server does not answer: " + error.message; }
    setTimeout(look, PAUSE);
  };
  look();
  watchTraffic((name, change) => {
    rates.set(name, change.perSecond);
    if (sections.has(name)) sections.get(name).traffic.add(change);
    total.textContent = rate([...rates.values()].reduce((sum, one) => sum + one, 0));
  });
}

start();
