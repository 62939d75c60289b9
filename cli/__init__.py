"""The `penstock` command. It speaks to the control plane; `embedded` alone runs the one-machine stack."""
