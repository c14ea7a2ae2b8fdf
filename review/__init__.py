"""Where people look at what was found: a timeline of each camera's day, and the clip around each segment."""
