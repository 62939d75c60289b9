"""What brings runs about: stage after stage, each step short, all that must be remembered in the database."""
