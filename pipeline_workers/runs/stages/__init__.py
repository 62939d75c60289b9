"""The stages that a worker does, each a look that is taken again until it is done or has failed."""
