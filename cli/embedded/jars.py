"""The jars of Kafka's broker and of Spark's connectors, fetched once per user by the Ivy that ships inside PySpark.

`jars.lock` names each of them with its hash: nothing is resolved where they are fetched, and no other file is taken.
`python -m cli.embedded.jars` makes the lock anew from the coordinates below.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from cli.embedded import java
from cli.embedded.errors import StackError

Say = Callable[[str], object]

SPARK = (
    ("io.delta", "delta-spark_4.2_2.13", "4.4.0"),
    ("org.apache.spark", "spark-sql-kafka-0-10_2.13", "4.2.0"),
)
KAFKA = (
    ("org.apache.kafka", "kafka_2.13", "4.3.1"),
    ("org.apache.kafka", "kafka-tools", "4.3.1"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),  # without a binding the broker logs nothing
)
RESOLVE_SECONDS = 900
SAY_SECONDS = 5

LOCK = Path(__file__).with_name("jars.lock")
# An ibiblio resolver named central needs no address: Ivy knows it. A mirror is the user's to name.
SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="{poms}"{root}/></resolvers>
</ivysettings>
"""
MODULE = """<ivy-module version="2.0">
  <info organisation="penstock" module="jars"/>
  <configurations><conf name="spark"/><conf name="kafka"/></configurations>
  <dependencies>
{dependencies}
  </dependencies>
</ivy-module>
"""


@dataclass(frozen=True)
class Jars:
    """Folders of jars: what Spark needs beside its own, and the broker's class path."""

    spark: Path
    kafka: Path


class Locked(NamedTuple):
    """A jar of the lock: for whom, its coordinates, and the SHA-256 of the file."""

    conf: str
    group: str
    name: str
    revision: str
    sha256: str

    @property
    def file(self) -> Path:
        return Path(self.conf) / f"{self.name}-{self.revision}.jar"

    def __str__(self) -> str:
        return f"{self.conf} {self.group}:{self.name}:{self.revision} sha256:{self.sha256}"


def locked() -> list[Locked]:
    lines = [re.split(r"[ :]", line) for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    return [Locked(conf, group, name, revision, digest) for conf, group, name, revision, _, digest in lines]


def cache_root() -> Path:
    """Where things fetched once per user are kept: PENSTOCK_CACHE, else the user's cache folder."""
    if named := os.environ.get("PENSTOCK_CACHE"):
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "penstock"


def located() -> Jars | None:
    """The jars if they are there already."""
    folder = _folder()
    return Jars(folder / "spark", folder / "kafka") if folder.is_dir() else None


def ensure(say: Say) -> Jars:
    """The jars, fetched if they are not there yet. `say` gets a line now and then."""
    if found := located():
        return found
    root = cache_root() / "jars"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"cannot write {root}: {error.strerror}", "point PENSTOCK_CACHE to a writable folder"
        ) from error
    with _lock(root / ".lock", say):
        if found := located():  # another process fetched them while this one waited
            return found
        work = Path(tempfile.mkdtemp(prefix=".resolving-", dir=root))
        try:
            _fetch(work, say)
            (work / "out").rename(_folder())
        except OSError as error:
            raise StackError(f"cannot write {root}: {error.strerror}", "is the disk full?") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Jars(_folder() / "spark", _folder() / "kafka")


def _folder() -> Path:
    # Another lock is other jars: an upgrade never meets the folder of the version before.
    return cache_root() / "jars" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]


def write_lock(say: Say) -> None:
    """Resolve the coordinates with all that they need, and lock what comes of it, less what Spark ships itself."""
    with tempfile.TemporaryDirectory(prefix="penstock-lock-") as folder:
        work = Path(folder)
        wanted = [
            f'<dependency org="{group}" name="{name}" rev="{revision}" conf="{conf}->default"/>'
            for conf, coordinates in (("spark", SPARK), ("kafka", KAFKA))
            for group, name, revision in coordinates
        ]
        _ivy(work, wanted, "[conf]/[organisation]/[artifact]/[revision](-[classifier]).[ext]", say, poms=True)
        found = []
        for path in sorted((work / "out").rglob("*.jar")):
            conf, group, name, file = path.relative_to(work / "out").parts
            found.append(Locked(conf, group, name, file.removesuffix(".jar"), _sha256(path)))
    shipped = {_artifact(path) for path in _pyspark_jars().glob("*.jar")}
    kept = [jar for jar in found if jar.conf != "spark" or jar.name not in shipped]
    LOCK.write_text(f"# {_made_of()}\n" + "".join(f"{jar}\n" for jar in kept))


def _made_of() -> str:
    """The first line of a lock: what it was made of."""
    return " ".join(":".join(jar) for jar in (*SPARK, *KAFKA))


def _pyspark_jars() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise StackError("pyspark is not installed", "run make setup")
    return Path(spec.origin).parent / "jars"


def _fetch(work: Path, say: Say) -> None:
    """Fetch what is locked into `out` of a folder. Raises StackError, also where a file is not the one of the lock."""
    wanted = [
        f'<dependency org="{jar.group}" name="{jar.name}" rev="{jar.revision}" conf="{jar.conf}->default"'
        f' transitive="false"><artifact name="{jar.name}" type="jar" conf="{jar.conf}"/></dependency>'
        for jar in locked()
    ]
    _ivy(work, wanted, "[conf]/[artifact]-[revision].[ext]", say, poms=False)
    for jar in locked():
        path = work / "out" / jar.file
        if not path.is_file() or _sha256(path) != jar.sha256:
            hint = "ask who keeps the mirror" if os.environ.get("PENSTOCK_MAVEN_MIRROR") else "run it again"
            raise StackError(f"{path.name} was not fetched as it is in {LOCK.name}", hint)


def _ivy(work: Path, dependencies: list[str], pattern: str, say: Say, *, poms: bool) -> None:
    ivy = next(_pyspark_jars().glob("ivy-*.jar"), None)
    if ivy is None:
        raise StackError("PySpark came without its Ivy", "run make setup again")
    mirror = os.environ.get("PENSTOCK_MAVEN_MIRROR")
    settings, module = work / "settings.xml", work / "ivy.xml"
    settings.write_text(SETTINGS.format(poms=str(poms).lower(), root=f" root={quoteattr(mirror)}" if mirror else ""))
    module.write_text(MODULE.format(dependencies="\n".join(f"    {line}" for line in dependencies)))
    argv = [java.require().path, "-jar", str(ivy), "-settings", str(settings), "-cache", str(work / "cache")]
    argv += ["-ivy", str(module), "-confs", "spark", "kafka", "-retrieve", f"{work}/out/{pattern}"]
    argv += ["-types", "jar", "bundle"]
    log = work / "ivy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            _watch(process, work / "cache", say)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0 or not (work / "out").is_dir():
        raise StackError(f"the jars could not be fetched: {_cause(log)}", "is the network there? then run it again")


def _watch(process: subprocess.Popen[bytes], cache: Path, say: Say) -> None:
    started, told = time.monotonic(), 0.0
    while process.poll() is None:
        elapsed = time.monotonic() - started
        if elapsed > RESOLVE_SECONDS:
            raise StackError(
                f"the jars were not fetched in {RESOLVE_SECONDS} s", "is the network slow? then run it again"
            )
        if elapsed - told >= SAY_SECONDS:
            told = elapsed
            described = sum(1 for _ in cache.rglob("ivy-*.xml"))
            sizes = [path.stat().st_size for path in cache.rglob("*.jar") if path.exists()]
            say(f"fetching jars: {described} artifacts found, {len(sizes)} fetched, {sum(sizes) / 1e6:.0f} MB")
        try:
            process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _artifact(path: Path) -> str:
    return re.sub(r"-\d[^-]*(?:-.*)?\.jar$", "", path.name)


def _cause(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    telling = [line.strip() for line in lines if re.search(r"not found|ERRORS|Exception|unresolved|No space", line)]
    return (telling or lines or ["no word from Ivy"])[-1].strip()


@contextmanager
def _lock(path: Path, say: Say) -> Iterator[None]:
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process fetches the jars; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    write_lock(lambda text: sys.stderr.write(f"{text}\n"))
