"""The receipt of an erasure: signed, and silent about what was erased.

Belongs here: its fields, signing, checking. Stays out: what was deleted (``places``).

Whoever holds a clip's file can have it compared: the receipt carries the keyed digest of its content, which nobody can
make without the home's secret. The signature is Ed25519 by a key that comes from the same secret; the public half lies
in the receipt, so that it can be checked elsewhere too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from upath import UPath

from apexline.assets.ingest import home_secret, keyed_digest
from apexline.assets.lake import Lake
from apexline.orchestration.erasure.intent import Intent, now

_FOLDER = "receipts"


def write_receipt(lake: Lake, intent: Intent, *, num_files: int) -> dict[str, Any]:
    """Sign and keep the receipt of an erasure of which nothing is found any more.

    Parameters
    ----------
    num_files : int
        Files that were searched.
    """
    fields = {
        "receipt": intent.name,
        "asked_by": intent.by,
        "asked_at": intent.asked_at,
        "erased_at": now(),
        "clips": len(intent.traces.clips),
        "raters": int(bool(intent.traces.rater)),
        "content": sorted(keyed_digest(lake, each) for each in intent.traces.hashes),
        "deleted": {place: count for place, count in intent.counts().items() if count},
        "models": intent.models,
        "files_searched": num_files,
    }
    key = _key(lake)
    public = key.public_key().public_bytes_raw().hex()
    receipt = {**fields, "public_key": public, "signature": key.sign(_signed(fields)).hex()}
    with lake.replacing(lake.home / _FOLDER / f"{intent.name}.json") as file:
        file.write(json.dumps(receipt, indent=1).encode())
    return receipt


def check_receipt(lake: Lake, receipt: Path) -> dict[str, Any]:
    """Return a receipt whose signature is this home's.

    Raises
    ------
    ValueError
        Where it is none, was changed, or is another home's.
    """
    try:
        fields: dict[str, Any] = json.loads(receipt.read_text())
        public, signature = bytes.fromhex(fields.pop("public_key")), bytes.fromhex(fields.pop("signature"))
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(fields))
    except (InvalidSignature, KeyError, TypeError, AttributeError) as error:
        msg = f"{receipt.name} is no receipt, or was changed after it was signed"
        raise ValueError(msg) from error
    if public != _key(lake).public_key().public_bytes_raw():
        msg = f"{receipt.name} is sound, but another home signed it: expected one of {lake.home}"
        raise ValueError(msg)
    return fields


def kept_receipt(lake: Lake, name: str) -> UPath:
    """Return where a receipt lies."""
    return lake.home / _FOLDER / f"{name}.json"


def _key(lake: Lake) -> Ed25519PrivateKey:
    seed = hmac.new(home_secret(lake), b"receipts", hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signed(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
