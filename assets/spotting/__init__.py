"""Groups `faces` and `features`: `face_tracks`, `texture_features`, `flow_features`, `expression_segments`."""
