// The WebGL2 way of compose.js: the same arithmetic in a fragment shader.

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0;
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler2D front, back, shaper;
uniform sampler3D table;
uniform vec2 low, high;
uniform float shade, nodes;
uniform vec2 size;
out vec4 result;
vec3 linear(vec3 v) {
  return mix(pow((v + 0.055) / 1.055, vec3(2.4)), v / 12.92, lessThanEqual(v, vec3(0.04045)));
}
vec3 encoded(vec3 v) {
  return mix(1.055 * pow(v, vec3(1.0 / 2.4)) - 0.055, v * 12.92, lessThanEqual(v, vec3(0.0031308)));
}
vec3 oklab(vec3 c) {
  vec3 lms = pow(max(vec3(0.0), vec3(
    dot(c, vec3(0.4122214708, 0.5363325363, 0.0514459929)),
    dot(c, vec3(0.2119034982, 0.6806995451, 0.1073969566)),
    dot(c, vec3(0.0883024619, 0.2817188376, 0.6299787005)))), vec3(1.0 / 3.0));
  return vec3(
    dot(lms, vec3(0.2104542553, 0.793617785, -0.0040720468)),
    dot(lms, vec3(1.9779984951, -2.428592205, 0.4505937099)),
    dot(lms, vec3(0.0259040371, 0.7827717662, -0.808675766)));
}
float shaped(float L) {
  float at = clamp(L, 0.0, 1.0) * 4095.0;
  float k = min(floor(at), 4094.0);
  float a = texelFetch(shaper, ivec2(int(k), 0), 0).r, b = texelFetch(shaper, ivec2(int(k) + 1, 0), 0).r;
  return mix(a, b, at - k);
}
void main() {
  ivec2 at = ivec2(int(gl_FragCoord.x), int(size.y) - 1 - int(gl_FragCoord.y));
  vec4 F = texelFetch(front, at, 0);
  if (F.a == 0.0) { result = vec4(0.0); return; }
  vec3 lab = oklab(linear(F.rgb));
  vec2 tint = (lab.yz / max(lab.x, shade) - low) / (high - low);
  vec3 place = clamp(vec3(shaped(lab.x), tint), 0.0, 1.0);
  // the table's last axis runs fastest: its texture has z, y, x
  vec3 node = (place.zyx * (nodes - 1.0) + 0.5) / nodes;
  vec3 color = linear(texture(table, node).rgb);
  vec3 light = F.a * color + (1.0 - F.a) * linear(texelFetch(back, at, 0).rgb);
  result = vec4(encoded(light), 1.0);
}`;

/** A painter on an OffscreenCanvas; null where there is no WebGL2. */
export function webgl(canvas, { F, B }) {
  const gl = canvas.getContext("webgl2", { premultipliedAlpha: false, preserveDrawingBuffer: true });
  const most = gl?.getParameter(gl.MAX_TEXTURE_SIZE) ?? 0;
  if (!gl || Math.max(canvas.width, canvas.height, 4096) > most) return null;
  const program = linked(gl);
  if (!program) return null;
  gl.useProgram(program);
  const { width, height } = canvas;
  texture(gl, 0, program, "front", gl.TEXTURE_2D, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes(F)));
  texture(gl, 1, program, "back", gl.TEXTURE_2D, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes(B)));
  return {
    paint: (lut) => draw(gl, program, lut, width, height),
    free: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

const bytes = (clamped) => new Uint8Array(clamped.buffer, clamped.byteOffset, clamped.length);

function draw(gl, program, lut, width, height) {
  const nodes = Math.round(Math.cbrt(lut.table.length / 3));
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  texture(gl, 2, program, "table", gl.TEXTURE_3D, () =>
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.RGB8, nodes, nodes, nodes, 0, gl.RGB, gl.UNSIGNED_BYTE, lut.table),
    gl.LINEAR);
  texture(gl, 3, program, "shaper", gl.TEXTURE_2D, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, lut.shaper.length, 1, 0, gl.RED, gl.FLOAT, lut.shaper));
  const place = (name) => gl.getUniformLocation(program, name);
  gl.uniform2fv(place("low"), lut.low);
  gl.uniform2fv(place("high"), lut.high);
  gl.uniform1f(place("shade"), lut.shade);
  gl.uniform1f(place("nodes"), nodes);
  gl.uniform2f(place("size"), width, height);
  gl.viewport(0, 0, width, height);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}

function texture(gl, unit, program, name, target, fill, filter = gl.NEAREST) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  program[name] ??= gl.createTexture();
  gl.bindTexture(target, program[name]);
  fill();
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) {
    if (side !== gl.TEXTURE_WRAP_R || target === gl.TEXTURE_3D) gl.texParameteri(target, side, gl.CLAMP_TO_EDGE);
  }
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, filter);
  gl.uniform1i(gl.getUniformLocation(program, name), unit);
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
