"""Headless Chromium for tests: runs shaders on its software GPU and reads the numbers back.

A test module says ``pytest_plugins = ("browser",)`` and takes the fixture ``browser``. Without
Chromium those tests are skipped with a printed reason. The browser lives on a thread of its own, so
that Playwright's event loop is never the tests'.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--force-color-profile=srgb",
    "--autoplay-policy=no-user-gesture-required",
)

_RUN = """
async ({text, width, height, uniforms, textures, floats, repeat}) => {
  const gl = (globalThis.gl ||= new OffscreenCanvas(1, 1).getContext('webgl2'));
  if (!gl) throw new Error('no WebGL2');
  if (floats && !gl.getExtension('EXT_color_buffer_float')) throw new Error('no float targets');
  const bytes = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  const compile = (type, source) => {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    return shader;
  };
  const start = performance.now();
  const vertex = compile(gl.VERTEX_SHADER, `#version 300 es
    void main() {
      gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0, 1);
    }`);
  const fragment = compile(gl.FRAGMENT_SHADER, text);
  const program = gl.createProgram();
  gl.attachShader(program, vertex);
  gl.attachShader(program, fragment);
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS))
    throw new Error(`shader: ${gl.getShaderInfoLog(fragment)} ${gl.getProgramInfoLog(program)}`);
  gl.useProgram(program);
  const made = [];
  const texture = (unit, internal, w, h, format, type, data) => {
    const t = gl.createTexture();
    made.push(t);
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, t);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, w, h, 0, format, type, data);
    return t;
  };
  for (const [name, value] of Object.entries(uniforms)) {
    const at = gl.getUniformLocation(program, name);
    if (at) gl[`uniform${value.length}f`](at, ...value);
  }
  textures.forEach(({name, width: w, height: h, words, data}, k) => {
    const raw = bytes(data).buffer;
    if (words)
      texture(k + 1, gl.R32UI, w, h, gl.RED_INTEGER, gl.UNSIGNED_INT, new Uint32Array(raw));
    else
      texture(k + 1, gl.R32F, w, h, gl.RED, gl.FLOAT, new Float32Array(raw));
    gl.uniform1i(gl.getUniformLocation(program, name), k + 1);
  });
  const target = floats
    ? texture(0, gl.RGBA32F, width, height, gl.RGBA, gl.FLOAT, null)
    : texture(0, gl.RGBA32UI, width, height, gl.RGBA_INTEGER, gl.UNSIGNED_INT, null);
  const frame = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target, 0);
  gl.viewport(0, 0, width, height);
  const result = new (floats ? Float32Array : Uint32Array)(width * height * 4);
  const read = () => floats
    ? gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, result)
    : gl.readPixels(0, 0, width, height, gl.RGBA_INTEGER, gl.UNSIGNED_INT, result);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  read();
  const first = performance.now() - start;
  for (let k = 0; k < repeat; k++) { gl.drawArrays(gl.TRIANGLES, 0, 3); read(); }
  const each = repeat ? (performance.now() - start - first) / repeat : 0;
  const error = gl.getError();
  made.forEach((t) => gl.deleteTexture(t));
  gl.deleteFramebuffer(frame);
  gl.deleteProgram(program);
  gl.deleteShader(vertex);
  gl.deleteShader(fragment);
  if (error || gl.isContextLost()) throw new Error(`WebGL error ${error}`);
  const raw = new Uint8Array(result.buffer);
  let out = '';
  for (let k = 0; k < raw.length; k += 32768)
    out += String.fromCharCode(...raw.subarray(k, k + 32768));
  return {pixels: btoa(out), first, each};
}
"""


class Browser:
    """A page in headless Chromium.

    Attributes
    ----------
    timing : dict
        Of the last shader, in ms: ``first`` (compile, draw, read back), ``each`` (further draws).
    """

    def __init__(self, executable: str) -> None:
        self._thread = ThreadPoolExecutor(1, "browser")
        self.timing: dict[str, float] = {}
        try:
            self._thread.submit(self._open, executable).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def _open(self, executable: str) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        try:
            self._chromium = self._playwright.chromium.launch(
                executable_path=executable, headless=True, args=list(FLAGS)
            )
            self._page = self._chromium.new_page()
        except BaseException:
            self._playwright.stop()
            raise

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return ``function(page, *args)``, called on the browser's thread."""
        return self._thread.submit(function, self._page, *args).result()

    def new_page(self) -> Any:
        """Open another page; use it inside `call` only."""
        return self._thread.submit(self._chromium.new_page).result()

    def close(self) -> None:
        """Close the browser."""

        def stop() -> None:
            self._chromium.close()
            self._playwright.stop()

        self._thread.submit(stop).result()
        self._thread.shutdown()

    def run_shader(
        self,
        text: str,
        width: int,
        height: int,
        uniforms: Mapping[str, float | tuple[float, ...]],
        textures: Mapping[str, NDArray[Any]] | None = None,
        *,
        repeat: int = 0,
    ) -> NDArray[Any]:
        """Draw a shader once and return its four channels, the top row first.

        Parameters
        ----------
        text : str
            Fragment shader; ``out vec4`` gives float32, ``out uvec4`` gives uint32.
        uniforms : mapping of str to float or tuple of floats
            Those that the shader does not use are left out.
        textures : mapping of str to array ``[rows, columns]``
            float32 or uint32.
        repeat : int
            Draw this many times more, for `timing`.

        Returns
        -------
        array ``[height, width, 4]``
        """
        floats = "out uvec4" not in text
        job = {
            "text": text,
            "width": width,
            "height": height,
            "floats": floats,
            "repeat": repeat,
            "uniforms": {
                k: [float(n) for n in (v if isinstance(v, tuple) else (v,))]
                for k, v in uniforms.items()
            },
            "textures": [
                {
                    "name": name,
                    "width": array.shape[1],
                    "height": array.shape[0],
                    "words": array.dtype == np.uint32,
                    "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
                }
                for name, array in (textures or {}).items()
            ],
        }
        answer = self.call(lambda page: page.evaluate(_RUN, job))
        self.timing = {"first": answer["first"], "each": answer["each"]}
        flat = np.frombuffer(base64.b64decode(answer["pixels"]), "<f4" if floats else "<u4")
        return flat.reshape(height, width, 4)[::-1]


def chromium() -> str | None:
    """Return the path of Chromium or Chrome, if there is one."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    pytest.importorskip("playwright", reason="playwright is missing: pip install playwright")
    page = Browser(executable)
    yield page
    page.close()
