// A generator of text: it goes on with a prompt, and the text is shown as it comes.
import { ask, element, number, path } from "/page/ask.js";

export function writer(name) {
  const prompt = element("textarea", { rows: 3, "aria-label": "Prompt", placeholder: "How the text begins" });
  const heat = element("input", { type: "range", min: 0, max: 2, step: 0.05, value: 0.8 });
  const told = element("output", {}, heat.value);
  heat.addEventListener("input", () => { told.textContent = heat.value; });
  const [lengthLabel, length] = number("length", { min: 1, max: 100000, value: 400 });
  const [seedLabel, seed] = number("seed", { min: 0, value: 1 });
  const text = element("pre", { "aria-label": "Text", tabindex: 0 });
  const alert = element("div", { role: "alert" });
  const stop = element("button", { type: "button", disabled: true, onclick: () => running.abort() }, "Stop");
  let running = null;
  const write = async event => {
    event.preventDefault();
    if (running) running.abort();
    const mine = running = new AbortController();
    alert.textContent = ""; text.textContent = prompt.value; stop.disabled = false;
    const body = JSON.stringify({ prompt: prompt.value, temperature: +heat.value,
      length: +length.value, seed: +seed.value });
    try {
      const answer = await ask(path(name) + ":stream", { method: "POST", body, signal: mine.signal });
      for await (const piece of pieces(answer)) {
        text.append(piece); text.scrollTop = text.scrollHeight;
      }
    } catch (error) { if (error.name !== "AbortError") alert.textContent = error.message; }
    if (running === mine) stop.disabled = true;
  };
  return [element("form", { onsubmit: write }, prompt,
    element("div", { class: "row" },
      element("label", {}, "temperature", heat, told), lengthLabel, seedLabel),
    element("div", { class: "row" }, element("button", { class: "main" }, "Go on"), stop), alert),
    text];
}

/** Yields the texts in an answer of server-sent events. */
async function* pieces(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const one of events) if (one.startsWith("data: ")) yield JSON.parse(one.slice(6)).text;
  }
}
