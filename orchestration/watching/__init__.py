"""Looks after a home that works by itself: what is the matter, telling somebody, old runs."""

from apexline.orchestration.watching.alerts import NotDelivered, send, tell
from apexline.orchestration.watching.health import (
    Problem,
    failed_checks,
    full_disks,
    silent_daemons,
    unloadable_champion,
    waiting_clips,
    watched,
)
from apexline.orchestration.watching.retention import retention_job, retention_schedule

__all__ = [
    "NotDelivered",
    "Problem",
    "failed_checks",
    "full_disks",
    "retention_job",
    "retention_schedule",
    "send",
    "silent_daemons",
    "tell",
    "unloadable_champion",
    "waiting_clips",
    "watched",
]
