// The chosen patient: surfaces in the viewer, and what else follows from the controls.
const STUDY = JSON.parse(document.getElementById("study").textContent);
const byId = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const boxes = [...document.querySelectorAll("#layers input")];
const held = new Map(); // of each patient what was unpacked

function patientData(number) {
  if (!held.has(number)) {
    held.set(number, { ...JSON.parse(byId(`patient-${number}`).textContent), unpacked: new Map() });
  }
  return held.get(number);
}

function once(data, key, unpackIt) {
  if (!data.unpacked.has(key)) data.unpacked.set(key, unpackIt());
  return data.unpacked.get(key);
}

function runOf(data, method, views) {
  return method === "truth" ? data.truth : data.runs[`${method} ${views}`];
}

function voxels(data) {
  return data.shape.reduce((product, size) => product * size);
}

function maskOf(data, method, views) {
  return once(data, `mask ${method} ${views}`, () => unpackBits(runOf(data, method, views).mask, voxels(data)));
}

function surfaceOf(data, method, views) {
  return once(data, `surface ${method} ${views}`, async () => {
    const packed = runOf(data, method, views).surface;
    if (!packed) return null;
    const surface = await unpackSurface(packed);
    return { ...surface, geometry: STAGE.geometry(surface.points, surface.triangles) };
  });
}

// Which points of the truth every one of the methods misses.
async function missedByAll(data, methods, views, count) {
  const each = await Promise.all(methods.map((method) => unpackBits(runOf(data, method, views).missed, count)));
  return Uint8Array.from({ length: count }, (_, k) => (each.length && each.every((flags) => flags[k]) ? 1 : 0));
}

async function layerOf(data, method, views, shown) {
  const surface = await surfaceOf(data, method, views);
  const own = STUDY.layers[method];
  const iou = runOf(data, method, views).iou;
  const title = own.title + (typeof iou === "number" ? `, IoU ${iou.toFixed(2)}` : "");
  const layer = { title, geometry: surface && surface.geometry, colour: own.colour, opacity: 1 };
  if (!surface) return layer;
  const others = shown.filter((each) => each !== "truth");
  const isTruth = method === "truth";
  if (chosen("colouring") === "errors" && !(isTruth && !others.length)) {
    layer.colours = isTruth ? STUDY.truth_colours : STUDY.found_colours;
    layer.flags = isTruth ? await missedByAll(data, others, views, surface.count)
      : await unpackBits(runOf(data, method, views).false, surface.count);
  } else if (isTruth && others.length && chosen("arrangement") === "together") layer.opacity = 0.35;
  return layer;
}

function shownMethods(data, views) {
  return boxes.filter((box) => box.checked && runOf(data, box.value, views)).map((box) => box.value);
}

function describe(data, views) {
  for (const box of boxes) {
    const run = runOf(data, box.value, views);
    box.disabled = !run;
    box.parentElement.classList.toggle("absent", !run);
    const value = box.parentElement.querySelector("output");
    if (!value) continue;
    const known = run && typeof run.iou === "number";
    value.textContent = !run ? `not from ${views} views` : run.surface ? (known ? run.iou.toFixed(3) : "") : "empty";
  }
}

let turn = 0; // of what is asked for last: slower answers to earlier questions are dropped
let fitted = -1;
async function update() {
  const mine = ++turn;
  const number = Number(byId("patient").value);
  const data = patientData(number);
  const views = Number(chosen("views"));
  describe(data, views);
  const shown = shownMethods(data, views);
  byId("error-legend").hidden = chosen("colouring") !== "errors";
  const layers = STAGE ? await Promise.all(shown.map((method) => layerOf(data, method, views, shown))) : [];
  if (mine !== turn) return;
  if (STAGE) STAGE.set(layers, chosen("arrangement") === "apart", fitted !== number);
  fitted = number;
  await SLICES.show(data, shown, views, () => mine === turn);
  if (mine !== turn) return;
  byId("status").textContent = `${data.name}, ${views} views: ${shown.map((method) => STUDY.layers[method].title).join(", ") || "nothing"} shown.`;
  document.body.dataset.ready = String(mine);
}

const STAGE = viewer.compare(byId("viewer"), STUDY.background);
if (!STAGE) byId("viewer").insertAdjacentHTML("beforeend", "<p>This browser cannot draw surfaces (no WebGL). They are in meshes/ beside this page.</p>");
