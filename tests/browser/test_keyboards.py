"""Keyboards of other countries, with keys and codes as browsers send them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Web, Work, on_problem, on_step, press, saved

Open = Callable[..., Page]
SEND = """([key, code, options]) => {
    document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...options }));
}"""


def send(page: Page, key: str, code: str, **options: bool) -> None:
    page.evaluate(SEND, [key, code, options])


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        (('"', "Digit3"), ("&", "Digit1")),  # French AZERTY, without Shift
        (("٣", "Digit3"), ("١", "Digit1")),  # Arabic
        (("3", "Numpad3"), ("1", "Numpad1")),
    ],
)
def test_digits_by_their_place(
    open_desk: Open, site: Web, positive: tuple[str, str], negative: tuple[str, str]
) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    send(page, *positive)
    on_step(page, 2)
    send(page, *negative)
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 2")
    press(page, "Enter")
    saved(page)
    work.comes_to("SELECT count(*) FROM assignment WHERE state = 'submitted'", [(1,)])
    assert work.submitted() == [("found_error", [1, -1])]


@pytest.mark.parametrize(
    "letters",
    [
        {"f": "а", "u": "г", "k": "л", "j": "о", "n": "т"},  # Russian
        {"f": "כ", "u": "ו", "k": "ל", "j": "ח", "n": "מ"},  # Hebrew
        {"f": "φ", "u": "θ", "k": "κ", "j": "ξ", "n": "ν"},  # Greek
    ],
)
def test_letters_by_their_place(open_desk: Open, site: Web, letters: dict[str, str]) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    send(page, letters["f"], "KeyF")
    expect(page.locator("#step-0 .verdict")).to_contain_text("flagged")
    send(page, letters["u"], "KeyU")
    expect(page.locator("#step-0 .verdict")).to_be_empty()
    press(page, "3")
    send(page, letters["k"], "KeyK")
    on_step(page, 1)
    send(page, letters["j"], "KeyJ")
    on_step(page, 2)
    send(page, letters["n"], "KeyN")
    expect(page.locator("#note")).to_be_visible()


def test_a_latin_layout_is_read_by_its_letters(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    send(page, "o", "KeyS")  # Dvorak: the key at the place of s
    expect(page.locator(".as-source")).to_have_count(0)
    send(page, "u", "KeyF")
    expect(page.locator("#step-0 .verdict")).to_be_empty()


def test_an_input_method_that_composes_rates_nothing(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    send(page, "3", "Digit3", isComposing=True)
    send(page, "!", "Digit1", shiftKey=True)
    on_step(page, 1)
    expect(page.locator(".step.rated")).to_have_count(0)


def test_an_unknown_key_says_so_once(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    send(page, "х", "BracketLeft")
    note = page.locator("#banner")
    expect(note).to_contain_text("The key “х” has no action.")
    page.get_by_role("button", name="Dismiss").click()
    send(page, "х", "BracketLeft")
    expect(note).to_be_hidden()
