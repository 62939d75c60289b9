"""What made a job fail, in one line."""


def one_line(text: str) -> str:
    """The message without the stack traces, and the root cause that the last of these names.

    Both are wanted: delta-rs tells of the cause in the lines below the first, Spark at the end of a trace.
    """
    message, *causes = text.partition("JVM stacktrace:")[0].split("\nCaused by: ")
    told = [" ".join(part.partition("\n\tat ")[0].split()) for part in (message, *causes[-1:])]
    return "; ".join((told[0][: 250 if causes else 500], *told[1:]))[:500] or "no message"
