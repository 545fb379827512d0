// Three planes through the volume, with the masks' outlines.
// Arrays are (x, y, z), x to the patient's left, y to posterior, z to superior; z is innermost.
const SLICES = (() => {
  const PLANES = { // across and down the page, and whether that axis is turned round
    Axial: { through: 2, across: 0, down: 1, turned: false, letters: "RLAP" },
    Coronal: { through: 1, across: 0, down: 2, turned: true, letters: "RLSI" },
    Sagittal: { through: 0, across: 1, down: 2, turned: true, letters: "APSI" },
  };
  const WIDTH = 384; // pixels of a canvas
  let [data, layers, place] = [null, [], [0, 0, 0]];

  function build(name, plane) {
    const figure = document.createElement("figure");
    const letters = [..."wens"].map((side, k) => `<b class="${side}" aria-hidden="true">${plane.letters[k]}</b>`).join("");
    figure.innerHTML = `<div class="stack"><canvas role="img"></canvas>${letters}</div>
      <label><span></span><input type="range" min="0" step="1"></label>`;
    byId("planes").append(figure);
    const [canvas, slider, text] = ["canvas", "input", "span"].map((each) => figure.querySelector(each));
    Object.assign(plane, { name, canvas, slider, text });
    slider.addEventListener("input", () => move(plane.through, Number(slider.value)));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      move(plane.through, place[plane.through] + Math.sign(event.deltaY));
    }, { passive: false });
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const [across, down] = [plane.across, plane.down].map((axis, k) => Math.floor(share[k] * data.shape[axis]));
      place[plane.across] = clamp(plane.across, across);
      move(plane.down, plane.turned ? data.shape[plane.down] - 1 - down : down);
    });
  }

  const clamp = (axis, value) => Math.min(Math.max(value, 0), data.shape[axis] - 1);

  function move(axis, value) {
    if (!data) return;
    place[axis] = clamp(axis, value);
    Object.values(PLANES).forEach(draw);
  }

  // The number of a voxel by its row and column on the page.
  function indexer(plane) {
    const strides = [data.shape[1] * data.shape[2], data.shape[2], 1];
    const base = place[plane.through] * strides[plane.through];
    const last = data.shape[plane.down] - 1;
    return (column, row) => base + column * strides[plane.across] + (plane.turned ? last - row : row) * strides[plane.down];
  }

  function outline(context, mask, index, [columns, rows], [width, height]) {
    const inside = (column, row) => column >= 0 && row >= 0 && column < columns && row < rows && mask[index(column, row)];
    context.beginPath();
    for (let row = 0; row <= rows; row++) {
      for (let column = 0; column <= columns; column++) {
        const here = inside(column, row);
        const [x, y] = [column * width, row * height];
        if (Boolean(here) !== Boolean(inside(column - 1, row))) context.moveTo(x, y), context.lineTo(x, y + height);
        if (Boolean(here) !== Boolean(inside(column, row - 1))) context.moveTo(x, y), context.lineTo(x + width, y);
      }
    }
    context.stroke();
  }

  function grey(index, [columns, rows]) {
    const small = document.createElement("canvas");
    [small.width, small.height] = [columns, rows];
    const image = new ImageData(columns, rows);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = (data.values[index(column, row)] * 255) / (STUDY.greys - 1);
        image.data.set([value, value, value, 255], 4 * (row * columns + column));
      }
    }
    small.getContext("2d").putImageData(image, 0, 0);
    return small;
  }

  function cross(context, plane, [width, height]) {
    const last = data.shape[plane.down] - 1;
    const row = plane.turned ? last - place[plane.down] : place[plane.down];
    const [x, y] = [(place[plane.across] + 0.5) * width, (row + 0.5) * height];
    context.setLineDash([3, 5]);
    context.strokeStyle = "#ffffff66";
    context.beginPath();
    context.moveTo(x, 0), context.lineTo(x, context.canvas.height);
    context.moveTo(0, y), context.lineTo(context.canvas.width, y);
    context.stroke();
    context.setLineDash([]);
  }

  function draw(plane) {
    const size = [data.shape[plane.across], data.shape[plane.down]];
    const mm = [data.voxel_mm[plane.across], data.voxel_mm[plane.down]];
    const { canvas, slider, text, name } = plane;
    canvas.width = WIDTH;
    canvas.height = Math.round((WIDTH * size[1] * mm[1]) / (size[0] * mm[0]));
    const pixel = [canvas.width / size[0], canvas.height / size[1]];
    const [context, index] = [canvas.getContext("2d"), indexer(plane)];
    context.drawImage(grey(index, size), 0, 0, canvas.width, canvas.height);
    context.lineWidth = 2;
    if (byId("outlines").checked) {
      for (const { mask, colour } of [...layers].reverse()) { // the truth above the others
        context.strokeStyle = colour;
        outline(context, mask, index, size, pixel);
      }
    }
    context.lineWidth = 1;
    cross(context, plane, pixel);
    const [here, all] = [place[plane.through] + 1, data.shape[plane.through]];
    Object.assign(slider, { max: all - 1, value: here - 1 });
    text.textContent = `${name}, slice ${here} of ${all}`;
    canvas.ariaLabel = `${text.textContent}, with outlines of ${layers.map((layer) => layer.title).join(", ") || "nothing"}`;
  }

  // The slices with most of the truth, for a patient that is looked at for the first time.
  function fullest(mask) {
    const [a, b, c] = data.shape;
    const counts = data.shape.map((size) => new Uint32Array(size));
    for (let k = 0; k < mask.length; k++) {
      if (!mask[k]) continue;
      counts[0][Math.floor(k / (b * c))]++;
      counts[1][Math.floor(k / c) % b]++;
      counts[2][k % c]++;
    }
    return counts.map((count) => count.indexOf(Math.max(...count)));
  }

  async function show(given, shown, views, isLast) {
    const masks = await Promise.all(shown.map((method) => maskOf(given, method, views)));
    const values = await once(given, "greys", () => unpack(given.greys, Uint8Array));
    const truth = await maskOf(given, "truth", views);
    if (!isLast()) return;
    const isNew = !data || data.name !== given.name;
    data = { ...given, values };
    if (isNew) place = fullest(truth);
    layers = shown.map((method, k) => ({ mask: masks[k], colour: STUDY.layers[method].line, title: STUDY.layers[method].title }));
    Object.values(PLANES).forEach(draw);
    byId("outline-legend").replaceChildren(...layers.map(key));
  }

  function key({ colour, title }) {
    const made = document.createElement("span");
    const swatch = document.createElement("i");
    swatch.style.background = colour;
    made.append(swatch, title);
    return made;
  }

  Object.entries(PLANES).forEach(([name, plane]) => build(name, plane));
  byId("outlines").addEventListener("change", () => data && Object.values(PLANES).forEach(draw));
  return { show, move };
})();
