// Figures that enlarge, and the controls of the reconstructions.
(() => {
  const buttons = [...document.querySelectorAll(".gallery button")];
  const [dialog, image, sheet] = [byId("enlarged"), byId("enlarged-image"), document.querySelector(".sheet")];
  let shown = 0;

  function show(number) {
    shown = (number + buttons.length) % buttons.length;
    const own = buttons[shown].querySelector("img");
    [image.src, image.alt] = [own.src, own.alt];
    byId("enlarged-title").textContent = buttons[shown].dataset.title;
    sheet.classList.remove("full");
    if (!dialog.open) dialog.showModal();
  }

  buttons.forEach((button, number) => button.addEventListener("click", () => show(number)));
  byId("previous").addEventListener("click", () => show(shown - 1));
  byId("next").addEventListener("click", () => show(shown + 1));
  byId("close").addEventListener("click", () => dialog.close());
  image.addEventListener("click", () => sheet.classList.toggle("full"));
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || (sheet.classList.contains("full") && event.target === sheet)) return;
    event.preventDefault();
    show(shown + step);
  });

  byId("patient").addEventListener("change", update);
  for (const input of document.querySelectorAll("#views input, #arrangement input, #colouring input, #layers input")) {
    input.addEventListener("change", update);
  }
  for (const button of document.querySelectorAll("[data-look]")) {
    button.addEventListener("click", () => STAGE && STAGE.look(...button.dataset.look.split(" ").map(Number)));
  }
  update();
})();
