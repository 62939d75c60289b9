"""The lock of the jars: each file of Kafka's broker and of Spark's connectors, with its hash.

`python -m cli.embedded.jar_lock` makes it anew from the coordinates below.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from cli.embedded import ivy

SPARK = (
    ("io.delta", "delta-spark_4.2_2.13", "4.4.0"),
    ("org.apache.spark", "spark-sql-kafka-0-10_2.13", "4.2.0"),
)
KAFKA = (
    ("org.apache.kafka", "kafka_2.13", "4.3.1"),
    ("org.apache.kafka", "kafka-tools", "4.3.1"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),  # without a binding the broker logs nothing
)
FILE = Path(__file__).with_name("jars.lock")


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
    lines = [re.split(r"[ :]", line) for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return [Locked(conf, group, name, revision, digest) for conf, group, name, revision, _, digest in lines]


def write(say: ivy.Say) -> None:
    """Resolve the coordinates with all that they need, and lock what comes of it, less what Spark ships itself."""
    with tempfile.TemporaryDirectory(prefix="penstock-lock-") as folder:
        work = Path(folder)
        wanted = [
            f'<dependency org="{group}" name="{name}" rev="{revision}" conf="{conf}->default"/>'
            for conf, coordinates in (("spark", SPARK), ("kafka", KAFKA))
            for group, name, revision in coordinates
        ]
        ivy.retrieve(work, wanted, "[conf]/[organisation]/[artifact]/[revision](-[classifier]).[ext]", say, poms=True)
        found = []
        for path in sorted((work / "out").rglob("*.jar")):
            conf, group, name, file = path.relative_to(work / "out").parts
            found.append(Locked(conf, group, name, file.removesuffix(".jar"), sha256(path)))
    shipped = {artifact(path) for path in ivy.pyspark_jars().glob("*.jar")}
    kept = [jar for jar in found if jar.conf != "spark" or jar.name not in shipped]
    FILE.write_text(f"# {made_of()}\n" + "".join(f"{jar}\n" for jar in kept))


def made_of() -> str:
    """The first line of a lock: what it was made of."""
    return " ".join(":".join(jar) for jar in (*SPARK, *KAFKA))


def sha256(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def artifact(path: Path) -> str:
    """The name of a jar without its version."""
    return re.sub(r"-\d[^-]*(?:-.*)?\.jar$", "", path.name)


if __name__ == "__main__":
    write(lambda text: sys.stderr.write(f"{text}\n"))
