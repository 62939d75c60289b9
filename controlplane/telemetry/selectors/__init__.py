"""Reading: the figures of a pipeline, what needs attention, series, and the live topics."""

from controlplane.telemetry.selectors.figures import figures, lag
from controlplane.telemetry.selectors.live import live_state, topic_of, topics_visible_to
from controlplane.telemetry.selectors.overview import overview
from controlplane.telemetry.selectors.series import series
from controlplane.telemetry.selectors.simulator import simulator

__all__ = ["figures", "lag", "live_state", "overview", "series", "simulator", "topic_of", "topics_visible_to"]
