"""The `penstock` command."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from cli.commands import (
    backfills,
    deadletters,
    demo,
    doctor,
    ledger,
    login,
    logs,
    pipelines,
    quality,
    runs,
    schedules,
    simulate,
    stack,
    status,
    trace,
)
from cli.embedded.errors import StackError


class Group(TyperGroup):
    """Turns what a person can act on into one line on stderr and a non-zero exit."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except StackError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


# Local variables in a traceback would print secrets.
app = typer.Typer(
    cls=Group,
    name="penstock",
    help="Sensor readings from Kafka through Spark into a lake and a warehouse, with accounts that balance.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(status.status)
app.command("open")(login.open_console)
app.command()(login.login)
app.command()(login.logout)
app.command()(logs.logs)
app.command()(doctor.doctor)
app.command()(stack.reset)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})(
    simulate.simulate
)
app.command()(demo.demo)
app.command()(trace.trace)
app.command()(trace.watermark)
app.command()(stack.jars)
app.add_typer(ledger.app, name="ledger")
app.add_typer(pipelines.app, name="pipelines")
app.add_typer(runs.app, name="runs")
app.add_typer(backfills.app, name="backfills")
app.add_typer(deadletters.app, name="dead-letters")
app.add_typer(quality.app, name="quality")
app.add_typer(schedules.app, name="schedules")

if __name__ == "__main__":
    app()
