"""Where Dagster keeps runs, events and ticks, as `dagster.yaml` names it; it imports nothing of ours."""
