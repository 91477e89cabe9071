"""What is published: its address, its version, and the archive of the sample application."""

from __future__ import annotations

import io
import os
import re
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from ecs_cd_templates import (
    CONTAINER_IMAGE,
    UNIT_TESTS,
    BuildStep,
    PipelineSettings,
    RenderSettings,
    catalog,
    unit_tests,
)
from ecs_cd_templates.errors import (
    BucketError,
    OutputError,
)
from ecs_cd_templates.launch.bundle import (
    SAMPLE_APP,
    SAMPLE_APP_ARCHIVE,
    Folder,
    archive,
    check_bucket,
    checked_prefix,
    published_settings,
    published_templates,
    version,
)
from support import ROOT, load, published

FOLDER = Folder(bucket="my-bucket", region="eu-west-1")


@pytest.mark.parametrize("name", ["abc", "a-b", "0ab", "a--b", "a" * 63, "bucket-123"])
def test_buckets(name: str) -> None:
    check_bucket(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", "a b", "a/b", "arn:aws:s3:::abc", "s3://abc", "\u00fcber"),
        *("abc\n", "BUCKET", "xn--abc", "sthree-abc", "amzn-s3-demo-abc", "abc-s3alias", "abc--ol-s3", "a--x-s3"),
        *("a.b", "10.0.0.1", "my.bucket.name"),
    ],
)
def test_a_bucket_that_templates_cannot_be_read_from_is_refused(name: str) -> None:
    with pytest.raises(BucketError) as caught:
        check_bucket(name)
    assert ("certificate" in str(caught.value)) == ("." in name)


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "v/t"),
        ("/", "v/t"),
        ("a", "a/v/t"),
        ("/a/b/", "a/b/v/t"),
        ("a!/(b)", "a!/(b)/v/t"),
        ("a..b", "a..b/v/t"),
    ],
)
def test_prefixes(prefix: str, key: str) -> None:
    folder = Folder(bucket="my-bucket", region="cn-north-1", prefix=prefix)
    assert folder.key("v/t") == key
    assert folder.url("v/t") == f"https://my-bucket.s3.cn-north-1.amazonaws.com.cn/{quote(key)}"


@pytest.mark.parametrize(
    "prefix",
    [
        *("a//b", "a/../b", "..", ".", "a/./b", "a\nb", "a\0", "\ud800", "x" * 201, "a b", "\u00fc", "a%20b", "a?b"),
        *("a#b", "${a}", "a&b", "a\\b", "s3://b/a", "a:b", "a+b"),
    ],
)
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:
    with pytest.raises(BucketError):
        checked_prefix(prefix)


def test_the_version_is_that_of_the_content() -> None:
    its_version = version()
    assert re.fullmatch(r"[0-9a-f]{12}", its_version)
    for folder in (FOLDER, Folder(bucket="other", region="cn-north-1", prefix="p")):
        assert published(folder).version == its_version
    others = {version(RenderSettings(architecture="ARM64")), version(nested=True)}
    assert len(others | {its_version}) == 3


def test_a_publication_holds_everything() -> None:
    publication = published(FOLDER)
    assert list(publication.files) == [*catalog.templates(), SAMPLE_APP_ARCHIVE]
    assert publication.url == f"https://my-bucket.s3.eu-west-1.amazonaws.com/ecs-cd-templates/{publication.version}"
    assert publication.files[SAMPLE_APP_ARCHIVE] == archive(ROOT / "sample-app") == archive(SAMPLE_APP)
    quick_start = load(publication.files["quick-start.yaml"].decode())["Resources"]
    assert quick_start["CodeCommitRepository"]["Properties"]["Code"]["S3"] == {
        "Bucket": FOLDER.bucket,
        "Key": FOLDER.key(f"{publication.version}/{SAMPLE_APP_ARCHIVE}"),
    }
    nested = load(published(FOLDER, nested=True).files["deployment-pipeline-for-all-env.yaml"].decode())
    urls = {resource["Properties"]["TemplateURL"] for resource in nested["Resources"].values()}
    folder, _, files = {(url.rpartition("/")[0], "/", "") for url in urls}.pop()
    assert {url.rpartition("/")[2] for url in urls} <= set(catalog.templates())
    assert (folder, files) == (published(FOLDER, nested=True).url, "")


def test_the_archive_is_the_sample_application_and_nothing_else() -> None:
    content = archive(SAMPLE_APP)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        names = [entry.filename for entry in file.infolist()]
        assert {(entry.date_time, entry.compress_type) for entry in file.infolist()} == {((1980, 1, 1, 0, 0, 0), 0)}
        # Plain files of Unix that nobody needs to run, wherever the archive is made.
        assert {(entry.create_system, entry.external_attr >> 16) for entry in file.infolist()} == {(3, 0o100644)}
        assert all(file.read(name) == (ROOT / "sample-app" / name).read_bytes() for name in names)
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT / "sample-app", capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        assert set(names) == set(listed.stdout.rstrip("\0").split("\0"))


def test_the_archive_depends_on_names_and_content_alone(tmp_path: Path) -> None:
    made: list[bytes] = []
    for directory, files in (("a", ("z", "b/c", "b-c", "# comment")), ("b", ("# comment", "b-c", "b/c", "z"))):
        for name in files:
            path = tmp_path / directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            os.utime(path, (len(made) + 1e9, len(made) + 1e9))
            path.chmod(0o600 if made else 0o755)
        (tmp_path / directory / ".gitignore").write_text("# comment\n\nnode_modules/\nreport.xml\n")
        for ignored in ("node_modules/a/b", "b/node_modules/c", "report.xml"):
            if made:
                (tmp_path / directory / ignored).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / directory / ignored).write_text("not this")
        made.append(archive(tmp_path / directory))
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0])) as file:
        assert file.namelist() == ["# comment", ".gitignore", "b/c", "b-c", "z"]
    (tmp_path / "b" / "z").write_text("another")
    assert archive(tmp_path / "b") != made[0]


def test_what_it_ignores_is_named_plainly() -> None:
    assert not set((SAMPLE_APP / ".gitignore").read_text()) & set("*?[!\\")


def test_an_application_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="sample application"):
        archive(tmp_path / "none")


def test_the_sample_application_is_proposed_only_if_it_has_every_buildspec() -> None:
    url = "https://my-bucket.s3.eu-west-1.amazonaws.com/p/v"
    usual = RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, CONTAINER_IMAGE]))
    assert published_settings(usual, url, nested=False).sample_app == ("my-bucket", "p/v/sample-app.zip")
    for steps in ([UNIT_TESTS, CONTAINER_IMAGE, BuildStep(name="OwnCheck")], [unit_tests(), CONTAINER_IMAGE]):
        other = RenderSettings(pipeline=PipelineSettings(steps=steps))
        assert published_settings(other, url, nested=False).sample_app is None


def test_what_is_published_leads_on_without_tests_in_nodejs() -> None:
    url = "https://my-bucket.s3.eu-west-1.amazonaws.com/p/v"
    settings = RenderSettings(pipeline=PipelineSettings(steps=[unit_tests(), CONTAINER_IMAGE]))
    templates = published_templates(settings, url, nested=False)
    assert "LaunchCodeBuildUnitTests" in templates["prerequisites.yaml"]().outputs
    assert "LaunchDeploymentPipelineForAllEnv" in templates["code-build-unitTests.yaml"]().outputs
    assert "code-build-nodejs.yaml" not in templates
