"""What is published, and where: files whose addresses never change their content."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from troposphere import Template

from .. import catalog
from ..catalog import RenderSettings
from ..cfn.partitions import PARTITIONS
from ..cfn.regions import partition_of
from ..cfn.rendering import to_yaml
from ..errors import BucketError, OutputError
from ..settings import s3_folder_url
from .next_steps import add_next_step, next_steps

DEFAULT_PREFIX = "ecs-cd-templates"
DEFAULT_SETTINGS = RenderSettings()
SAMPLE_APP_ARCHIVE = "sample-app.zip"

# Comes with the package, see pyproject.toml.
SAMPLE_APP = Path(__file__).parents[1] / "sample_app"

_PLACEHOLDER = "https://BUCKET.s3.REGION.amazonaws.com/PREFIX"
_VERSION_LENGTH = 12

# This limit is ours (S3's is 1,024 bytes for a key): the prefix is in the address of every launch.
_MAX_PREFIX_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder of a bucket in S3.

    ``region`` is the bucket's own. ``prefix`` may have several parts (``a/b``); blank is the whole bucket.

    Raises :class:`BucketError` and :class:`RegionError`.
    """

    bucket: str
    region: str
    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        check_bucket(self.bucket)
        partition_of(self.region)
        object.__setattr__(self, "prefix", checked_prefix(self.prefix))

    @property
    def partition(self) -> str:
        """The partition of the bucket, from which CloudFormation of that partition reads."""
        return partition_of(self.region)

    def key(self, name: str) -> str:
        """The key of a file in the folder."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def url(self, name: str) -> str:
        """The address of a file in the folder: https and virtual-hosted, which CloudFormation asks for.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
        """
        suffix = PARTITIONS[self.partition].url_suffix
        return f"https://{self.bucket}.s3.{self.region}.{suffix}/{quote(self.key(name), safe='/')}"


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The files of one version, by name, below ``url`` (which does not end in a slash)."""

    version: str
    url: str
    files: Mapping[str, bytes]


def publication(folder: Folder, settings: RenderSettings = DEFAULT_SETTINGS, *, nested: bool = False) -> Publication:
    """Everything that is published to the folder: the templates, and the sample application's archive.

    With ``nested``, the template of all environments is made of nested stacks, read from the folder.
    """
    its_version = version(settings, nested=nested)
    url = folder.url(its_version)
    return Publication(version=its_version, url=url, files=_files(settings, url, nested=nested))


def publication_of(folder: Folder, files: Mapping[str, bytes]) -> Publication:
    """These files as they are, in a folder that is named after their content."""
    its_version = _digest(files)
    return Publication(version=its_version, url=folder.url(its_version), files=files)


def version(settings: RenderSettings = DEFAULT_SETTINGS, *, nested: bool = False) -> str:
    """A hash of everything that is published, so that an old link keeps opening what it opened.

    The templates name the address that they are published under, and the address contains the version;
    the hash is therefore that of a rendering with a placeholder, and the same in every bucket.
    """
    return _digest(_files(settings, _PLACEHOLDER, nested=nested))


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:_VERSION_LENGTH]


def published_settings(settings: RenderSettings, url: str, *, nested: bool) -> RenderSettings:
    """The settings of a rendering that knows the address it is published under.

    A repository that can starts with the sample application, unless that lacks the buildspec of some step.
    """
    parts = urlsplit(f"{url}/{SAMPLE_APP_ARCHIVE}")
    complete = settings.pipeline.source.takes_first_commit and all(
        (SAMPLE_APP / str(step.buildspec)).is_file() for step in settings.pipeline.steps
    )
    return replace(
        settings,
        nested_base_url=url if nested else settings.nested_base_url,
        sample_app=(parts.netloc.partition(".")[0], unquote(parts.path).lstrip("/")) if complete else None,
    )


def published_templates(settings: RenderSettings, url: str, *, nested: bool) -> Mapping[str, Callable[[], Template]]:
    """Each file's name with a function that builds its template as it is published under the address.

    Each template then has outputs that open the forms of the next ones. Raises :class:`SettingsError`
    for an address that CloudFormation cannot read from.
    """
    url = s3_folder_url("published address", url)
    builders = catalog.templates(published_settings(settings, url, nested=nested))
    following = next_steps(settings.pipeline.steps)

    def linked(name: str) -> Template:
        template = builders[name]()
        for step in following.get(name, []):
            add_next_step(template, step, builders[step.template]().parameters, url)
        return template

    return {name: partial(linked, name) for name in builders}


def flat_templates(settings: RenderSettings) -> Mapping[str, Callable[[], Template]]:
    """Each file's name with a function that builds its template as one stack: with all that nested stacks use."""
    return catalog.templates(replace(settings, nested_base_url=None))


def archive(directory: Path) -> bytes:
    """The directory as a zip file, the same bytes for the same files, without what its ``.gitignore`` names.

    Nothing is compressed: compressors differ from one version of zlib to the next.
    CodeCommit fills a new repository from such an archive
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-codecommit-repository-code.html).
    Raises :class:`OutputError`.
    """
    content = io.BytesIO()
    try:
        ignored = {
            line.strip().rstrip("/")
            for line in (directory / ".gitignore").read_text(encoding="utf-8").splitlines()
            if line.strip() and not line.startswith("#")
        }
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
            for path in sorted(directory.rglob("*"), key=lambda path: path.relative_to(directory).parts):
                relative = path.relative_to(directory)
                if path.is_file() and ignored.isdisjoint(relative.parts):
                    entry = zipfile.ZipInfo(relative.as_posix())  # dated 1980-01-01, the earliest of the format
                    entry.create_system = 3  # Unix, also where it is made on Windows
                    entry.external_attr = 0o100644 << 16
                    file.writestr(entry, path.read_bytes())
    except OSError as error:
        raise OutputError("sample application", str(directory), f"cannot be read ({error.strerror})") from None
    return content.getvalue()


def check_bucket(name: str) -> None:
    """Raises :class:`BucketError` for a name that no bucket has, or that templates cannot be read from.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if "." in name:
        raise BucketError(
            "bucket", name, "the certificate of S3's https addresses covers no name with dots: use a bucket without"
        )
    if not re.fullmatch(
        r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*(?:-s3alias|--ol-s3|--x-s3|--table-s3)$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        name,
    ):
        raise BucketError(
            "bucket",
            name,
            "is not the name of a bucket: give the name alone, 3 to 63 lowercase letters, digits, hyphens",
        )


def checked_prefix(prefix: str) -> str:
    """The prefix without slashes at its ends. Raises :class:`BucketError`."""
    stripped = prefix.strip("/")
    # What S3 calls safe characters; and clients take . and .. out of an address before they send it.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html#object-key-guidelines-safe-characters
    safe = re.fullmatch(r"[A-Za-z0-9!_.*'()/-]*", stripped) and len(stripped) <= _MAX_PREFIX_LENGTH
    if not safe or (stripped and {"", ".", ".."} & set(stripped.split("/"))):
        raise BucketError(
            "prefix",
            prefix,
            f"give {_MAX_PREFIX_LENGTH} letters, digits, hyphens, underscores and dots at most, such as team/templates",
        )
    return stripped


def _files(settings: RenderSettings, url: str, *, nested: bool) -> dict[str, bytes]:
    return {**_rendered(settings, url, nested=nested), SAMPLE_APP_ARCHIVE: archive(SAMPLE_APP)}


@lru_cache(maxsize=64)
def local_size(settings: RenderSettings, name: str) -> int:
    """The size in bytes of a template's file as it is rendered for oneself."""
    return len(to_yaml(catalog.templates(settings)[name]()).encode())


# Rendering takes most of the time that publishing, linking and the page take without the network, and each needs the
# same more than once.
@lru_cache(maxsize=8)
def _rendered(settings: RenderSettings, url: str, *, nested: bool) -> Mapping[str, bytes]:
    builders = published_templates(settings, url, nested=nested)
    return MappingProxyType({name: to_yaml(build()).encode() for name, build in builders.items()})
