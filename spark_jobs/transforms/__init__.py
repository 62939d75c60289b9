"""DataFrame to DataFrame, pure: parse, refine, windows."""
