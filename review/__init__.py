"""Where people look at what was found: a timeline of each camera's day, and the clip around each segment."""

# Where `apexline review` listens where nobody says otherwise; the report's links lead there.
PORT = 8010

__all__ = ["PORT"]
