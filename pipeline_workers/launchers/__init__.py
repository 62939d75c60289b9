"""How a streaming job's driver is started, asked after and ended, by place."""
