"""The semantic space on a real survey."""
