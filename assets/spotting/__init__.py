"""Groups `faces` and `features`: `face_tracks`, the features of each frame, `expression_segments`."""
