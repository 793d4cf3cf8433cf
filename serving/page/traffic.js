// Requests a second and latency of every model, from the differences of the server's metrics.
import { ask, element } from "/page/ask.js";

const METRICS = "/monitoring/prometheus/metrics";
const COUNT = ":tensorflow:serving:request_count", LATENCY = ":tensorflow:serving:request_latency_bucket";
const PAUSE = 2000, KEPT = 40;

/** Starts looking; calls `show` with model, requests a second and latencies in milliseconds. */
export function watchTraffic(show) {
  let before = null;
  const look = async () => {
    if (!document.hidden) {
      try {
        const now = read(await (await ask(METRICS)).text());
        if (before) for (const [model, found] of now.models) show(model, change(before, now, model, found));
        before = now;
      } catch { before = null; }  // the server is restarting: begin again when it answers
    }
    setTimeout(look, PAUSE);
  };
  look();
}

function read(text) {
  const models = new Map();
  const of = model => {
    if (!models.has(model)) models.set(model, { count: 0, buckets: new Map() });
    return models.get(model);
  };
  for (const line of text.split("\n")) {
    const found = /^([\w:]+)\{(.*)\} (\S+)$/.exec(line);
    if (!found || (found[1] !== COUNT && found[1] !== LATENCY)) continue;
    const labels = Object.fromEntries([...found[2].matchAll(/(\w+)="((?:\\.|[^"\\])*)"/g)]
      .map(([, name, value]) => [name, value.replace(/\\(.)/g, "$1")]));
    const model = of(labels.model_name);
    if (found[1] === COUNT) model.count += +found[3];
    else model.buckets.set(labels.le, (model.buckets.get(labels.le) || 0) + +found[3]);
  }
  return { models, seconds: performance.now() / 1000 };
}

function change(before, now, model, found) {
  const old = before.models.get(model) || { count: 0, buckets: new Map() };
  const buckets = [...found.buckets].map(([limit, total]) =>
    [limit === "+Inf" ? Infinity : +limit, total - (old.buckets.get(limit) || 0)]).sort((a, b) => a[0] - b[0]);
  return {
    perSecond: Math.max(0, found.count - old.count) / (now.seconds - before.seconds),
    half: quantile(buckets, 0.5), most: quantile(buckets, 0.99),
  };
}

/** Milliseconds below which a share of requests was answered, within a bucket by proportion. */
function quantile(buckets, share) {
  const wanted = share * (buckets.length ? buckets.at(-1)[1] : 0);
  if (!(wanted > 0)) return null;
  let [below, counted] = [0, 0];
  for (const [limit, total] of buckets) {
    if (total >= wanted) {
      const within = limit === Infinity ? below : below + (limit - below) * (wanted - counted) / (total - counted);
      return within / 1000;
    }
    [below, counted] = [limit, total];
  }
  return null;
}

/** What a model's heading shows of its traffic: a line of the last values, and the newest. */
export function trafficLine() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  svg.setAttribute("viewBox", `0 0 ${KEPT} 20`); svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true"); svg.append(line);
  const text = element("span", { class: "quiet" });
  const values = [];
  const shown = element("span", { class: "traffic" }, svg, text);
  return { shown, add: ({ perSecond, half, most }) => {
    values.push(perSecond);
    if (values.length > KEPT) values.shift();
    const top = Math.max(...values, 1);
    line.setAttribute("points", values.map((value, index) =>
      `${KEPT - values.length + index},${19 - 18 * value / top}`).join(" "));
    text.textContent = rate(perSecond) + (half === null ? "" : `, half in ${ms(half)}, 99 % in ${ms(most)}`);
  } };
}

export const rate = perSecond => perSecond.toFixed(perSecond < 10 ? 1 : 0) + " requests/s";
const ms = milliseconds => milliseconds.toFixed(milliseconds < 10 ? 1 : 0) + " ms";
