// What a version says of itself: figures, signatures with inputs and outputs, the proof.
import { element } from "/page/ask.js";

export function card(told, name) {
  const shape = tensor => "[" + tensor.shape.join(", ") + "]";
  const tensors = told.signatures.flatMap(signature => [["takes", signature.inputs], ["gives", signature.outputs]]
    .flatMap(([verb, list]) => list.map((tensor, index) => [
      verb === "takes" && !index ? element("code", { title: signature.summary }, signature.name) : "",
      verb, element("code", {}, tensor.name), tensor.dtype + " " + shape(tensor), limits(tensor)])));
  const proofs = Object.entries(Object.groupBy(told.proof, proof => proof.runtime)).map(([runtime, list]) => {
    const sum = field => list.reduce((total, proof) => total + proof[field], 0);
    return [runtime, Math.max(...list.map(proof => proof.largest_relative_error)).toExponential(1),
      sum("decisions_agreeing").toLocaleString() + " of " + sum("decisions").toLocaleString(),
      sum("decisions_tied") || "none"];
  });
  return element("details", {}, element("summary", {}, "Card"),
    element("p", {}, told.figures || "No figures: it was exported from a file."),
    element("p", { class: "quiet" }, "Version " + told.version + (told.family ? ", family " + told.family : "") +
      ", exported " + new Date(told.created).toLocaleString()),
    element("h3", {}, "Signatures"), table(["signature", "", "name", "dtype and shape", "values"], tensors),
    element("h3", {}, "Held to what Keras computed"),
    table(["runtime", "largest error, of the spread", "decisions that agree", "ties"], proofs),
    element("p", {}, element("a", { href: `/v1/models/${encodeURIComponent(name)}/metadata` }, "metadata"), " · ",
      element("a", { href: `/v1/models/${encodeURIComponent(name)}/card` }, "card"), " as JSON"));
}

function limits(tensor) {
  if (tensor.codec && tensor.codec.settings.classes) {
    const classes = tensor.codec.settings.classes;
    return classes.slice(0, 10).join(", ") + (classes.length > 10 ? ", …" : "");
  }
  const { minimum, maximum } = tensor;
  if (minimum === null && maximum === null) return "";
  if (maximum === null) return "at least " + minimum;
  return minimum === null ? "at most " + maximum : minimum + " to " + maximum;
}

function table(heads, rows) {
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map(head => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows.map(row =>
      element("tr", {}, ...row.map(cell => element("td", {}, cell)))))));
}
