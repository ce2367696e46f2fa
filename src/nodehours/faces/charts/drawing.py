"""Drawing in a process of its own: it has a JavaScript engine in it, which no server should wait for or die with.

While the engine works it lets no other thread of its process run, for a second when it begins; and it ends its process
when memory runs out. So a process is started when the first chart is drawn, and ends with the one that started it. A
request is a line of JSON; a reply is a byte, ``+`` or ``-``, a length of eight bytes, and that many bytes: what was
drawn, or why not.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any, Final, cast

PATIENCE_SECONDS: Final = 60
"""How long a drawing may take, the engine's beginning included, before it is given up."""

VEGA_LITE: Final = "6.4"
"""The version of Vega-Lite that Altair writes and that draws, here and in browsers."""

_HEAD: Final = struct.Struct(">cQ")


class NotDrawn(Exception):
    """Something could not be drawn; the sentence says why."""


class Easel:
    """The process that draws. It draws for one thread at a time; the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def drawn(self, form: str, **given: Any) -> bytes:
        """Ask for *form* of what is given; see ``_DRAWERS`` for both. Raises ``NotDrawn``."""
        request = json.dumps({"form": form, **given}).encode() + b"\n"
        with self._lock:
            process = self._ready()
            watch = threading.Timer(PATIENCE_SECONDS, process.kill)
            watch.start()
            try:
                return _asked(process, request)
            except (OSError, struct.error) as error:
                self._close()
                raise NotDrawn("the process that draws has ended") from error
            finally:
                watch.cancel()

    def close(self) -> None:
        """End the process, if there is one; the next drawing starts another."""
        with self._lock:
            self._close()

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._close()
            # -P: what lies in the directory that we were started in is not ours to import.
            command = [sys.executable, "-P", "-m", "nodehours.faces.charts.drawing"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _asked(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    requests, replies = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    requests.write(request)
    requests.flush()
    mark, length = _HEAD.unpack(replies.read(_HEAD.size))
    body = replies.read(length)
    if mark == b"-":
        raise NotDrawn(body.decode())
    return body


_EASEL: Final = Easel()
atexit.register(_EASEL.close)
drawn: Final = _EASEL.drawn
"""Ask this process's easel."""


def _svg(spec: dict[str, Any]) -> bytes:
    import vl_convert

    return vl_convert.vegalite_to_svg(spec, VEGA_LITE, allowed_base_urls=[]).encode()


def _png(spec: dict[str, Any], scale: float) -> bytes:
    import vl_convert

    return vl_convert.vegalite_to_png(spec, VEGA_LITE, scale, allowed_base_urls=[])


def _bundle(snippet: str) -> bytes:
    import vl_convert

    return vl_convert.javascript_bundle(snippet, VEGA_LITE).encode()


_DRAWERS: Final[Mapping[str, Callable[..., bytes]]] = {"svg": _svg, "png": _png, "bundle": _bundle}


def answer(requests: IO[bytes], replies: IO[bytes]) -> None:
    """Draw what is asked for, until nobody can ask any more."""
    for line in requests:
        request = json.loads(line)
        try:
            mark, body = b"+", _DRAWERS[request.pop("form")](**request)
        except Exception as error:  # noqa: BLE001  # whatever it is, who asked shall know it
            mark, body = b"-", str(error).encode()
        replies.write(_HEAD.pack(mark, len(body)) + body)
        replies.flush()


if __name__ == "__main__":
    # What the engine prints is for people, not for who asked.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answer(sys.stdin.buffer, replies)
