"""The purpose register from the command line: entering cameras, listing what is in force."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apexline.orchestration.commands.console import MOMENTS, Json, print_data
from apexline.orchestration.commands.usage import read_settings

if TYPE_CHECKING:
    from apexline.governance import Entry
    from apexline.orchestration.settings import Settings

_YEAR = timedelta(days=365)
_OWN = {"site": "own recordings", "site_type": "own_recordings", "legal_basis": "consent"}


def register(
    cameras: Annotated[list[str], typer.Argument(help="Cameras, as clips name them; or own-recordings.")],
    by: Annotated[str, typer.Option(help="Your name; is kept.")],
    own: Annotated[
        bool, typer.Option("--own", help="Recordings of your own: whoever is in them has been told.")
    ] = False,
    site: Annotated[str, typer.Option(help="The place.")] = "",
    site_type: Annotated[
        str,
        typer.Option(
            "--type",
            help="public, retail, transport, healthcare, research, workplace, education, own_recordings or synthetic.",
        ),
    ] = "",
    purpose: Annotated[
        list[str] | None, typer.Option(help="Why clips are processed; may be repeated.")
    ] = None,
    legal_basis: Annotated[str, typer.Option(help="Legal basis of the processing.")] = "",
    responsible: Annotated[str, typer.Option(help="Person and contact, as the notice prints them.")] = "",
    impact_assessment: Annotated[str, typer.Option(help="Reference of the impact assessment.")] = "",
    expires: Annotated[
        datetime | None, typer.Option(help="Last moment, UTC; default: in a year.", formats=MOMENTS)
    ] = None,
    exempt: Annotated[
        str, typer.Option(help="Workplace or education: medical or safety, the only grounds.")
    ] = "",
    exempt_reason: Annotated[str, typer.Option(help="With --exempt: why.")] = "",
    exempt_until: Annotated[
        datetime | None, typer.Option(help="With --exempt: its end, UTC.", formats=MOMENTS)
    ] = None,
    signed_by: Annotated[str, typer.Option(help="With --exempt: a second person.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="End the registration now.")] = False,
    as_json: Json = False,
) -> None:
    """Enter cameras in the purpose register, renew them, or end them: nothing else is let in, scored or served.

    What is left out is as it was at the camera's last entry.
    """
    given = {
        **(_OWN if own else {}),
        "site": site,
        "site_type": site_type,
        "purposes": tuple(purpose or ()),
        "legal_basis": legal_basis,
        "responsible": responsible,
        "impact_assessment": impact_assessment,
    }
    given = {name: value or (_OWN.get(name, "") if own else "") for name, value in given.items()}
    exemption = {
        "grounds": exempt,
        "reason": exempt_reason,
        "signed_by": signed_by,
        "expires": _aware(exempt_until),
    }
    if not exempt and any(exemption.values()):
        msg = "saw a part of an exemption, expected --exempt medical or safety with it"
        raise typer.BadParameter(msg)
    found = [
        enter_camera(
            read_settings(),
            camera,
            {**given, "responsible": given["responsible"] or (by if own else "")},
            by=by,
            expires=_aware(expires),
            exemption=exemption if exempt else None,
            withdraw=withdraw,
        )
        for camera in cameras
    ]
    print_data(found, as_json=as_json, title="register")


def registered(
    history: Annotated[
        bool, typer.Option("--history", help="All versions, not only those in force.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the purpose register: what may be processed, why, and until when."""
    from apexline.governance import entries_in_force, register_versions

    home = read_settings().home_path
    if history:
        versions = register_versions(home)
        rows = [
            {"version": each.version, "at": each.at, "by": each.by, **_row(each.entry)} for each in versions
        ]
    else:
        rows = [_row(entry) for _, entry in sorted(entries_in_force(home).items())]
    print_data(rows, as_json=as_json, title="purpose register")


def enter_camera(
    settings: "Settings",
    camera: str,
    given: dict[str, Any],
    *,
    by: str,
    expires: datetime | None,
    exemption: dict[str, Any] | None,
    withdraw: bool,
) -> dict[str, Any]:
    """Enter one camera; what `given` leaves empty is taken from its last entry.

    Raises
    ------
    ValueError
        Where something is missing, can't be meant or is prohibited.
    """
    from pydantic import ValidationError

    from apexline.governance import (
        Entry,
        allow,
        allow_second,
        check_person,
        enter,
        entries_in_force,
        read_people,
    )

    home, now, person = settings.home_path, datetime.now(UTC), check_person(by)
    allow(home, "register", by=person)
    known = entries_in_force(home).get(camera)
    before = {} if known is None else known.model_dump()
    fields = {
        **before,
        **{name: value for name, value in given.items() if value},
        "camera": camera,
        "expires": expires or now + _YEAR,
        "withdrawn": withdraw,
    }
    if exemption is not None:
        if read_people(home).two_for_exemptions:
            allow_second(home, "sign", by=person, second=check_person(exemption["signed_by"]))
        fields["exemption"] = exemption
    try:
        entry = Entry.model_validate(fields)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or camera}: {each['msg']}" for each in error.errors()
        )
        msg = f"{camera!r} can't be entered: {said}; see apexline register --help"
        raise ValueError(msg) from error
    if known is not None and exemption is None and not withdraw:
        _check_carried_exemption(known, entry)
    version = enter(home, entry, by=person, now=now)
    return {"version": version.version, **_row(entry)}


def _check_carried_exemption(before: "Entry", entry: "Entry") -> None:
    """Refuse an exemption for what its second person did not sign: as a notice, it is for what the entry said then."""
    if entry.exemption is not None and entry.statement != before.statement:
        msg = (
            f"the exemption of {entry.camera!r} was signed by {entry.exemption.signed_by} for what its entry said "
            "before; have it signed for what it says now: --exempt, --exempt-reason, --exempt-until and --signed-by"
        )
        raise ValueError(msg)


def _row(entry: Any) -> dict[str, Any]:
    notice, exemption = entry.notice, entry.exemption
    return {
        "camera": entry.camera,
        "site": f"{entry.site} ({entry.site_type})",
        "purposes": "; ".join(entry.purposes),
        "legal_basis": entry.legal_basis,
        "responsible": entry.responsible,
        "impact_assessment": entry.impact_assessment,
        "expires": f"{entry.expires:%Y-%m-%d}",
        "notice": "" if notice is None else f"{notice.version} of {notice.since}",
        "exemption": "" if exemption is None else f"{exemption.grounds}, signed by {exemption.signed_by}",
        "withdrawn": entry.withdrawn,
    }


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
