"""The queue of tasks: how much waits in it, for how long, and which workers take tasks from it."""
