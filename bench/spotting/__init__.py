"""Table 2, nested by performer."""
