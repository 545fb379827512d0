// Arrays that packing.py has packed.
async function planes(text) {
  const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackPlain(text, Kind) {
  const bytes = await planes(text);
  const values = new Kind(bytes.length / Kind.BYTES_PER_ELEMENT);
  for (let plane = 0; plane < Kind.BYTES_PER_ELEMENT; plane++) {
    for (let k = 0; k < values.length; k++) values[k] |= bytes[plane * values.length + k] << (8 * plane);
  }
  return values;
}

async function unpack(text, Kind) {
  const values = await unpackPlain(text, Kind);
  for (let k = 1; k < values.length; k++) values[k] += values[k - 1];
  return values;
}

async function unpackBits(text, count) {
  const bytes = await unpack(text, Uint8Array);
  return Uint8Array.from({ length: count }, (_, k) => (bytes[k >> 3] >> (7 - (k & 7))) & 1);
}

async function unpackSurface(packed) {
  const codes = await unpack(packed.points, Uint16Array);
  const count = codes.length / 3;
  const points = Float32Array.from({ length: codes.length }, (_, k) =>
    packed.low[k % 3] + packed.step * codes[(k % 3) * count + Math.floor(k / 3)]);
  const first = await unpack(packed.triangles[0], Uint32Array);
  const second = await unpackPlain(packed.triangles[1], Uint32Array);
  const third = await unpackPlain(packed.triangles[2], Uint32Array);
  const triangles = new Uint32Array(3 * first.length);
  first.forEach((corner, k) => triangles.set([corner, corner + second[k], corner + third[k]], 3 * k));
  return { points, triangles, count };
}
