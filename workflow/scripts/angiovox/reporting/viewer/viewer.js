// The turnable model of a page: vessels coloured by certainty, with their centreline.
// Coordinates are the patient's (LPS, mm): x to the left, y to posterior, z to superior.
import {
  AmbientLight, BufferAttribute, BufferGeometry, Color, DirectionalLight, Group, LineBasicMaterial,
  LineSegments, Mesh, MeshPhongMaterial, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
  DoubleSide,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

const FIELD_OF_VIEW = 20; // degrees: nearly parallel, as a clinician's 3D view is
const MARGIN = 1.12; // of the model's size, around it at first
const LETTERS = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], S: [0, 0, 1], I: [0, 0, -1] };

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

function points(part, scale) {
  return Float32Array.from(new Int16Array(bytes(part)), (step) => step * scale);
}

function surface(model, first, count, name, shared) {
  const geometry = new BufferGeometry();
  for (const [key, attribute] of Object.entries(shared)) geometry.setAttribute(key, attribute);
  geometry.setIndex(new BufferAttribute(model.triangles.subarray(3 * first, 3 * (first + count)), 1));
  const material = new MeshPhongMaterial({ vertexColors: true, shininess: 25, specular: 0x222222, side: DoubleSide });
  const mesh = new Mesh(geometry, material);
  mesh.name = name;
  return mesh;
}

function colours(certainty, palette) {
  const linear = palette.map((colour) => new Color(colour));
  const result = new Float32Array(3 * certainty.length);
  certainty.forEach((level, k) => linear[level].toArray(result, 3 * k));
  return result;
}

export function show(element, data) {
  let renderer;
  try {
    renderer = new WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  } catch {
    return null;
  }
  const canvas = renderer.domElement;
  element.append(canvas);
  const scene = new Scene();
  scene.background = new Color(data.background);
  const model = new Group();
  const decoded = { triangles: new Uint32Array(bytes(data.triangles)) };
  const shared = {
    position: new BufferAttribute(points(data.points, data.scale), 3),
    color: new BufferAttribute(colours(new Uint8Array(bytes(data.certainty)), data.palette), 3),
  };
  const whole = new BufferGeometry();
  whole.setAttribute("position", shared.position);
  whole.setIndex(new BufferAttribute(decoded.triangles, 1));
  whole.computeVertexNormals();
  whole.computeBoundingSphere();
  shared.normal = whole.getAttribute("normal");
  const all = decoded.triangles.length / 3;
  const parts = {
    certain: surface(decoded, 0, data.certain, "certain", shared),
    undecided: surface(decoded, data.certain, all - data.certain, "undecided", shared),
  };
  const line = new BufferGeometry();
  line.setAttribute("position", new BufferAttribute(points(data.line, data.scale), 3));
  parts.centreline = new LineSegments(line, new LineBasicMaterial({ color: data.line_colour, depthTest: false }));
  parts.centreline.visible = false;
  parts.centreline.renderOrder = 1;
  model.add(parts.certain, parts.undecided, parts.centreline);
  scene.add(model, new AmbientLight(0xffffff, 1.3));
  const camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 1, 20000);
  const lamp = new DirectionalLight(0xffffff, 2.2);
  camera.add(lamp);
  lamp.position.set(0.4, 0.6, 1);
  scene.add(camera);
  camera.up.set(0, 0, 1);

  whole.computeBoundingBox();
  const centre = whole.boundingBox.getCenter(new Vector3());
  const radius = Math.max(whole.boundingSphere?.radius || 50, 1);
  const controls = new OrbitControls(camera, canvas);
  controls.enableDamping = false;
  controls.minDistance = radius * 0.3;
  controls.maxDistance = radius * 60;

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
    for (let k = 0; k < shared.position.count; k++) {
      place.fromBufferAttribute(shared.position, k).sub(centre);
      directions.forEach((direction, axis) => {
        const along = place.dot(direction);
        low[axis] = Math.min(low[axis], along);
        high[axis] = Math.max(high[axis], along);
      });
    }
    const middle = centre.clone();
    directions.forEach((each, axis) => middle.addScaledVector(each, (low[axis] + high[axis]) / 2));
    return [middle, low.map((bound, axis) => Math.max((high[axis] - bound) / 2, 1))];
  }

  function draw() {
    renderer.render(scene, camera);
    const [right, up] = axes();
    for (const { label, direction } of letters) {
      const [x, y] = [direction.dot(right), direction.dot(up)];
      const most = Math.max(Math.abs(x), Math.abs(y));
      label.style.opacity = most > 0.4 ? 0.9 : 0; // else it points at the viewer
      label.style.left = `${50 + (46 * x) / most}%`;
      label.style.top = `${50 - (46 * y) / most}%`;
    }
  }

  // Look from the detector of a C-arm at these angles (degrees, LAO and cranial positive).
  function look(primary, secondary) {
    const [p, s] = [(primary * Math.PI) / 180, (secondary * Math.PI) / 180];
    const direction = new Vector3(Math.sin(p) * Math.cos(s), -Math.cos(p) * Math.cos(s), Math.sin(s));
    controls.target.copy(centre);
    camera.position.copy(centre).addScaledVector(direction, radius);
    controls.update();
    const tangent = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const [middle, [width, height, depth]] = extents();
    const away = depth + (MARGIN * Math.max(height, width / camera.aspect)) / tangent;
    controls.target.copy(middle);
    camera.position.copy(middle).addScaledVector(direction, away);
    controls.update();
    draw();
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = element;
    if (!width || !height) return;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    renderer.setSize(width, height);
    camera.aspect = width / height;
    camera.updateProjectionMatrix();
    draw();
  }

  function toggle(name, on) {
    parts[name].visible = on;
    const clear = parts.centreline.visible;
    for (const each of [parts.certain, parts.undecided]) {
      each.material.transparent = clear;
      each.material.opacity = clear ? 0.3 : 1;
      each.material.depthWrite = !clear;
    }
    draw();
  }

  function turn(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const zoom = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 }[event.key];
    if (!(event.key in steps) && !zoom) return;
    event.preventDefault();
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
  element.addEventListener("keydown", turn);
  new ResizeObserver(resize).observe(element);
  resize();
  look(...data.first);
  return { look, toggle };
}
