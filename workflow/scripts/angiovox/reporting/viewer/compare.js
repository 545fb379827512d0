// Surfaces of several methods: one upon another, or side by side and turned together.
import {
  Box3, BufferAttribute, BufferGeometry, Color, DoubleSide, Mesh, MeshPhongMaterial, Sphere, Vector3,
} from "three";
import { stage } from "./stage.js";

const GAP = 2; // pixels between cells

// points: Float32Array of LPS mm; triangles: Uint32Array.
function geometry(points, triangles) {
  const made = new BufferGeometry();
  made.setAttribute("position", new BufferAttribute(points, 3));
  made.setIndex(new BufferAttribute(triangles, 1));
  made.computeVertexNormals();
  return made;
}

function meshOf(layer) {
  const own = layer.geometry.clone(); // whose colours are its own
  const material = { shininess: 25, specular: 0x222222, side: DoubleSide };
  if (layer.colours) {
    const linear = layer.colours.map((colour) => new Color(colour));
    const values = new Float32Array(3 * layer.flags.length);
    layer.flags.forEach((flag, k) => linear[flag].toArray(values, 3 * k));
    own.setAttribute("color", new BufferAttribute(values, 3));
    return new Mesh(own, new MeshPhongMaterial({ ...material, vertexColors: true }));
  }
  const clear = layer.opacity < 1 ? { transparent: true, opacity: layer.opacity, depthWrite: false } : {};
  const mesh = new Mesh(own, new MeshPhongMaterial({ ...material, color: layer.colour, ...clear }));
  mesh.renderOrder = layer.opacity < 1 ? 1 : 0;
  return mesh;
}

function grid(count, width, height) {
  const places = Array.from({ length: count }, (_, k) => k + 1);
  const size = (columns) => Math.min(width / columns, height / Math.ceil(count / columns));
  const columns = places.reduce((best, each) => (size(each) > size(best) ? each : best), 1);
  return [columns, Math.max(1, Math.ceil(count / columns))];
}

// Layers have a title, a geometry (or null of what is empty), and a colour with an opacity, or two
// colours with a flag for each point.
export function compare(element, background) {
  let [layers, meshes, apart, titles] = [[], [], false, []];

  function cells() {
    const { clientWidth: width, clientHeight: height } = element;
    const count = apart ? Math.max(1, layers.length) : 1;
    const [columns, rows] = grid(count, width, height);
    const [across, down] = [width / columns, height / rows];
    return Array.from({ length: count }, (_, k) => ({
      left: (k % columns) * across, top: Math.floor(k / columns) * down, across, down,
    }));
  }

  function render(renderer, scene, camera) {
    const height = element.clientHeight;
    renderer.setScissorTest(false);
    renderer.setClearColor("#ffffff");
    renderer.clear();
    renderer.setScissorTest(true);
    cells().forEach(({ left, top, across, down }, k) => {
      const inner = [left + apart * GAP / 2, height - top - down + apart * GAP / 2, across - apart * GAP, down - apart * GAP];
      renderer.setViewport(...inner);
      renderer.setScissor(...inner);
      meshes.forEach((mesh, number) => mesh && (mesh.visible = !apart || number === k));
      renderer.render(scene, camera);
    });
  }

  const place = stage(element, background, {
    render,
    positions: () => meshes.filter(Boolean).map((mesh) => mesh.geometry.getAttribute("position")),
    aspect: () => cells()[0].across / cells()[0].down,
    frame: () => {
      const { across, down } = cells()[0];
      const title = apart ? 24 / down : 0; // above the letters
      return [0, title * (down / element.clientHeight), across / element.clientWidth, (1 - title) * (down / element.clientHeight)];
    },
  });
  if (!place) return null;

  function label() {
    titles.forEach((title) => title.remove());
    titles = [];
    if (!apart) return;
    const room = cells();
    titles = layers.map((layer, k) => {
      const title = document.createElement("span");
      title.className = "cell";
      title.textContent = layer.geometry ? layer.title : `${layer.title}: empty`;
      Object.assign(title.style, { left: `${room[k].left + 8}px`, top: `${room[k].top + 6}px`, maxWidth: `${room[k].across - 16}px` });
      element.append(title);
      return title;
    });
  }

  // fit: whether the camera moves to see all of it, from the side that it is at.
  function set(given, isApart, fit) {
    meshes.forEach((mesh) => {
      if (!mesh) return;
      place.scene.remove(mesh);
      mesh.geometry.dispose();
      mesh.material.dispose();
    });
    [layers, apart] = [given, isApart];
    meshes = layers.map((layer) => layer.geometry && meshOf(layer));
    meshes.forEach((mesh) => mesh && place.scene.add(mesh));
    const box = new Box3();
    meshes.forEach((mesh) => mesh && box.expandByObject(mesh));
    if (!box.isEmpty() && fit) {
      place.setBounds(box.getCenter(new Vector3()), box.getBoundingSphere(new Sphere()).radius);
    }
    place.resize();
    label();
    if (fit) place.fit();
  }

  place.setBounds(new Vector3(), 50);
  place.resize();
  place.look(0, 0);
  place.start();
  new ResizeObserver(label).observe(element);
  return { set, look: place.look, geometry };
}
