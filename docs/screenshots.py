"""Pictures of the page at `/` for these docs, of the models that `make demo` leaves.

    make screenshots

starts a server on `models`, tries every model in headless Chromium, and writes
`docs/images/page*.png`.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving.drawing import SEVEN, draw

IMAGES = Path(__file__).parent / "images"


def main(models: str = "models") -> int:
    """Takes the pictures; needs models called `digits`, `gan` and `python`."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("chromium is not installed: apt-get install chromium\n")
        return 2
    command = [sys.executable, "-m", "serving", models, "--rest-port", "0", "--grpc-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            home = _address(server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox"]
                )
                _light(browser, home)
                _dark(browser, home)
        finally:
            server.terminate()
            server.communicate()
    return 0


def _address(server: subprocess.Popen[str]) -> str:
    said = ""
    for line in server.stderr or ():
        said += line
        if "keras-serve: ready" in line:
            port = re.search(r"REST on \S+:(\d+)", said)
            return f"http://127.0.0.1:{port[1] if port else ''}/"
    raise SystemExit(said)


def _light(browser: Browser, home: str) -> None:
    page = browser.new_page(viewport={"width": 1040, "height": 800}, color_scheme="light")
    page.goto(home)
    _try_every_model(page)
    page.screenshot(path=IMAGES / "page.png", full_page=True)
    digits = page.get_by_role("region", name="digits")
    digits.get_by_text("Card", exact=True).click()
    digits.locator("details").screenshot(path=IMAGES / "page-card.png")


def _dark(browser: Browser, home: str) -> None:
    """As a phone shows it."""
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto(home)
    _draw(page)
    page.screenshot(path=IMAGES / "page-phone.png")


def _try_every_model(page: Page) -> None:
    _draw(page)
    text = page.get_by_role("region", name="python")
    text.get_by_label("Prompt").fill("The value of the expression")
    text.get_by_role("button", name="Go on").click()
    page.get_by_role("region", name="gan").get_by_label("way between the two").fill("0.4")
    page.get_by_role("region", name="gan").locator(".traffic").get_by_text("half in").wait_for()
    text.get_by_role("button", name="Stop", disabled=True).wait_for()


def _draw(page: Page) -> None:
    draw(page, page.get_by_role("region", name="digits").locator("canvas"), SEVEN)
    page.locator(".bar").first.wait_for()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
