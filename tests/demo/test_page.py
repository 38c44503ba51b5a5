"""The page in a real browser: by keyboard, on a phone, through time, with uploads, and without the internet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

import gencl
from tests.demo.browser import chromium, demo, hosts_asked, resized

WIDTHS = (1280, 390)
FOCUSED = """
const it = document.activeElement;
const own = it.ariaLabel || it.labels?.[0]?.innerText || it.innerText || it.title || "";
return own.replace(/\\s+/g, " ").trim();
"""


class Page:
    """The page as a person uses it who has no mouse."""

    def __init__(self, chrome: Any) -> None:
        from selenium.webdriver.common.keys import Keys

        self.chrome, self.keys = chrome, Keys

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.chrome, 60).until(lambda _: condition(), what)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.chrome.find_elements("css selector", selector)
        return found

    def texts(self, selector: str) -> list[str]:
        """The texts of elements, at one moment."""
        every = "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)"
        found: list[str] = self.chrome.execute_script(every, selector)
        return found

    def pictures(self, inside: str) -> list[tuple[str, str]]:
        """Descriptions and contents of pictures, at one moment."""
        every = "return [...document.querySelectorAll(arguments[0] + ' img')].map(one => [one.alt, one.src])"
        return [(alt, content) for alt, content in self.chrome.execute_script(every, inside)]

    def press(self, key: str) -> str:
        """Press a key and return the label of what has the focus then."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.chrome).send_keys(key).perform()
        label: str = self.chrome.execute_script(FOCUSED)
        return label

    def tab_to(self, label: str) -> list[str]:
        """Press Tab until something has this label; return all labels on the way."""
        self.chrome.execute_script("document.activeElement.blur(); window.getSelection().removeAllRanges()")
        passed: list[str] = []
        while not passed or passed[-1] != label:
            passed.append(self.press(self.keys.TAB))
            assert len(passed) < 40, passed
        return passed

    def button(self, name: str) -> Any:
        """Return a button or tab, once it is in sight."""
        return self.until(lambda: next((one for one in self.all("button") if one.text == name), None), name)


@pytest.fixture
def page(vae: gencl.Run, tmp_path: Path) -> Any:
    pytest.importorskip("gradio", reason='gradio is not installed; pip install -e ".[demo]"')
    with chromium() as chrome, demo(vae.path, tmp_path) as url:
        resized(chrome, WIDTHS[0])
        chrome.get(url)
        yield Page(chrome)
        assert hosts_asked(chrome) == {urlsplit(url).netloc}
        assert not [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_page(page: Page, tmp_path: Path) -> None:
    page.until(lambda: len(page.pictures("#pictures")) == 18, "three classes with six pictures each")
    assert page.chrome.title == "vae: sgd, 3 tasks" and page.texts("#pictures p") == ["After task 3 of 3 (class 2)"]
    before = page.pictures("#pictures")
    assert before[0][0] == "0, latent 1"

    page.tab_to("0")
    page.press(page.keys.SPACE)
    page.until(lambda: page.texts("#pictures .name") == ["1", "2"], "the class 0 is gone")
    page.press(page.keys.SPACE)
    page.until(lambda: page.pictures("#pictures") == before, "the same integers, the same pictures")

    page.tab_to("range slider for After task")
    page.press(page.keys.ARROW_LEFT)
    page.until(lambda: page.texts("#pictures p") == ["After task 2 of 3 (class 1)"], "an earlier task")
    earlier = page.pictures("#pictures")
    assert len(earlier) == 12 and not set(earlier) & set(before)
    assert page.all("#pictures .empty")[0].get_attribute("aria-label") == "2: not learned yet"
    page.press(page.keys.ARROW_RIGHT)
    page.until(lambda: page.pictures("#pictures") == before, "back at the end")

    passed = page.tab_to("New latents")
    assert {"0", "1", "2", "Seed", "range slider for Pictures per class"} <= set(passed) and "" not in passed
    page.press(page.keys.ENTER)
    page.until(lambda: not set(page.pictures("#pictures")) & set(before), "other latents")

    for width in WIDTHS:
        resized(page.chrome, width)
        assert page.chrome.execute_script("return document.documentElement.scrollWidth") <= width
        page.chrome.save_screenshot(tmp_path / f"{width}.png")
        assert Image.open(tmp_path / f"{width}.png").width == width

    resized(page.chrome, WIDTHS[0])
    page.button("Interpolate").click()
    page.until(lambda: len(page.pictures("#interpolation")) == 36, "four rows of nine")
    assert page.pictures("#interpolation")[0][0] == "0 to 2, row 1, step 1 of 9"

    page.button("Reconstruct").click()
    (tmp_path / "broken.png").write_text("no picture")
    page.all("input[type=file]")[-1].send_keys(str(tmp_path / "broken.png"))
    page.until(lambda: "cannot be read as a picture" in "".join(page.texts("[data-testid=toast-body]")), "a message")
    page.button("Take a held-out picture").click()
    page.until(lambda: len(page.pictures("#reconstruction")) == 2, "a held-out picture and its reconstruction")
    held_out = page.pictures("#reconstruction")
    Image.new("L", (40, 30), 255).save(tmp_path / "white.png")
    page.all("input[type=file]")[-1].send_keys(str(tmp_path / "white.png"))
    page.until(lambda: page.pictures("#reconstruction")[0] != held_out[0], "the picture that was uploaded")
