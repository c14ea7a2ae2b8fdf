"""What a home's warehouse says, row for row, less what depends on when and by which run it was computed."""

from collections import Counter
from typing import Any

import duckdb

from apexline.assets.publishing.relations import MARTS, STAGING
from apexline.orchestration.settings import Settings

Rows = dict[str, list[tuple[Any, ...]]]
# Moments, and the ids of runs and of MLflow's records.
VOLATILE = frozenset(
    {
        "scored_at",
        "last_scored_at",
        "decided_at",
        "champion_from",
        "champion_to",
        "said_from",
        "said_to",
        "first_champion_from",
        "reviewed_at",
        "seen_at",
        "dagster_run_id",
        "run_id",
    }
)


def rows_of(settings: Settings) -> Rows:
    """Return the rows of every relation as text, sorted."""
    found: Rows = {}
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for relation in (*MARTS, *STAGING):
            described = connection.execute(f"describe {relation}").fetchall()
            columns = [row[0] for row in described if row[0] not in VOLATILE]
            selected = ", ".join(f'"{name}"::varchar' for name in columns)
            found[relation] = sorted(
                connection.execute(f"select {selected} from {relation}").fetchall(), key=repr
            )
    return found


def differences(wanted: Rows, found: Rows, *, besides: frozenset[str] = frozenset()) -> list[str]:
    """Say of each relation how many rows are lost, and how many more there are than there should be."""
    said: list[str] = []
    for name in sorted(set(wanted) - besides):
        before, after = Counter(wanted[name]), Counter(found[name])
        lost, more = before - after, after - before
        if lost or more:
            shown = next(iter((lost or more).elements()))
            said.append(
                f"{name}: {lost.total()} rows lost, {more.total()} doubled or changed, such as {shown}"
            )
    return said


def doubled(settings: Settings) -> dict[str, int]:
    """Return how many rows too many each relation of clips, segments and scores has by its key."""
    keys = {
        "clips": "clip_id",
        "segments": "segment_id",
        "score_history": "segment_id, model_version",
        "staging.clip_frames": "clip_id",
        "staging.face_tracks": "track_id, frame",
    }
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        counts = {
            relation: connection.execute(
                f"select count(*) - count(distinct ({key})) from {relation}"
            ).fetchall()[0][0]
            for relation, key in keys.items()
        }
    return {relation: count for relation, count in counts.items() if count}
