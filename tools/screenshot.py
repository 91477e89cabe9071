"""Writes docs/launch-page.png: the launch page with the example values of the pipelines for all environments."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from chromium import chromium

from ecs_cd_templates.page import PageSettings, to_html

ROOT = Path(__file__).parents[1]
TEMPLATE = "deployment-pipeline-for-all-env"


def main() -> None:
    rows = json.loads((ROOT / "params" / f"{TEMPLATE}.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        path = Path(directory, "launch.html")
        path.write_text(to_html(PageSettings(bucket="my-templates", region="eu-west-1")), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1240, "height": 760}, color_scheme="light", locale="en-US")
        page.goto(path.as_uri())
        page.select_option("#w-template", f"{TEMPLATE}.yaml")
        for row in rows:
            page.fill(f"#p-{row['ParameterKey']}", row["ParameterValue"])
        # One of the checks, at work.
        page.fill("#p-CodePipelineNameForQAEnv", "ecs-cd/qa")
        page.evaluate("document.activeElement.blur(); document.getElementById('values-title').scrollIntoView()")
        page.screenshot(path=ROOT / "docs" / "launch-page.png")


if __name__ == "__main__":
    main()
