"""The subcommands, a file each: they parse, call and print."""
