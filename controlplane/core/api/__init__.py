"""What every endpoint has in common: problems, pages, permissions, strict input. Endpoints are in their apps' `api`."""
