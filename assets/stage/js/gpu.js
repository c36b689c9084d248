// The WebGL2 way of compose.js: the same arithmetic in a fragment shader. What does not change while a
// color is dragged, each pixel's place in OKLab and the light behind it, is worked out once: without
// a graphics card a power is what a pixel costs.

import { LINEAR } from "./compose.js";
import { linearToOklab } from "./color.js";

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0;
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler2D front, shaper, back;
uniform sampler3D table;
uniform vec2 low, high;
uniform float shade, nodes;
uniform int last;  // row
out vec4 result;
float shaped(float L) {
  float at = clamp(L, 0.0, 1.0) * 4095.0;
  float k = min(floor(at), 4094.0);
  float a = texelFetch(shaper, ivec2(int(k), 0), 0).r, b = texelFetch(shaper, ivec2(int(k) + 1, 0), 0).r;
  return mix(a, b, at - k);
}
vec3 look(vec3 lab) {
  vec2 tint = (lab.yz / max(lab.x, shade) - low) / (high - low);
  vec3 place = clamp(vec3(shaped(lab.x), tint), 0.0, 1.0);
  // the table's last axis runs fastest: its texture has z, y, x
  return texture(table, (place.zyx * (nodes - 1.0) + 0.5) / nodes).rgb;
}
vec3 linear(vec3 v) {
  return mix(pow((v + 0.055) / 1.055, vec3(2.4)), v / 12.92, lessThanEqual(v, vec3(0.04045)));
}
vec3 encoded(vec3 v) {
  return mix(1.055 * pow(v, vec3(1.0 / 2.4)) - 0.055, v * 12.92, lessThanEqual(v, vec3(0.0031308)));
}
void main() {
  ivec2 at = ivec2(int(gl_FragCoord.x), last - int(gl_FragCoord.y));
  vec4 F = texelFetch(front, at, 0);
  if (F.a == 0.0) { result = vec4(0.0); return; }
  vec3 light = F.a * linear(look(F.xyz)) + texelFetch(back, at, 0).rgb;
  result = vec4(encoded(light), 1.0);
}`;

/** A painter on an OffscreenCanvas; null where there is no WebGL2. @param layers of `spread`. */
export function webgl(canvas, layers) {
  const gl = canvas.getContext("webgl2", { premultipliedAlpha: false, preserveDrawingBuffer: true });
  const most = gl?.getParameter(gl.MAX_TEXTURE_SIZE) ?? 0;
  if (!gl || Math.max(canvas.width, canvas.height, 4096) > most) return null;
  const program = linked(gl, VERTEX, FRAGMENT);
  if (!program) return null;
  const { width, height } = canvas;
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  texture(gl, 0, gl.TEXTURE_2D, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, labOf(layers.F)));
  texture(gl, 3, gl.TEXTURE_2D, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, behind(layers)));
  gl.viewport(0, 0, width, height);
  gl.useProgram(program);
  gl.uniform1i(gl.getUniformLocation(program, "last"), height - 1);
  return {
    paint: (lut) => {
      load(gl, lut);
      use(gl, program, lut);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    },
    free: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

/** L, a, b of every pixel that is painted, and how much of it is. */
function labOf(front) {
  const out = new Float32Array(front.length);
  for (let k = 0; k < front.length; k += 4) {
    if (!front[k + 3]) continue;
    const lab = linearToOklab([LINEAR[front[k]], LINEAR[front[k + 1]], LINEAR[front[k + 2]]]);
    for (let c = 0; c < 3; c++) out[k + c] = lab[c];
    out[k + 3] = front[k + 3] / 255;
  }
  return out;
}

/** How much light is behind each pixel. */
function behind({ F, B }) {
  const out = new Float32Array(B.length);
  for (let k = 0; k < B.length; k += 4) for (let c = 0; c < 3; c++) out[k + c] = (1 - F[k + 3] / 255) * LINEAR[B[k + c]];
  return out;
}

function load(gl, { table, shaper }) {
  const nodes = nodesOf(table);
  texture(gl, 1, gl.TEXTURE_3D, () =>
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.RGB8, nodes, nodes, nodes, 0, gl.RGB, gl.UNSIGNED_BYTE, table), gl.LINEAR);
  texture(gl, 2, gl.TEXTURE_2D, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, shaper.length, 1, 0, gl.RED, gl.FLOAT, shaper));
}

const nodesOf = (table) => Math.round(Math.cbrt(table.length / 3));

/** The uniforms of a look. */
function use(gl, program, { low, high, shade, table }) {
  const place = (name) => gl.getUniformLocation(program, name);
  gl.useProgram(program);
  ["front", "table", "shaper", "back"].forEach((name, unit) => gl.uniform1i(place(name), unit));
  gl.uniform2fv(place("low"), low);
  gl.uniform2fv(place("high"), high);
  gl.uniform1f(place("shade"), shade);
  gl.uniform1f(place("nodes"), nodesOf(table));
}

/** The texture of a unit, filled; made where there is none. */
function texture(gl, unit, target, fill, filter = gl.NEAREST) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  if (!gl.getParameter(target === gl.TEXTURE_3D ? gl.TEXTURE_BINDING_3D : gl.TEXTURE_BINDING_2D)) gl.bindTexture(target, gl.createTexture());
  fill();
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) {
    if (side !== gl.TEXTURE_WRAP_R || target === gl.TEXTURE_3D) gl.texParameteri(target, side, gl.CLAMP_TO_EDGE);
  }
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, filter);
}

function linked(gl, ...sources) {
  const program = gl.createProgram();
  sources.forEach((source, k) => {
    const shader = gl.createShader(k ? gl.FRAGMENT_SHADER : gl.VERTEX_SHADER);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  });
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
