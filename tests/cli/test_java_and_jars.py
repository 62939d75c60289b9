"""What is said of a Java that is missing or wrong; which jars go to Spark."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from cli.embedded import ivy, jar_lock, jars, java
from cli.embedded.errors import StackError


def a_java(folder: Path, first_line: str, code: int = 0) -> None:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{first_line}' >&2\nexit {code}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("first_line", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
    ],
)
def test_the_version_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_line: str, major: int) -> None:
    a_java(tmp_path, first_line)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = java.find()
    assert found is not None
    assert found.major == major


def test_a_wrong_java_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_java(tmp_path, 'openjdk version "11.0.2" 2019-01-15')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(StackError, match=r"Java 11 at .* does not run Spark .*17 or 21"):
        java.require()


@pytest.mark.parametrize("code", [1, 127])
def test_a_java_that_does_not_answer_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    a_java(tmp_path, "no JRE here", code)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(StackError, match="no working Java at JAVA_HOME"):
        java.require()


def test_no_java_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="no working Java at PATH"):
        java.require()


def test_the_lock_is_of_the_coordinates_and_has_nothing_that_spark_ships_itself() -> None:
    assert jar_lock.FILE.read_text().splitlines()[0] == f"# {jar_lock.made_of()}"
    found = jar_lock.locked()
    for conf, coordinates in (("spark", jar_lock.SPARK), ("kafka", jar_lock.KAFKA)):
        assert {*coordinates} <= {(jar.group, jar.name, jar.revision) for jar in found if jar.conf == conf}
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in found)
    assert len({jar.file for jar in found}) == len(found)
    shipped = {jar_lock.artifact(path) for path in ivy.pyspark_jars().glob("*.jar")}
    assert not shipped & {jar.name for jar in found if jar.conf == "spark"}


@pytest.mark.parametrize(
    ("name", "artifact"),
    [
        ("slf4j-api-2.0.17.jar", "slf4j-api"),
        ("commons-lang3-3.20.0.jar", "commons-lang3"),
        ("zstd-jni-1.5.7-7.jar", "zstd-jni"),
    ],
)
def test_an_artifact_is_told_from_its_version(name: str, artifact: str) -> None:
    assert jar_lock.artifact(Path(name)) == artifact


@pytest.mark.parametrize("given", [b"another jar", None])
def test_a_jar_that_is_not_the_locked_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bytes | None
) -> None:
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
    lock = tmp_path / "jars.lock"
    lock.write_text(f"# one\nkafka org.example:thing:1.0 sha256:{hashlib.sha256(b'the jar').hexdigest()}\n")
    monkeypatch.setattr(jar_lock, "FILE", lock)

    def fetched(work: Path, *_: object, **__: object) -> None:
        (work / "out" / "kafka").mkdir(parents=True)
        if given is not None:
            (work / "out" / "kafka" / "thing-1.0.jar").write_bytes(given)

    monkeypatch.setattr(ivy, "retrieve", fetched)
    with pytest.raises(StackError, match=r"thing-1\.0\.jar was not fetched"):
        jars.ensure(lambda text: None)
    assert jars.located() is None


def test_jars_in_the_cache_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    assert jars.located() is None
    with pytest.raises(StackError, match="no working Java"):
        jars.ensure(lambda text: None)
    assert list((tmp_path / "jars").glob("[!.]*")) == [], "what was not fetched whole is not there"
    jars._folder().mkdir()
    assert jars.ensure(lambda text: None).kafka == jars._folder() / "kafka"
