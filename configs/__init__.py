"""Parameter files; a package so that an installed Apexline finds them."""
