"""Running a home for long: recording, watching, backing up."""
