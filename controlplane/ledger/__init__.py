"""The record accounts: what each batch and load counted, and whether the sums agree."""
