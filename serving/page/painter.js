// A generator of pictures: a grid of a seed and a class, and a walk between two latents.
import { classPicker, element, newestOnly, number, showPicture } from "/page/ask.js";

/** A grid of pictures by `sample`, which takes `seed` and `count`. */
export function painter(name, signature) {
  const [label, seed] = number("seed", { min: 0, value: 1 });
  const picture = element("img", { class: "grid", alt: "generated pictures" });
  const alert = element("div", { role: "alert" });
  const classes = classPicker(signature);
  const paint = newestOnly(async () => {
    const inputs = { seed: +seed.value, count: 16 };
    if (classes) inputs[classes.name] = +classes.select.value;
    await showing(alert, showPicture(picture, name, signature.name, inputs));
  });
  const form = element("form", { onsubmit: event => { event.preventDefault(); paint(); } },
    element("div", { class: "row" }, label, ...(classes ? [classes.label] : []),
      element("button", { class: "main" }, "Make 16")), picture, alert);
  if (classes) classes.select.addEventListener("change", paint);
  paint();
  return form;
}

/** A slider between the latents of two seeds, in `serving_default`, which takes `latent`. */
export function walker(name, signature) {
  const latent = signature.inputs.find(tensor => tensor.name === "latent");
  const [fromLabel, from] = number("from", { min: 0, value: 1 });
  const [toLabel, to] = number("to", { min: 0, value: 2 });
  const slider = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0,
    "aria-label": "way between the two" });
  const picture = element("img", { class: "walked", alt: "generated picture on the way" });
  const alert = element("div", { role: "alert" });
  const classes = classPicker(signature);
  const walk = newestOnly(async () => {
    const ends = [from, to].map(seed => normal(+seed.value, latent.shape[1]));
    const inputs = { latent: [between(...ends, +slider.value)] };
    if (classes) inputs[classes.name] = [+classes.select.value];
    await showing(alert, showPicture(picture, name, signature.name, inputs));
  });
  for (const input of [from, to, slider, ...(classes ? [classes.select] : [])]) {
    input.addEventListener("input", walk);
  }
  walk();
  return element("div", { class: "walk" },
    element("div", { class: "row" }, fromLabel, toLabel, ...(classes ? [classes.label] : [])),
    slider, picture, alert);
}

async function showing(alert, shown) {
  alert.textContent = "";
  try { await shown; } catch (error) { alert.textContent = error.message; }
}

/** On the great circle between two latents: its points are as likely as the ends are. */
function between(from, to, share) {
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(from, to) / Math.sqrt(dot(from, from) * dot(to, to)))));
  if (angle < 1e-6) return from;
  const [a, b] = [Math.sin((1 - share) * angle), Math.sin(share * angle)].map(part => part / Math.sin(angle));
  return from.map((value, index) => a * value + b * to[index]);
}

/** Normal numbers of a seed (mulberry32 and Box and Muller): the page's own, not `sample`'s. */
function normal(seed, length) {
  let state = Math.imul(seed + 1, 0x9E3779B1) >>> 0;
  const uniform = () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length }, () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
