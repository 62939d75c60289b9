"""The one-machine stack: real parts started, watched and stopped without Docker. All state is under one folder."""
