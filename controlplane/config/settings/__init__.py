"""Settings by place: one_machine, production, test. All take their values from the environment (docs/wiring.md)."""
