"""Which Java there is. Spark 4.2 runs on 17 and 21."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cli.embedded.errors import StackError

SUPPORTED = (17, 21)
HINT = "install OpenJDK 17 or 21, on Debian: apt-get install openjdk-17-jre-headless; or point JAVA_HOME to one"


@dataclass(frozen=True)
class Java:
    """A Java that answered: its path, and its major version."""

    path: str
    major: int


def find() -> Java | None:
    """The Java of JAVA_HOME, else of PATH; None when there is none or it does not answer."""
    home = os.environ.get("JAVA_HOME")
    path = shutil.which(str(Path(home) / "bin" / "java")) if home else shutil.which("java")
    if path is None:
        return None
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)(?:\.(\d+))?', answer.stderr + answer.stdout)
    if answer.returncode != 0 or found is None:
        return None
    major = int(found[1])
    # Up to Java 8 the version was written 1.8.
    return Java(path, int(found[2] or 0) if major == 1 else major)


def require() -> Java:
    """The Java to use; StackError when there is none that Spark runs on."""
    java = find()
    if java is None:
        where = f"JAVA_HOME={os.environ['JAVA_HOME']}" if os.environ.get("JAVA_HOME") else "PATH"
        raise StackError(f"no working Java at {where}", HINT)
    if java.major not in SUPPORTED:
        raise StackError(f"Java {java.major} at {java.path} does not run Spark", HINT)
    return java
