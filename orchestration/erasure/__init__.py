"""Erasure that is true: intent first, every place, a search that proves it, a signed receipt."""

from apexline.orchestration.erasure.erasing import OnStep, RemainsError, erase, preview, resume
from apexline.orchestration.erasure.files import copies_of, delete_files, drop_examples, examples_of, pages_of
from apexline.orchestration.erasure.intent import unfinished
from apexline.orchestration.erasure.receipt import check_receipt
from apexline.orchestration.erasure.records import drop_runs, recorded_days
from apexline.orchestration.erasure.search import search_home
from apexline.orchestration.erasure.target import Clip, Request, stated_place
from apexline.orchestration.erasure.traces import Traces, pixel_digest

__all__ = [
    "Clip",
    "OnStep",
    "RemainsError",
    "Request",
    "Traces",
    "check_receipt",
    "copies_of",
    "delete_files",
    "drop_examples",
    "drop_runs",
    "erase",
    "examples_of",
    "pages_of",
    "pixel_digest",
    "preview",
    "recorded_days",
    "resume",
    "search_home",
    "stated_place",
    "unfinished",
]
