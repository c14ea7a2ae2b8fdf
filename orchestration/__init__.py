"""What Dagster loads, and the commands: definitions, jobs, schedules, sensors, resources, settings."""
