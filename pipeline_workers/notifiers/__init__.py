"""How people outside are told, by channel."""
