"""Records from the command line: audit, legal holds, incidents, people, and the kill switch."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from apexline.orchestration.commands.console import MOMENTS, Json, print_data
from apexline.orchestration.commands.usage import read_settings

audit_app = typer.Typer(
    no_args_is_help=True, help="Who did what, when and why, and whether it was changed since."
)
people_app = typer.Typer(no_args_is_help=True, help="Who may do what: names, keys and roles.")
By = Annotated[str, typer.Option(help="Your name; is kept.")]


@audit_app.command("verify")
def audit_verify(
    head: Annotated[
        str, typer.Option(help="A head that was handed out earlier: its line must be there.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Check the whole chain; exit code 1 where anything was changed, taken out or cut off."""
    from apexline.governance import verify

    found = verify(read_settings().home_path, known=head)
    shown = {"state": "sound", "lines": found.count - found.first + 1, "head": f"{found.count}:{found.hash}"}
    print_data(shown, as_json=as_json, title="audit")


@audit_app.command("head")
def audit_head() -> None:
    """Print the head, NUMBER:HASH, to be kept where nobody of this machine can write."""
    from apexline.governance import export_head

    typer.echo(export_head(read_settings().home_path))


@audit_app.command("show")
def audit_show(
    action: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From this moment on, UTC.", formats=MOMENTS)] = None,
    clip: Annotated[str, typer.Option(help="Only what concerns this clip or track.")] = "",
    as_json: Json = False,
) -> None:
    """Show entries, oldest first; clips and tracks stand there as opaque ids."""
    from apexline.governance import acting, audit_lines, governance_folder, opaque

    home = read_settings().home_path
    acting(home, "audit")
    moment = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    rows = audit_lines(home, actions=action or (), since=moment)
    if clip:
        hidden = opaque(governance_folder(home), clip)
        rows = [row for row in rows if hidden in str(row)]
    print_data(rows, as_json=as_json, title="audit")


@people_app.command("add")
def people_add(
    name: str,
    role: Annotated[list[str], typer.Option(help="rater, reviewer, engineer or officer; may be repeated.")],
    by: By,
    as_json: Json = False,
) -> None:
    """Enter a person, and print the key: it is kept nowhere. From the first person on every action asks for one."""
    from apexline.governance import ROLES, add_person, allow, check_person

    home, person = read_settings().home_path, check_person(by)
    wrong = sorted(set(role) - set(ROLES))
    if wrong:
        msg = f"saw the role {wrong[0]!r}, expected one of {ROLES}"
        raise typer.BadParameter(msg)
    allow(home, "people", by=person)
    roles = tuple(each for each in ROLES if each in role)
    key = add_person(home, check_person(name), roles, by=person, now=datetime.now(UTC))
    print_data(
        {"name": name, "roles": ", ".join(roles), "APEXLINE_KEY": key}, as_json=as_json, title="person"
    )


@people_app.command("remove")
def people_remove(name: str, by: By) -> None:
    """Take a person off the list."""
    from apexline.governance import allow, check_person, remove_person

    home, person = read_settings().home_path, check_person(by)
    allow(home, "people", by=person)
    remove_person(home, name, by=person, now=datetime.now(UTC))


@people_app.command("list")
def people_list(as_json: Json = False) -> None:
    """List who is entered, and with which roles."""
    from apexline.governance import read_people

    rows = [
        {"name": each.name, "roles": ", ".join(each.roles)}
        for each in read_people(read_settings().home_path).people
    ]
    print_data(rows, as_json=as_json, title="people")


@people_app.command("rules")
def people_rules(
    by: By,
    two_for_promotions: Annotated[
        bool | None, typer.Option(help="Whatever makes a version champion is signed by a second person.")
    ] = None,
    two_for_exemptions: Annotated[
        bool | None, typer.Option(help="The second person of an exemption shows a key too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say for what two people are needed, an officer the second of them; without an option it shows the rules."""
    from apexline.governance import allow, check_person, read_people, set_rules

    home, person = read_settings().home_path, check_person(by)
    given = {"two_for_promotions": two_for_promotions, "two_for_exemptions": two_for_exemptions}
    rules = {name: value for name, value in given.items() if value is not None}
    if rules:
        allow(home, "people", by=person)
        set_rules(home, by=person, now=datetime.now(UTC), **rules)
    known = read_people(home)
    print_data({name: getattr(known, name) for name in given}, as_json=as_json, title="rules")


@people_app.command("matrix")
def people_matrix(as_json: Json = False) -> None:
    """Show which role may do what."""
    from apexline.governance import MATRIX, ROLES

    rows = [
        {"action": action, **{role: "yes" if role in roles else "" for role in ROLES}}
        for action, roles in MATRIX.items()
    ]
    print_data(rows, as_json=as_json, title="roles and actions")


def hold(
    by: By,
    reason: Annotated[str, typer.Option(help="Why; is kept.")],
    until: Annotated[datetime, typer.Option(help="End, UTC.", formats=MOMENTS)],
    clips: Annotated[list[str] | None, typer.Argument(help="Clip ids.")] = None,
    camera: Annotated[str, typer.Option(help="All clips of this camera.")] = "",
    day: Annotated[str, typer.Option(help="All clips of this UTC day, YYYY-MM-DD.")] = "",
    as_json: Json = False,
) -> None:
    """Keep clips from being purged or erased, until a day."""
    from apexline.governance import allow, check_person, place_hold

    home, person = read_settings().home_path, check_person(by)
    allow(home, "hold", by=person)
    end = until if until.tzinfo else until.replace(tzinfo=UTC)
    found = place_hold(
        home,
        by=person,
        reason=reason,
        now=datetime.now(UTC),
        until=end,
        clips=tuple(clips or ()),
        camera=camera,
        day=day,
    )
    print_data(asdict(found), as_json=as_json, title="hold")


def release(
    name: Annotated[str, typer.Argument(metavar="HOLD", help="As `apexline holds` lists it.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; is kept.")],
    as_json: Json = False,
) -> None:
    """End a hold before its time."""
    from apexline.governance import allow, check_person, release_hold

    home, person = read_settings().home_path, check_person(by)
    allow(home, "hold", by=person)
    found = release_hold(home, name, by=person, reason=reason, now=datetime.now(UTC))
    print_data(asdict(found), as_json=as_json, title="released")


def holds(as_json: Json = False) -> None:
    """List the holds that stand."""
    from apexline.governance import standing_holds

    rows = [asdict(each) for each in standing_holds(read_settings().home_path, datetime.now(UTC))]
    print_data(rows, as_json=as_json, title="holds")


def incident(
    what: Annotated[str, typer.Argument(help="What happened, or was done about it.")],
    by: By,
    severity: Annotated[str, typer.Option(help="minor, major or serious.")] = "minor",
    told: Annotated[list[str] | None, typer.Option(help="Who was told; may be repeated.")] = None,
    follows: Annotated[str, typer.Option(help="Incident that this note goes on with.")] = "",
    closed: Annotated[bool, typer.Option("--closed", help="Nothing more is to be done.")] = False,
    as_json: Json = False,
) -> None:
    """Note an incident, or go on with one."""
    from apexline.governance import allow, check_person, note_incident

    home, person = read_settings().home_path, check_person(by)
    allow(home, "incident", by=person)
    found = note_incident(
        home,
        by=person,
        what=what,
        severity=severity,  # type: ignore[arg-type]  # it is checked there
        now=datetime.now(UTC),
        told=tuple(told or ()),
        follows=follows,
        closed=closed,
    )
    print_data(asdict(found), as_json=as_json, title="incident")


def incidents(as_json: Json = False) -> None:
    """List the notes on incidents."""
    from apexline.governance import incidents_of

    print_data(
        [asdict(each) for each in incidents_of(read_settings().home_path)], as_json=as_json, title="incidents"
    )


def stop(by: By, reason: Annotated[str, typer.Option(help="Why; is kept.")], as_json: Json = False) -> None:
    """Stop everything: within ten seconds nothing is scored, taken in or scheduled; `apexline resume` goes on."""
    from apexline.governance import allow, check_person
    from apexline.governance import stop as stop_all

    home, person = read_settings().home_path, check_person(by)
    allow(home, "stop", by=person)
    print_data(
        asdict(stop_all(home, by=person, why=reason, now=datetime.now(UTC))), as_json=as_json, title="stopped"
    )


def resume(by: By, reason: Annotated[str, typer.Option(help="Why; is kept.")]) -> None:
    """Let what was stopped go on where it was."""
    from apexline.governance import allow, check_person
    from apexline.governance import resume as resume_all

    home, person = read_settings().home_path, check_person(by)
    allow(home, "resume", by=person)
    resume_all(home, by=person, why=reason, now=datetime.now(UTC))


ENTRIES = (hold, release, holds, incident, incidents, stop, resume)
