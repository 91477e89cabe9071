"""A long value, pasted by mistake, keeps nobody waiting."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from support import parameters

from .conftest import LaunchPages
from .reading import error, fill
from .test_form import ALL

# With what a line may be broken after, and what a text area breaks lines at.
PIECE = 'Ab-9 {"x": 1}\n'

# Milliseconds. On a quiet machine 20 are enough for any of the values; this allows for one that is slow and shared.
MOST = 1_000

SLOWEST = """async ([piece, sizes, most]) => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  let slowest = ["", 0, 0];
  const measured = (control, value, size) => {
    control.value = value;
    // What the browser itself does with a long value is not the page's.
    document.body.getBoundingClientRect();
    const start = performance.now();
    control.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.getBoundingClientRect();
    const taken = performance.now() - start;
    if (taken > slowest[2]) slowest = [control.id, size, taken];
  };
  for (const size of sizes) {
    for (const control of document.querySelectorAll(".field input, .field textarea")) {
      const before = control.value;
      measured(control, piece.repeat(size / piece.length), size);
      measured(control, before, size);
      if (slowest[2] > most) return slowest;
      await new Promise(requestAnimationFrame);
    }
  }
  return slowest;
}"""


@pytest.mark.parametrize("name", [ALL, "quick-start.yaml"])
def test_page_answers_at_once_whatever_the_field(launch_page: LaunchPages, name: str) -> None:
    page = launch_page(template=name)
    fill(page, parameters(name))
    field, size, taken = page.evaluate(SLOWEST, [PIECE, [5_000, 50_000, 1_000_000], MOST])
    assert 0 < taken < MOST, f"{field} with {size} characters: {taken} ms"
    assert page.inner_text("#status") == "All is filled in: ready to launch."


def _changes_of_the_picture(page: Page, name: str, value: str) -> int:
    changes: int = page.evaluate(
        """async ([name, value]) => {
          const watcher = new MutationObserver(() => {});
          for (const id of ["picture", "picture-words"]) watcher.observe(element(id), { childList: true });
          const control = element(`p-${name}`);
          control.value = value;
          control.dispatchEvent(new Event("input", { bubbles: true }));
          return watcher.takeRecords().length;
        }""",
        [name, value],
    )
    return changes


def test_picture_is_drawn_again_only_for_other_texts(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    fill(page, parameters(ALL))
    assert _changes_of_the_picture(page, "ECSTaskContainerName", "other") == 0, "the picture does not show it"
    assert _changes_of_the_picture(page, "SNSTopicName", "other") == 2
    assert _changes_of_the_picture(page, "SNSTopicName", "other") == 0
    assert _changes_of_the_picture(page, "SNSTopicName", "") == 2
    page.click("#language-ja")
    assert page.locator("#picture .step-title").first.text_content() == "ソース"
    page.set_viewport_size({"width": 640, "height": 900})
    page.wait_for_function("element('picture').clientWidth === document.querySelector('svg').viewBox.baseVal.width")


def test_picture_shows_what_a_long_text_begins_with(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    smile = "\U0001f600"
    for length, shown in ((300, smile * 300), (301, smile * 299 + "…"), (50_000, smile * 299 + "…")):
        fill(page, parameters(ALL) | {"SNSTopicName": smile * length})
        assert f"Approval: {shown}" in page.locator("#picture-words li").all_text_contents()
        assert f"Approval: {shown}" in (page.text_content("#picture desc") or "")


def test_nothing_is_made_of_a_value_that_is_too_long(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    fill(page, parameters(ALL))
    before = page.input_value("#command"), page.input_value("#file")
    assert all(before)
    for id_, name in (("p-SNSTopicName", "SNSTopicName"), ("w-stackName", None)):
        good = page.input_value(f"#{id_}")
        page.fill(f"#{id_}", "x" * 4097)
        if name is not None:
            assert error(page, name).startswith("This is longer than the 4,096 bytes")
        for shown in ("command", "file"):
            assert page.input_value(f"#{shown}") == ""
            assert page.get_attribute(f"#{shown}", "placeholder") == (
                "A value is too long for CloudFormation: shorten it, and this is shown again."
            )
        # What is saved lacks nothing all the same.
        assert "x" * 4097 in page.evaluate("parameterFile() + command()")
        page.fill(f"#{id_}", good)
        assert (page.input_value("#command"), page.input_value("#file")) == before
        assert page.get_attribute("#command", "placeholder") == ""
