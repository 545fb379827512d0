(function () {
  for (const box of document.querySelectorAll("[data-outline]")) {
    const set = () => document.body.classList.toggle(`hide-${box.dataset.outline}`, !box.checked);
    box.addEventListener("change", set);
    set();
  }
  const element = document.getElementById("viewer");
  const data = JSON.parse(document.getElementById("model-data").textContent);
  const model = data.triangles ? viewer.show(element, data) : null;
  if (!model) {
    element.insertAdjacentHTML("beforeend", data.triangles
      ? "<p>This browser cannot draw the model (no WebGL). The same surface is in artery.glb.</p>"
      : "<p>No voxel reaches the probability of 0.5, so there is no surface to show.</p>");
    return;
  }
  for (const box of document.querySelectorAll("[data-part]")) {
    const set = () => model.toggle(box.dataset.part, box.checked);
    box.addEventListener("change", set);
    set();
  }
  for (const button of document.querySelectorAll("[data-look]")) {
    button.addEventListener("click", () => model.look(...button.dataset.look.split(" ").map(Number)));
  }
})();
