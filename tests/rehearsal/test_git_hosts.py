from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.errors import PushError
from ecs_cd_templates.rehearsal import git
from ecs_cd_templates.rehearsal.calls import Call, ServiceError
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.git_hosts import GitHosts, glob_matches, triggered
from least_privilege import connected_apart

pytestmark = pytest.mark.slow

MAIN, TAG = "refs/heads/main", "refs/tags/v1"


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("main", ["main"], ["mainline", "x/main", "Main"]),
        ("*", ["main", ".x"], ["release/1"]),
        ("*.java", ["A.java", ".java"], ["a/A.java", "A.javax"]),
        ("*.*", ["a.b", "."], ["ab"]),
        ("*.{java,class}", ["a.java", "a.class"], ["a.txt", "a.java,class"]),
        ("{a*,b/**}/x", ["ab/x", "b/c/d/x"], ["c/x", "a/b/x"]),
        ("foo.?", ["foo.a"], ["foo.", "foo.ab", "foo./"]),
        ("**", ["a", "a/b/c"], []),
        ("**/*", ["a", "a/b/c"], []),
        ("feature/**", ["feature/a", "feature/a/b"], ["feature", "features/a"]),
        ("directory/*", ["directory/a"], ["directory/a/b", "directory"]),
        ("directory/**/*", ["directory/a", "directory/a/b/c"], ["other/a"]),
        ("**/README.md", ["README.md", "a/README.md", "a/b/README.md"], ["aREADME.md", "a/README.mdx"]),
        ("common/**/*.js", ["common/a.js", "common/a/b.js"], ["common/a.ts", "common.js"]),
        ("a**b", ["ab", "a/x/b"], ["a/x"]),
        ("[abc]", ["a", "c"], ["d", "ab"]),
        ("[a-c1]", ["b", "1"], ["-", "d"]),
        ("[!a-c]", ["d", "-"], ["a", "/"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[!-a]", ["b"], ["-", "a"]),
        ("[*?\\]", ["*", "?", "\\"], ["a"]),
        ("[^a]", ["^", "a"], ["b"]),
        (r"\*\{\}\[\?", ["*{}[?"], ["a{}[?"]),
        ("a+b.c(d)", ["a+b.c(d)"], ["aab.c(d)", "a+bxc(d)"]),
    ],
)
def test_globs_match_as_documented(pattern: str, matching: list[str], others: list[str]) -> None:
    for name in matching:
        assert glob_matches(pattern, name), name
    for name in others:
        assert not glob_matches(pattern, name), name


def _pipeline(
    push: Sequence[Mapping[str, Any]] | None = None, *, filtered: bool = True, **configuration: str
) -> dict[str, Any]:
    settings = {"FullRepositoryId": "acme/shop", "BranchName": "main", **configuration}
    source = {"name": "Source", "actionTypeId": {"provider": "CodeStarSourceConnection"}, "configuration": settings}
    other = {"name": "Build", "actionTypeId": {"provider": "CodeBuild"}, "configuration": {"ProjectName": "p"}}
    trigger = {"sourceActionName": "Source", **({"push": list(push or [])} if filtered else {})}
    return {
        "name": "shop",
        "pipelineType": "V2",
        "stages": [{"name": "Source", "actions": [source]}, {"name": "Build", "actions": [other]}],
        **({} if push is None else {"triggers": [{"providerType": _CONNECTION, "gitConfiguration": trigger}]}),
    }


_CONNECTION = "CodeStarSourceConnection"
ON_MAIN = {"branches": {"includes": ["main"]}}
ON_FILES = {**ON_MAIN, "filePaths": {"includes": ["services/cart/**"], "excludes": ["**/README.md"]}}
ON_TAGS = {"tags": {"includes": ["v*"], "excludes": ["v0*"]}}


@pytest.mark.parametrize(
    ("pipeline", "reference", "files", "expected"),
    [
        # Without a trigger, the source action detects changes of its branch, unless it does not.
        (_pipeline(), MAIN, ["a"], True),
        (_pipeline(), MAIN, None, True),
        (_pipeline(), "refs/heads/qa", ["a"], False),
        (_pipeline(), "refs/tags/main", ["a"], False),
        (_pipeline(DetectChanges="true"), MAIN, ["a"], True),
        (_pipeline(DetectChanges="false"), MAIN, ["a"], False),
        (_pipeline(FullRepositoryId="acme/cart"), MAIN, ["a"], False),
        # A trigger without a filter is for the action's branch.
        (_pipeline([], filtered=False, DetectChanges="false"), MAIN, ["a"], True),
        (_pipeline([], filtered=False), "refs/heads/qa", ["a"], False),
        # One with filters decides alone.
        (_pipeline([ON_MAIN], DetectChanges="false"), MAIN, None, True),
        (_pipeline([ON_MAIN], BranchName="qa"), "refs/heads/qa", ["a"], False),
        (_pipeline([ON_MAIN]), TAG, ["a"], False),
        (_pipeline([{"branches": {"excludes": ["main"]}}]), MAIN, ["a"], False),
        (_pipeline([{"branches": {"excludes": ["main"]}}]), "refs/heads/qa", ["a"], True),
        (_pipeline([{"branches": {"includes": ["*"], "excludes": ["m*"]}}]), MAIN, ["a"], False),
        (_pipeline([{"branches": {"includes": ["release/*"]}}]), "refs/heads/release/1", ["a"], True),
        # One changed file is enough, unless it is excluded; a new branch has none that is known.
        (_pipeline([ON_FILES]), MAIN, ["x", "services/cart/a"], True),
        (_pipeline([ON_FILES]), MAIN, ["services/shop/a"], False),
        (_pipeline([ON_FILES]), MAIN, ["services/cart/README.md"], False),
        (_pipeline([ON_FILES]), MAIN, ["services/cart/README.md", "services/cart/a"], True),
        (_pipeline([ON_FILES]), "refs/heads/qa", ["services/cart/a"], False),
        (_pipeline([ON_FILES]), MAIN, None, False),
        (_pipeline([{**ON_MAIN, "filePaths": {"excludes": ["docs/**"]}}]), MAIN, ["docs/a"], False),
        (_pipeline([{**ON_MAIN, "filePaths": {"excludes": ["docs/**"]}}]), MAIN, ["docs/a", "b"], True),
        # Tags.
        (_pipeline([ON_TAGS]), TAG, None, True),
        (_pipeline([ON_TAGS]), "refs/tags/v0.1", None, False),
        (_pipeline([ON_TAGS]), "refs/heads/v1", ["a"], False),
        # Any of several filters.
        (_pipeline([ON_MAIN, ON_TAGS]), MAIN, ["a"], True),
        (_pipeline([ON_MAIN, ON_TAGS]), TAG, None, True),
        (_pipeline([ON_MAIN, ON_TAGS]), "refs/tags/1", None, False),
    ],
)
def test_a_push_starts_what_waits_for_it(
    pipeline: dict[str, Any], reference: str, files: list[str] | None, expected: bool
) -> None:
    assert triggered(pipeline, "acme/shop", reference, files) == ("Source" if expected else None)


def test_a_trigger_for_pull_requests_alone_is_for_no_push() -> None:
    pipeline = _pipeline([], filtered=False)
    pipeline["triggers"][0]["gitConfiguration"]["pullRequest"] = [{"events": ["OPEN"]}]
    assert triggered(pipeline, "acme/shop", MAIN, ["a"]) is None


def _as_the_api_has_it(properties: Any) -> Any:
    """What the template says of a pipeline, with the names of GetPipeline's answer."""
    if isinstance(properties, list):
        return [_as_the_api_has_it(each) for each in properties]
    if not isinstance(properties, dict):
        return properties
    return {
        name[0].lower() + name[1:]: value if name == "Configuration" else _as_the_api_has_it(value)
        for name, value in properties.items()
    }


def test_the_templates_pipelines_start_for_their_branch_and_tags() -> None:
    system = connected_apart(Target(account="123456789012", region="eu-west-1"))
    pipelines = [_as_the_api_has_it(each) for each in system.of_type("AWS::CodePipeline::Pipeline").values()]
    branches = [_branch(each) for each in pipelines]
    assert len(set(branches)) == len(pipelines) == 3

    def started(reference: str, files: list[str] | None) -> list[str]:
        return [_branch(each) for each in pipelines if triggered(each, "acme/cart", reference, files) == "Source"]

    for branch in branches:
        assert started(f"refs/heads/{branch}", ["services/cart/a"]) == [branch]
        assert started(f"refs/heads/{branch}", ["services/shop/a"]) == []
        assert started(f"refs/heads/{branch}x", ["services/cart/a"]) == []
    assert started(TAG, None) == ["prod"]
    assert started("refs/tags/x1", None) == []


def _branch(pipeline: Mapping[str, Any]) -> str:
    return str(pipeline["stages"][0]["actions"][0]["configuration"]["BranchName"])


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-west-1") as made:
        yield made


def _work_tree(folder: Path, files: Mapping[str, str]) -> None:
    """Commits the files to main."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    variables = {
        **git.environment(),
        **{f"GIT_{role}_{what}": "ann" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "--message=Add"]):
        subprocess.run(["git", *command], cwd=folder, env=variables, check=True)


def test_a_push_starts_pipelines_at_the_commit(cloud: Cloud, tmp_path: Path) -> None:
    pipelines = {
        "branch": {**_pipeline([ON_MAIN]), "name": "branch"},
        "files": {**_pipeline([ON_FILES]), "name": "files"},
        "tags": {**_pipeline([ON_TAGS]), "name": "tags"},
    }
    started: list[tuple[str, Any]] = []

    def start(call: Call) -> Mapping[str, Any]:
        started.append((call.parameters["name"], call.parameters["sourceRevisions"]))
        return {"pipelineExecutionId": str(len(started))}

    cloud.serve(
        "codepipeline",
        {
            "ListPipelines": lambda _call: {"pipelines": [{"name": name} for name in pipelines]},
            "GetPipeline": lambda call: {"pipeline": pipelines[call.parameters["name"]]},
            "StartPipelineExecution": start,
        },
    )
    hosts = GitHosts(cloud)
    folder = hosts.add("acme/shop")
    assert hosts.add("acme/shop") == folder
    _work_tree(tmp_path, {"file": "1"})
    assert hosts.push("acme/shop", tmp_path, "main") == ["1"]
    first, message, archive = hosts.archive("acme/shop", "main")
    assert message == "Add\n"
    assert ZipFile(BytesIO(archive)).namelist() == ["file"]
    revision = {"actionName": "Source", "revisionType": "COMMIT_ID"}
    assert started == [("branch", [{**revision, "revisionValue": first}])]
    assert hosts.push("acme/shop", tmp_path, "main") == []
    _work_tree(tmp_path, {"services/cart/a": "2"})
    assert hosts.push("acme/shop", tmp_path, "main") == ["2", "3"]
    assert [name for name, _ in started[1:]] == ["branch", "files"]
    assert hosts.push("acme/shop", tmp_path, f"{first}:refs/tags/v1") == ["4"]
    assert started[-1] == ("tags", [{**revision, "revisionValue": first}])
    assert hosts.push("acme/shop", tmp_path, ":refs/tags/v1") == []
    assert hosts.archive("acme/shop", first)[0] == first
    with pytest.raises(PushError, match="push: 'none': Git says: error: src refspec none does not match any"):
        hosts.push("acme/shop", tmp_path, "none")
    for repository, branch in (("acme/shop", "none"), ("acme/none", "main")):
        with pytest.raises(ServiceError, match="No Branch"):
            hosts.archive(repository, branch)


def test_a_first_commit_starts_nothing(cloud: Cloud) -> None:
    written = BytesIO()
    with ZipFile(written, "w") as archive:
        archive.writestr("a", json.dumps({}))
    hosts = GitHosts(cloud)
    author = git.Person(name="Ann", email="ann@example.com", date="0 +0000")
    commit = hosts.first_commit("acme/shop", "main", written.getvalue(), author=author)
    assert hosts.archive("acme/shop", "main")[:2] == (commit, "Initial commit\n")
