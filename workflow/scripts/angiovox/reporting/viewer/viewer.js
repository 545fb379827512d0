// The turnable model of a page: vessels coloured by certainty, with their centreline.
import {
  BufferAttribute, BufferGeometry, Color, DoubleSide, Group, LineBasicMaterial, LineSegments, Mesh,
  MeshPhongMaterial, Vector3,
} from "three";
import { bytes, stage } from "./stage.js";

export { compare } from "./compare.js";

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
  const model = new Group();
  const decoded = { triangles: new Uint32Array(bytes(data.triangles)) };
  const shared = {
    position: new BufferAttribute(points(data.points, data.scale), 3),
    color: new BufferAttribute(colours(new Uint8Array(bytes(data.certainty)), data.palette), 3),
  };
  const place = stage(element, data.background, {
    render: (renderer, scene, camera) => renderer.render(scene, camera),
    positions: () => [shared.position],
  });
  if (!place) return null;
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
  place.scene.add(model);
  whole.computeBoundingBox();
  place.setBounds(whole.boundingBox.getCenter(new Vector3()), whole.boundingSphere?.radius);

  function toggle(name, on) {
    parts[name].visible = on;
    const clear = parts.centreline.visible;
    for (const each of [parts.certain, parts.undecided]) {
      each.material.transparent = clear;
      each.material.opacity = clear ? 0.3 : 1;
      each.material.depthWrite = !clear;
    }
    place.draw();
  }

  place.start();
  place.resize();
  place.look(...data.first);
  return { look: place.look, toggle };
}
