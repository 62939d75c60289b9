"""Jars fetched from Maven's repository by the Ivy that ships inside PySpark."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import quoteattr

from cli.embedded import java
from cli.embedded.errors import StackError

Say = Callable[[str], object]

RESOLVE_SECONDS = 900
SAY_SECONDS = 5

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


def retrieve(work: Path, dependencies: list[str], pattern: str, say: Say, *, poms: bool) -> None:
    """Fetch the jars of `<dependency>` elements into `work`/out, named by Ivy's pattern, with what their POMs name or
    without a look at these. Raises StackError.
    """
    ivy = next(pyspark_jars().glob("ivy-*.jar"), None)
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


def pyspark_jars() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise StackError("pyspark is not installed", "run make setup")
    return Path(spec.origin).parent / "jars"


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


def _cause(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    telling = [line.strip() for line in lines if re.search(r"not found|ERRORS|Exception|unresolved|No space", line)]
    return (telling or lines or ["no word from Ivy"])[-1].strip()
