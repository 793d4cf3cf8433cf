// A classifier of pictures: drawn to by pointer or keys, or given a file; its classes as bars.
import { askJSON, element, path } from "/page/ask.js";

const SIZE = 280, PEN = 26, STEP = 14;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function classifier(name) {
  const bars = element("div", { "aria-live": "polite" }), alert = element("div", { role: "alert" });
  const see = async picture => {
    alert.textContent = "";
    try {
      const headers = { "Content-Type": picture.type };
      show(bars, await askJSON(path(name) + ":predict", { method: "POST", headers, body: picture }));
    } catch (error) { alert.textContent = error.message; }
  };
  const { paper, clear, put } = drawing(see, () => bars.replaceChildren());
  const take = file => { if (file) { see(file); put(file); } };
  paper.addEventListener("dragover", event => { event.preventDefault(); paper.classList.add("over"); });
  paper.addEventListener("dragleave", () => paper.classList.remove("over"));
  paper.addEventListener("drop", event => {
    event.preventDefault(); paper.classList.remove("over"); take(event.dataTransfer.files[0]);
  });
  const file = element("input", { type: "file", accept: "image/png,image/jpeg",
    onchange: event => take(event.target.files[0]) });
  return [
    element("div", {}, paper,
      element("p", { class: "quiet" }, "Draw, drop a picture, or use the keys: arrows move, Space puts the pen down or up."),
      element("div", { class: "row" },
        element("button", { type: "button", onclick: clear }, "Clear"),
        element("label", {}, "Picture", file))),
    element("div", {}, bars, alert)];
}

function show(bars, answer) {
  const ranked = Object.values(answer).find(Array.isArray) || [];
  bars.replaceChildren(...ranked.slice(0, 10).map(([label, share]) => {
    const bar = element("i"); bar.style.width = 100 * share + "%";
    return element("div", { class: "bar" }, element("span", {}, label), bar,
      element("span", {}, (100 * share).toFixed(1) + " %"));
  }));
}

/** A black square to draw on in white; `see` gets it as PNG after each stroke. */
function drawing(see, forget) {
  const canvas = element("canvas", { width: SIZE, height: SIZE, tabindex: 0, role: "img",
    "aria-label": "Draw here, or drop a picture" });
  const cursor = element("span", { class: "pen" });
  const paper = element("div", { class: "paper" }, canvas, cursor);
  const pen = canvas.getContext("2d");
  let at = [SIZE / 2, SIZE / 2], isDown = false, isPointer = false;
  const move = to => {
    if (isDown) {
      pen.strokeStyle = "#fff"; pen.lineWidth = PEN; pen.lineCap = "round";
      pen.beginPath(); pen.moveTo(...at); pen.lineTo(...to); pen.stroke();
    }
    at = to;
    cursor.style.left = 100 * at[0] / SIZE + "%"; cursor.style.top = 100 * at[1] / SIZE + "%";
    cursor.classList.toggle("down", isDown);
  };
  const lift = () => { if (isDown) canvas.toBlob(see, "image/png"); isDown = isPointer = false; move(at); };
  const clear = () => {
    isDown = false; pen.fillStyle = "#000"; pen.fillRect(0, 0, SIZE, SIZE); forget(); move([SIZE / 2, SIZE / 2]);
  };
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * SIZE / box.width, (event.clientY - box.top) * SIZE / box.height];
  };
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    isDown = false; move(place(event)); isDown = isPointer = true; move(at);
  });
  canvas.addEventListener("pointermove", event => { if (isPointer) move(place(event)); });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("keydown", event => {
    const way = KEYS[event.key];
    if (way) move(at.map((value, axis) => Math.min(SIZE, Math.max(0, value + STEP * way[axis]))));
    else if (event.key === " ") { if (isDown) lift(); else { isDown = true; move(at); } }
    else return;
    event.preventDefault();
  });
  const put = file => createImageBitmap(file).then(picture => {
    isDown = false; pen.drawImage(picture, 0, 0, SIZE, SIZE);
  }).catch(() => {});  // a picture that this browser cannot show may still be one to the server
  clear();
  return { paper, clear, put };
}
