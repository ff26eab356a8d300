"""The script that draws the charts, made once for each version of the library it comes from.

Putting it together takes three seconds of a processor, as long as many a job; it never changes, so it is kept in the
user's cache. Where nothing can be kept it is made each time.
"""

from __future__ import annotations

import contextlib
import os
from functools import cache
from importlib import metadata
from pathlib import Path

from manyfit.errors import RunError
from manyfit.runs.files import replacing

SCRIPT = "window.vegaEmbed = vegaEmbed;"


@cache
def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script that sets `window.vegaEmbed`, safe inside a script element."""
    name = f"vega-{metadata.version('vl-convert-python')}.js"
    with contextlib.suppress(OSError, UnicodeDecodeError, RuntimeError):
        text = (_folder() / name).read_text("utf-8")
        if text.endswith(_END):
            return text
    import vl_convert

    text = vl_convert.javascript_bundle(SCRIPT).replace("</script", "<\\/script") + _END
    with contextlib.suppress(OSError, RunError, RuntimeError):  # no home, no room, no right to write: made again next time
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / name) as aside:
            aside.write_text(text, "utf-8")
    return text


_END = "\n// whole\n"


def _folder() -> Path:
    """Where programs keep what they can make again."""
    given = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else "")
    return (Path(given) if given else Path.home() / ".cache") / "manyfit"
