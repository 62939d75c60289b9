"""Writing: telemetry taken in, rollups added to, live states published, simulators commanded."""

from controlplane.telemetry.services.live import live_publish
from controlplane.telemetry.services.messages import ends_take, messages_take
from controlplane.telemetry.services.rollups import load_measure, rollups_prune
from controlplane.telemetry.services.simulator import simulator_desire, simulator_tell, simulators_untold

__all__ = [
    "ends_take",
    "live_publish",
    "load_measure",
    "messages_take",
    "rollups_prune",
    "simulator_desire",
    "simulator_tell",
    "simulators_untold",
]
