"""The supervisor's process: `python -m cli.embedded.daemon HOME OPTIONS`, started by start.py and by nobody else."""

from __future__ import annotations

import shutil
import sys
import traceback
from pathlib import Path

from cli.embedded import environment, jars, java, postgres, stack, state, strays
from cli.embedded import ports as port_choice
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.options import Options
from cli.embedded.supervisor import Supervisor

DISK_BYTES = 1_000_000_000
DRIVER_SECONDS = 240.0


def run(home: Home, options: Options) -> int:
    """Bring the stack up, keep it up, bring it down. The exit code says whether that went well."""
    try:
        home.make()
        with state.held(home):
            return _supervise(home, options)
    except StackError as error:
        print(f"error: {error}", flush=True)  # noqa: T201 - the last line of supervisor.log, read by start.py
        return 1


def _supervise(home: Home, options: Options) -> int:
    before = state.load(home)
    supervisor = Supervisor(home)
    supervisor.listen()
    failure: StackError | None = None
    try:
        supervisor.save()
        supervisor.state.services = before.services  # until the clean-up is done, who lives must stay on record
        strays.clean_up(home, supervisor.tell, before)
        supervisor.state.services = {}
        _bring_up(supervisor, home, options)
        supervisor.watch()
    except StackError as error:
        failure = error
        supervisor.tell(f"error: {error}")
    except Exception as error:
        traceback.print_exc()
        failure = StackError(f"the supervisor failed: {error!r}", str(home.logs / "supervisor.log"))
    finally:
        supervisor.stop(stack.BEFORE_DRIVER, stack.AFTER_DRIVER)
        supervisor.finished(failure)
    if failure:
        raise failure
    return 0


def _bring_up(supervisor: Supervisor, home: Home, options: Options) -> None:
    java.require()
    _require_disk(home.root)
    class_path = jars.ensure(supervisor.tell)
    kept = port_choice.load(home)
    ports = port_choice.settle(home, options.ports)
    if kept and kept != ports and strays.jobs(home):
        supervisor.tell("the driver of the last run knows other ports")
        strays.stop_jobs(home, supervisor.tell)
    secrets = home.generated_secrets()
    env = environment.environment(home, ports, secrets, class_path)

    supervisor.start(stack.data_services(home, ports, secrets, class_path), {})
    if supervisor.stopping:
        return
    postgres.provide(ports.postgres, secrets)
    supervisor.run_once("provision", stack.PROVISION, {**env, **_first_login(secrets)}, stack.PROVISION_SECONDS)
    supervisor.start(stack.control_services(ports, env), env)
    if options.simulator and not supervisor.stopping:
        supervisor.start([stack.simulator_service(env, options.simulator_options)], env)
    if not supervisor.stopping:
        supervisor.tell("driver: starting")
    waiting = (sys.executable, "-m", "cli.embedded.figures", str(DRIVER_SECONDS))
    supervisor.run_once("driver-ready", waiting, env, DRIVER_SECONDS + 30)


def _first_login(secrets: dict[str, str]) -> dict[str, str]:
    """For the one process that makes the administrator and the command's token; no other is told them."""
    return {"PENSTOCK_ADMIN_PASSWORD": secrets["admin_password"], "PENSTOCK_CLI_TOKEN": secrets["cli_token"]}


def _require_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < DISK_BYTES:
        raise StackError(f"{free / 1e6:.0f} MB are free under {folder}, at least {DISK_BYTES / 1e6:.0f} MB are needed")


if __name__ == "__main__":
    sys.exit(run(Home(Path(sys.argv[1])), Options.from_json(sys.argv[2])))
