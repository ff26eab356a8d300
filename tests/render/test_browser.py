"""The report in a real browser: it draws every chart, asks for nothing, reports nothing in the console, and fits a narrow screen.

Runs where Chromium is installed. It is driven over its own protocol on a pipe, so that nothing needs to be installed for Python.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job.tables import classes, numbers, trained

from manyfit.render.document import report

fcntl = pytest.importorskip("fcntl", reason="drives the browser over a POSIX pipe")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = os.environ.get("MANYFIT_AXE", "")
"""Where axe.min.js of the npm package axe-core lies; without it the page is not searched for barriers."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs chromium, chromium-browser or google-chrome on the PATH"
    ),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


class Page:
    """A page of a browser: what it said, what it asked for, and what an expression in it is."""

    def __init__(self, write: Any, read: Any) -> None:
        self._write, self._read = write, read
        self._n = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer; events that come meanwhile are kept."""
        self._n += 1
        message = {"id": self._n, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._n:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path: Path) -> None:
        """Open a file and wait until all charts are drawn."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())
        self.value(
            "Promise.all([...document.querySelectorAll('[id^=chart-]')].map(c => new Promise(done => {"
            "const look = () => c.querySelector('svg') ? done() : setTimeout(look, 20); look(); })))"
        )

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def said(self) -> list[Any]:
        """Warnings, errors and exceptions of the console."""
        bad = ("Runtime.exceptionThrown", "Log.entryAdded")
        return [
            event["params"]
            for event in self.events
            if event.get("method") in bad
            or (
                event.get("method") == "Runtime.consoleAPICalled"
                and event["params"]["type"] in ("error", "warning")
            )
        ]

    def asked(self) -> list[str]:
        """What was asked for over the network: everything but the file itself and data in it."""
        urls = [
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("file:", "data:", "blob:"))]

    def _next(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._read.read(1)) not in (b"\0", b""):
            data += byte
        assert data, "the browser has closed its pipe"
        return json.loads(data)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    # Chromium reads commands from file descriptor 3 and answers on 4.
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    profile = tmp_path_factory.mktemp("profile")
    launch = "import os, sys; [os.dup2(int(sys.argv[1 + i]), 3 + i) for i in range(2)]; os.execv(sys.argv[3], sys.argv[3:])"
    # Copies with numbers from 10 on: 3 and 4 are about to be taken.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, from_write)]
    process = subprocess.Popen(
        [sys.executable, "-c", launch, *map(str, ends), str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}"],
        pass_fds=ends,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (to_read, from_write, *ends):
        os.close(end)
    with os.fdopen(to_write, "wb") as write, os.fdopen(from_read, "rb", buffering=0) as read:
        try:
            yield Page(write, read)
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both kinds of jobs side by side, in both languages."""
    models = [trained(numbers(150), twin_folds=5, twin_seeds=1), trained(classes())]
    folder = tmp_path_factory.mktemp("reports")
    return {lang: report(models, folder / f"{lang}.html", lang=lang) for lang in ("en", "zh")}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_draws_every_chart_and_says_and_asks_nothing(
    browser: Page, reports: dict[str, Path], lang: str
) -> None:
    browser.open(reports[lang])
    n_charts = len(re.findall(r'id="spec-\d+"', reports[lang].read_text("utf-8")))

    assert browser.value("document.querySelectorAll('.chart svg').length") == n_charts > 10
    assert browser.said() == []
    assert browser.asked() == []
    assert browser.value("document.documentElement.lang") == {"en": "en", "zh": "zh-Hans"}[lang]


@pytest.mark.parametrize("width", [420, 1000])
def test_page_never_scrolls_sideways(browser: Page, reports: dict[str, Path], width: int) -> None:
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
    )
    browser.open(reports["en"])

    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page_in_light_and_dark(
    browser: Page, reports: dict[str, Path], scheme: str
) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(reports["en"])
    light = (
        "(c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)"
        ".map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);"
        "return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; })"
    )
    page = browser.value(f"{light}(getComputedStyle(document.body).backgroundColor)")
    for selector in ("body", "caption", ".scope", "summary", "a"):
        ink = browser.value(f"{light}(getComputedStyle(document.querySelector('{selector}')).color)")
        # WCAG 2 AA for text of any size
        assert (max(ink, page) + 0.05) / (min(ink, page) + 0.05) >= 4.5, selector
    assert (page > 0.5) is (scheme == "light")


@pytest.mark.skipif(not Path(AXE).is_file(), reason="needs MANYFIT_AXE, the path of axe.min.js")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_axe_finds_no_barrier(browser: Page, reports: dict[str, Path], lang: str) -> None:
    browser.open(reports[lang])
    browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.value(Path(AXE).read_text("utf-8") + "; 0")
    found = browser.value(
        "axe.run(document, {}).then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))"
    )

    assert found == []
