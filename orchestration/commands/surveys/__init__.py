"""Rating surveys from the command line: the page that collects ratings, tables given elsewhere, how many suffice."""
