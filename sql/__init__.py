"""One relation a file: what the warehouse is built of, and the checks of its rows."""
