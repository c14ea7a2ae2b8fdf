"""Looks after a home that works by itself: what is the matter, telling somebody, old runs."""

from apexline.orchestration.watching.alerts import NotDelivered, send, tell
from apexline.orchestration.watching.cameras import camera_assets, heard
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
    "camera_assets",
    "failed_checks",
    "full_disks",
    "heard",
    "retention_job",
    "retention_schedule",
    "send",
    "silent_daemons",
    "tell",
    "unloadable_champion",
    "waiting_clips",
    "watched",
]
