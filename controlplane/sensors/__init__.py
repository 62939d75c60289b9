"""The registry: sensor types as data, sensors known by themselves at first sight."""
