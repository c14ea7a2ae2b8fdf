"""Erasure that is true: intent first, every place, a search that proves it, a signed receipt."""

from apexline.orchestration.erasure.erasing import OnStep, RemainsError, erase, preview, resume
from apexline.orchestration.erasure.intent import unfinished
from apexline.orchestration.erasure.receipt import check_receipt
from apexline.orchestration.erasure.target import Request, check_person

__all__ = [
    "OnStep",
    "RemainsError",
    "Request",
    "check_person",
    "check_receipt",
    "erase",
    "preview",
    "resume",
    "unfinished",
]
