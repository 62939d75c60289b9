"""Loads of the warehouse: asked for when Gold commits, done by workers."""
