// What the turnable models of all pages share: camera, light, controls, keys and letters of the axes.
// Coordinates are the patient's (LPS, mm): x to the left, y to posterior, z to superior.
import {
  AmbientLight, Color, DirectionalLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

const FIELD_OF_VIEW = 20; // degrees: nearly parallel, as a clinician's 3D view is
const MARGIN = 1.12; // of the model's size, around it at first
const LETTERS = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], S: [0, 0, 1], I: [0, 0, -1] };

export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

// A stage in an element; null where the browser has no WebGL. `render` draws the scene, `positions`
// lists the points (attributes) that are to be seen. `frame` is the part of the element that the letters
// of the axes stand around: left, top, width and height as shares.
export function stage(element, background, { render, positions, aspect, frame = () => [0, 0, 1, 1] }) {
  let renderer;
  try {
    renderer = new WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  } catch {
    return null;
  }
  const canvas = renderer.domElement;
  element.append(canvas);
  const scene = new Scene();
  scene.background = new Color(background);
  scene.add(new AmbientLight(0xffffff, 1.3));
  const camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 1, 20000);
  const lamp = new DirectionalLight(0xffffff, 2.2);
  camera.add(lamp);
  lamp.position.set(0.4, 0.6, 1);
  scene.add(camera);
  camera.up.set(0, 0, 1);
  const centre = new Vector3();
  let radius = 50;
  let fitted = false; // and not moved by its user, whose view a new shape of the element keeps
  const controls = new OrbitControls(camera, canvas);
  controls.enableDamping = false;

  const letters = Object.entries(LETTERS).map(([letter, direction]) => {
    const label = document.createElement("span");
    label.className = "axis";
    label.textContent = letter;
    label.ariaHidden = "true";
    element.append(label);
    return { label, direction: new Vector3(...direction) };
  });

  function axes() {
    camera.updateMatrixWorld();
    return [0, 1].map((column) => new Vector3().setFromMatrixColumn(camera.matrixWorld, column));
  }

  // The middle of the model as the camera sees it, and half its width, height and depth.
  function extents() {
    const directions = [...axes(), new Vector3().setFromMatrixColumn(camera.matrixWorld, 2)];
    const [low, high] = [[0, 0, 0], [0, 0, 0]];
    const place = new Vector3();
    for (const points of positions()) {
      for (let k = 0; k < points.count; k++) {
        place.fromBufferAttribute(points, k).sub(centre);
        directions.forEach((direction, axis) => {
          const along = place.dot(direction);
          low[axis] = Math.min(low[axis], along);
          high[axis] = Math.max(high[axis], along);
        });
      }
    }
    const middle = centre.clone();
    directions.forEach((each, axis) => middle.addScaledVector(each, (low[axis] + high[axis]) / 2));
    return [middle, low.map((bound, axis) => Math.max((high[axis] - bound) / 2, 1))];
  }

  function draw() {
    render(renderer, scene, camera);
    const [right, up] = axes();
    for (const { label, direction } of letters) {
      const [x, y] = [direction.dot(right), direction.dot(up)];
      const most = Math.max(Math.abs(x), Math.abs(y));
      label.style.opacity = most > 0.4 ? 0.9 : 0; // else it points at the viewer
      const [left, top, across, down] = frame();
      label.style.left = `${100 * left + across * (50 + (46 * x) / most)}%`;
      label.style.top = `${100 * top + down * (50 - (46 * y) / most)}%`;
    }
  }

  // The whole model in sight, from the side that the camera is at.
  function fit(direction = camera.position.clone().sub(controls.target).normalize()) {
    controls.target.copy(centre);
    camera.position.copy(centre).addScaledVector(direction, radius);
    controls.update();
    const tangent = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const [middle, [width, height, depth]] = extents();
    const away = depth + (MARGIN * Math.max(height, width / camera.aspect)) / tangent;
    controls.target.copy(middle);
    camera.position.copy(middle).addScaledVector(direction, away);
    controls.update();
    fitted = true;
    draw();
  }

  // Look from the detector of a C-arm at these angles (degrees, LAO and cranial positive).
  function look(primary, secondary) {
    const [p, s] = [(primary * Math.PI) / 180, (secondary * Math.PI) / 180];
    fit(new Vector3(Math.sin(p) * Math.cos(s), -Math.cos(p) * Math.cos(s), Math.sin(s)));
  }

  function setBounds(middle, size) {
    centre.copy(middle);
    radius = Math.max(size || 50, 1);
    controls.minDistance = radius * 0.3;
    controls.maxDistance = radius * 60;
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = element;
    if (!width || !height) return;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    renderer.setSize(width, height);
    const before = camera.aspect;
    camera.aspect = aspect ? aspect(width, height) : width / height;
    camera.updateProjectionMatrix();
    if (fitted && camera.aspect !== before) fit();
    else draw();
  }

  function turn(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const zoom = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 }[event.key];
    if (!(event.key in steps) && !zoom) return;
    event.preventDefault();
    fitted = false;
    const away = camera.position.clone().sub(controls.target);
    if (zoom) away.multiplyScalar(zoom);
    else {
      const [across, up] = steps[event.key];
      const angle = (5 * Math.PI) / 180;
      away.applyAxisAngle(camera.up, across * angle);
      const right = new Vector3().crossVectors(camera.up, away).normalize();
      const tilted = away.clone().applyAxisAngle(right, -up * angle);
      if (Math.abs(tilted.clone().normalize().z) < 0.99) away.copy(tilted);
    }
    camera.position.copy(controls.target).add(away);
    controls.update();
    draw();
  }

  controls.addEventListener("change", draw);
  controls.addEventListener("start", () => (fitted = false));
  element.addEventListener("keydown", turn);
  return {
    scene, draw, fit, look, resize, setBounds,
    start: () => new ResizeObserver(resize).observe(element),
  };
}
