"""What a GPU gives: kernels, streams of crops, the whole line."""
