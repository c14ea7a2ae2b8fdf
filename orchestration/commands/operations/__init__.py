"""Commands that run a home for long."""
