"""Everybody can use the page: keyboard, screen reader, both languages, light and dark, phone and desk."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Page

from ecs_cd_templates.texts import LANGUAGES, words
from support import parameters, replace_catalogue

from .conftest import LaunchPages
from .reading import address, fill, link_parameters, load, rows
from .synthetic import NAME, build
from .test_form import ALL, TEMPLATES

# What Tab stops at, in the order of the page.
STOPS = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
  .filter((one) => one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }))
  .map((one) => one.id || one.textContent)"""
FOCUSED = "document.activeElement.id || document.activeElement.textContent.slice(0, 80)"


def test_keyboard_alone_reaches_everything_and_launches(launch_page: LaunchPages) -> None:
    name = "code-build-nodejs.yaml"
    page = launch_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0, "the skip link shows when focused"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "w-template"
    page.keyboard.type(name)
    assert page.input_value("#w-template") == name
    assert page.evaluate(FOCUSED) == "w-template", "the focus stays where it was when the form changes"

    for value in parameters(name).values():
        while not page.evaluate("document.activeElement.id").startswith("p-"):
            page.keyboard.press("Tab")
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    while page.evaluate(FOCUSED) != "launch":
        page.keyboard.press("Tab")
    assert link_parameters(address(page)) == parameters(name)


def test_tab_stops_at_everything_in_order_and_shows_where(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.locator("body").focus()
    expected = page.evaluate(STOPS)
    seen = []
    for _ in expected:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
        outline = page.evaluate(
            """() => {
              const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
              return [outlineStyle, outlineWidth];
            }"""
        )
        assert outline == ["solid", "3px"], seen[-1][:200]
        # Blank fields that were left say so, with links to them.
        expected = page.evaluate(STOPS)
        if page.evaluate(FOCUSED) == "launch":
            break
    assert seen == [stop for stop in expected if stop in seen]
    assert seen[0] == "Skip to the form"
    assert len(seen) > 12


def test_disabled_link_leads_to_the_first_problem(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    fill(page, parameters(ALL) | {"SNSTopicName": "a:b"})
    page.eval_on_selector_all("details.group", "all => all.forEach(one => { one.open = false; })")
    page.focus("#launch")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "p-SNSTopicName"
    assert page.is_visible("#p-SNSTopicName")
    assert page.get_attribute("#launch", "aria-describedby") == "status"
    page.focus("#problems a")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "p-SNSTopicName"


def test_link_that_has_the_focus_keeps_it_while_the_form_changes(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    page.click("#first-problem")
    page.keyboard.type("abc")
    assert page.evaluate("document.activeElement.id") == "p-CodeBuildProjectName"
    assert page.input_value("#p-CodeBuildProjectName") == "abc"


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_a_name(launch_page: LaunchPages, name: str, language: str) -> None:
    page = launch_page(template=name, locale=language)
    assert page.get_attribute("html", "lang") == language
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input, select, textarea, summary, section, [role=group]")]
          .filter((one) => {
            const by = (one.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
            const names = [
              ...by.map((id) => document.getElementById(id)?.textContent),
              one.getAttribute("aria-label"),
              ...[...(one.labels ?? [])].map((label) => label.textContent),
              ["A", "BUTTON", "SUMMARY"].includes(one.tagName) ? one.textContent : "",
            ];
            return !names.some((each) => each?.trim());
          }).map((one) => one.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []
    broken = page.evaluate(
        """() => [...document.querySelectorAll("[aria-describedby], [aria-labelledby], [for]")].flatMap((one) =>
          ["aria-describedby", "aria-labelledby", "for"].flatMap((each) => (one.getAttribute(each) ?? "").split(" "))
        ).filter((id) => id && !document.getElementById(id))"""
    )
    assert broken == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for landmark in ("header", "main", "footer"):
        assert page.locator(f"body > {landmark}").count() == 1


def test_live_regions_say_what_changes(launch_page: LaunchPages) -> None:
    page = launch_page(template="code-build-nodejs.yaml")
    for name in ("#status", "#report", "#copy-link ~ .said", "#copy-command ~ .said", "#copy-file ~ .said"):
        assert page.get_attribute(name, "role") == "status"
    # Said once, not again with each key.
    page.evaluate(
        """() => {
          window.said = 0;
          new MutationObserver(() => { window.said += 1; }).observe(document.getElementById("status"),
            { childList: true, characterData: true, subtree: true });
        }"""
    )
    page.focus("#p-CodeBuildProjectName")
    page.keyboard.type("abcdefgh")
    assert page.evaluate("window.said") <= 3


def test_languages_switch_and_keep_everything(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    fill(page, parameters(ALL))
    fill(page, {"SNSTopicName": "a:b", "CodePipelineNameForQAEnv": "ecs-cd-dev"})
    before = page.input_value("#file")
    english = page.inner_text("body")
    page.focus("#language-ja")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "language-ja"
    assert page.get_attribute("html", "lang") == "ja"
    assert page.title() == "Amazon ECS 向けデリバリーパイプラインの起動"
    assert page.get_attribute("#language-ja", "aria-pressed") == "true"
    assert page.input_value("#file") == before
    assert page.inner_text("label[for=p-CodePipelineNameForDevEnv]") == "開発環境のパイプラインの名前"
    assert page.inner_text("#status").startswith("まだ起動できません。")
    message = page.inner_text("#p-CodePipelineNameForQAEnv-error")
    assert "CodePipelineNameForDevEnv と CodePipelineNameForQAEnv が同じです。" in message
    # The pipelines' own form is translated as a whole; what is left in English is names and values.
    assert page.locator("[lang=en]:not(html):not(#language-en)").all_inner_texts() == []
    page.click("#language-en")
    assert page.inner_text("body") == english


def test_texts_without_a_translation_say_that_they_are_english(
    launch_page: LaunchPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = launch_page(template="prerequisites.yaml", locale="ja-JP")
    assert page.locator("label[for=p-LogRetentionInDays]").get_attribute("lang") == "ja"
    # A template of somebody's own has texts that nobody translated.
    replace_catalogue(monkeypatch, {NAME: build})
    page = launch_page(locale="ja-JP")
    assert page.locator("label[for=p-Anything]").get_attribute("lang") == "en"


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (["ja-JP", "en-US"], "ja"),
        (["JA"], "ja"),
        (["xx-XX", "ja", "en"], "ja"),
        (["xx", "en-GB", "ja"], "en"),
        (["jam"], "en"),
        (["xx"], "en"),
        ([], "en"),
    ],
)
def test_language_is_the_first_of_the_browser_that_the_page_has(
    launch_page: LaunchPages, wanted: list[str], shown: str
) -> None:
    page = launch_page()
    page.evaluate("wanted => Object.defineProperty(navigator, 'languages', { value: wanted })", wanted)
    assert page.evaluate("preferred()") == shown


def test_another_language_is_nothing_but_data(launch_page: LaunchPages) -> None:
    page = launch_page(template=ALL)
    fill(page, parameters(ALL) | {"SNSTopicName": "a:b"})
    page.evaluate(
        """() => {
          const other = (one) => `[${one}]`;
          data.languages.push({ code: "xx", name: "Other" });
          data.strings.xx = Object.fromEntries(Object.entries(data.strings.en).map(([key, one]) => [key, other(one)]));
          data.texts.xx = data.texts.en.map(other);
          element("languages").replaceChildren(...languageButtons());
        }"""
    )
    page.click("#language-xx")
    assert page.get_attribute("html", "lang") == "xx"
    assert page.get_attribute("#language-xx", "aria-pressed") == "true"
    assert page.locator(".languages [aria-pressed=true]").count() == 1
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    # What is in no brackets is a name, a value, or what is made of them.
    left = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, h3, p, label, button, a, summary, li, span")]
          .flatMap((one) => [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
          .map((node) => node.textContent.trim())
          .filter((content) => content && !content.startsWith("["))"""
    )
    assert sorted(left) == sorted([*(words(code)["language.name"] for code in LANGUAGES), "Other", "\u2013"])
    assert page.locator("#picture .step-title").first.text_content() == "[Source]"


SIZES = [(320, 640), (360, 740), (768, 1024), (1280, 900)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wider_than_the_screen(launch_page: LaunchPages, size: tuple[int, int], language: str) -> None:
    page = launch_page(size=size, locale=language)
    for name in TEMPLATES:
        page.select_option("#w-template", name)
        load(page, rows({"Unknown" * 20: "x" * 300}))
        page.evaluate("goToFirstProblem()")
        page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], name
        wide = page.evaluate(
            """() => [...document.body.querySelectorAll("*")].filter((one) => {
              const { left, right, width } = one.getBoundingClientRect();
              return width > 1 && !one.matches(".skip, option, optgroup") && (left < 0 || right > innerWidth);
            }).map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert wide == [], name


def test_targets_are_large_enough_for_a_finger(launch_page: LaunchPages) -> None:
    page = launch_page(size=(360, 740), template=ALL)
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, summary, .primary")]
          .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 24)
          .map((one) => one.outerHTML)"""
    )
    assert small == []


# The contrast of each visible text with what is behind it, as WCAG 2 computes it.
CONTRAST = """() => {
  const channel = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
  const ratio = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (one) => {
    for (let each = one; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const one of document.body.querySelectorAll("*")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const control = ["INPUT", "SELECT", "TEXTAREA"].includes(one.tagName) && one.type !== "file";
    if (!(own || control) || !one.checkVisibility()) continue;
    if (one.matches("script, style, title, desc, option")) continue;
    const style = getComputedStyle(one);
    if (one.closest("svg")) {
      const boxes = [...document.querySelectorAll("#picture rect")].map((box) => parse(getComputedStyle(box).fill));
      for (const box of [...boxes, behind(one.closest("svg").parentElement)]) {
        found.push([one.textContent, ratio(parse(style.fill), box)]);
      }
    } else {
      found.push([one.textContent.slice(0, 40) || one.id, ratio(parse(style.color), behind(one))]);
    }
    // The edge of a control has to be seen, too.
    if (control || one.matches("button")) {
      const edge = ratio(parse(style.borderTopColor), behind(one.parentElement));
      if (edge < 3) found.push([`edge of ${one.id}`, edge]);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(launch_page: LaunchPages, scheme: str) -> None:
    page = launch_page(color_scheme=scheme, template=ALL)
    _assert_contrast(page)
    page.click("#first-problem")
    _assert_contrast(page)
    load(page, rows({"Unknown": "x"}))
    fill(page, parameters(ALL) | {"SNSTopicName": "a:b", "CodePipelineNameForQAEnv": "ecs-cd-dev"})
    _assert_contrast(page)
    fill(page, parameters(ALL) | {"LifecyclePolicyTextForDevEnv": ""})
    assert page.inner_text("#notes") != ""
    _assert_contrast(page)
    page.keyboard.press("Shift+Tab")
    page.locator(".skip").focus()
    _assert_contrast(page)


def _assert_contrast(page: Page) -> None:
    page.locator("#picture-section details").evaluate("one => { one.open = true; }")
    found = page.evaluate(CONTRAST)
    assert len(found) > 100
    assert [(text, ratio) for text, ratio in found if ratio < (3 if text.startswith("edge") else 4.5)] == []


def test_pictures_for_a_look(launch_page: LaunchPages) -> None:
    """Light and dark differ, and neither is blank."""
    pictures = set()
    for scheme in ("light", "dark"):
        page = launch_page(color_scheme=scheme, template=ALL)
        pictures.add(page.screenshot())
    assert len(pictures) == 2
    assert all(len(picture) > 20_000 for picture in pictures)


def test_policy_lets_nothing_in(launch_page: LaunchPages) -> None:
    page = launch_page()
    policy = page.get_attribute("meta[http-equiv]", "content") or ""
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy
