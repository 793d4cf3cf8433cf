// Questions to the server, and the few pieces that every tool on the page is made of.

export const path = name => "/v1/models/" + encodeURIComponent(name);

/** Asks, and throws what the server says where it refuses. */
export async function ask(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

export const askJSON = async (url, options) => (await ask(url, options)).json();

/** Makes an element: attributes that begin with "on" are listeners. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Makes a labelled number: [the label to show, the input to read]. */
export function number(label, attributes) {
  const input = element("input", { type: "number", ...attributes });
  return [element("label", {}, label, input), input];
}

/** Runs `work` for the newest wish only: what comes in between while it works is left out. */
export function newestOnly(work) {
  let isBusy = false, isWanted = false;
  return async () => {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    while (isWanted) {
      isWanted = false;
      await work();
    }
    isBusy = false;
  };
}

/** Asks for the picture that a signature makes, and shows it. */
export async function showPicture(picture, name, signature, inputs) {
  const body = JSON.stringify({ signature_name: signature, inputs });
  const headers = { Accept: "image/png" };
  const answer = await ask(path(name) + ":predict", { method: "POST", headers, body });
  const before = picture.src;
  picture.src = URL.createObjectURL(await answer.blob());
  if (before) URL.revokeObjectURL(before);
}

/** Makes a class picker of an input with class names; none where the signature takes no class. */
export function classPicker(signature) {
  const input = signature.inputs.find(tensor => tensor.codec && tensor.codec.name === "class");
  if (!input) return null;
  const select = element("select");
  if (input.minimum < 0) select.append(element("option", { value: input.minimum }, "each in turn"));
  input.codec.settings.classes.forEach((one, index) =>
    select.append(element("option", { value: index }, one)));
  return { label: element("label", {}, "class", select), select, name: input.name };
}
