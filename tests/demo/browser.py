"""A real Chromium without a window, and the command `gencl demo` in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest


@contextmanager
def chromium() -> Iterator[Any]:
    """Selenium's driver of Chromium; the test is skipped where one of them is absent."""
    pytest.importorskip("selenium", reason="the browser's test needs selenium (the extra dev)")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium here; Debian: apt install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def hosts_asked(chrome: Any) -> set[str]:
    """Return the hosts, with their ports, to which the page sent requests."""
    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in urls if not url.startswith(("data:", "blob:"))}


def resized(chrome: Any, width: int, height: int = 900) -> None:
    """Give the window's inside a size."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@contextmanager
def demo(run: Path, log: Path) -> Iterator[str]:
    """The URL of the page of a run. It must end quietly by Ctrl-C, and must not have asked anybody for anything."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, (log / "errors").open("w") as errors:
        proxy.setblocking(False)
        outside = f"http://127.0.0.1:{proxy.getsockname()[1]}"  # where requests to other machines would go
        environment = {**os.environ, "HTTP_PROXY": outside, "HTTPS_PROXY": outside, "ALL_PROXY": outside}
        command = [sys.executable, "-m", "gencl", "demo", str(run), "--port", "0", "--no-open"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.endswith("/  (Ctrl-C ends it)\n"), (line, (log / "errors").read_text())
            yield line.split()[0]
            process.send_signal(signal.SIGINT)
            rest, status = process.communicate(timeout=60)[0], process.returncode
            assert (status, rest, (log / "errors").read_text()) == (0, "", "")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        with pytest.raises(BlockingIOError):
            proxy.accept()
