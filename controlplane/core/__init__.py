"""What every app may use: errors, and the outbox by which effects leave on commit. Imports no other app."""
