"""Gold into a star schema, by the windows that changed."""
