"""Live figures: what simulators report, how far the collector has read, and the figures of a pipeline."""
