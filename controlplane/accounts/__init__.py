"""Who may do what, and who did: people with a role, their API tokens, the audit log."""
