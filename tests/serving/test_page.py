"""The page at `/` in a real browser: drawn to, given files, asked for pictures and texts."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server):
    page = browser.new_page()
    page.set_default_timeout(300_000)
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"http://127.0.0.1:{server.port}/")
    yield page
    page.close()
    assert faults == []


def test_every_model_is_there_with_its_versions(page):
    for name in ("half_plus", "pixels", "sums"):
        page.get_by_role("region", name=name).wait_for()
    text = page.get_by_role("region", name="half_plus").inner_text()
    assert "version 124 ready, 123 ready" in text
    assert "Asked by program alone: " in text


def test_what_is_drawn_is_classified(page):
    model = page.get_by_role("region", name="pixels")
    box = model.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 30)
    page.mouse.up()
    model.locator(".bar").first.wait_for()
    assert model.locator(".bar span").first.inner_text() == "east"
    model.get_by_role("button", name="Clear").click()
    assert model.locator(".bar").count() == 0


def test_a_file_that_is_no_picture_is_said_to_be_none(page):
    model = page.get_by_role("region", name="pixels")
    content = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    model.locator("input[type=file]").set_input_files(content)
    model.get_by_text("no PNG or JPEG").wait_for()


def test_pictures_are_made_from_a_seed(page):
    model = page.get_by_role("region", name="pixels")
    model.get_by_label("seed").fill("9")
    model.get_by_role("button", name="Make 16").click()
    page.wait_for_function("document.querySelector('img.grid').naturalWidth === 8")


def test_a_text_is_written_as_it_comes(browser, texts, text_bundle):
    page = browser.new_page()
    page.set_default_timeout(300_000)
    page.goto(f"http://127.0.0.1:{texts.port}/")
    model = page.get_by_role("region", name="python")
    model.get_by_label("Prompt").fill("The ")
    model.get_by_label("length").fill("60")
    model.get_by_role("button", name="Go on").click()
    expected = "The " + "".join(
        serving.load(text_bundle).stream("The ", length=60, temperature=0.8, seed=1)
    )
    page.wait_for_function(
        "expected => document.querySelector('pre').textContent === expected", arg=expected
    )
    page.close()
