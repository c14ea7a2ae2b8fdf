"""Running a home for long: recording cameras, backing up, restoring, upgrading, watching.

Belongs here: these commands. Stays out: what they do (``orchestration.operations``), which is imported where it is
first needed.
"""

from pathlib import Path
from typing import Annotated

import typer

from apexline.orchestration.commands.console import Json, print_data, print_note, show_progress
from apexline.orchestration.commands.usage import read_settings


def record(
    urls: Annotated[
        list[str],
        typer.Argument(metavar="URL...", help="rtsp://, http(s):// (HLS), udp://, tcp://, /dev/video0."),
    ],
    camera: Annotated[list[str], typer.Option(help="Name of the camera; one for each URL, in their order.")],
    purpose: Annotated[str, typer.Option(help="Why the clips may be processed.")],
    legal_basis: Annotated[str, typer.Option(help="Legal basis of the processing.")],
    clip_s: Annotated[float, typer.Option(min=1, help="Length of a clip, s.")] = 60.0,
    stall_s: Annotated[float, typer.Option(min=1, help="Silence after which a stream is lost, s.")] = 10.0,
    max_waiting_gb: Annotated[float, typer.Option(min=0, help="What may wait in landing/, GB.")] = 4.0,
    min_free_gb: Annotated[float, typer.Option(min=0, help="What stays free on the disk, GB.")] = 2.0,
    seconds: Annotated[float | None, typer.Option(help="End after so long, s; default: Ctrl-C.")] = None,
    as_json: Json = False,
) -> None:
    """Cut live cameras into clips in landing/, connect again where they break, and account for every frame."""
    from apexline.governance import acting
    from apexline.orchestration.operations.recording import Recording, record_cameras

    if len(camera) != len(urls):
        msg = f"saw {len(urls)} URLs and {len(camera)} times --camera; expected one name for each URL"
        raise typer.BadParameter(msg)
    acting(read_settings().home_path, "ingest")
    recordings = [
        Recording(
            url,
            name,
            purpose,
            legal_basis,
            clip_s=clip_s,
            stall_s=stall_s,
            max_waiting_bytes=int(max_waiting_gb * 1e9),
            min_free_bytes=int(min_free_gb * 1e9),
        )
        for url, name in zip(urls, camera, strict=True)
    ]
    print_note(f"recording {', '.join(camera)}; Ctrl-C ends it and publishes what is recorded by then")
    print_data(
        record_cameras(read_settings(), recordings, seconds=seconds), as_json=as_json, title="recorded"
    )


def backup(
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; outside the home.")],
    as_json: Json = False,
) -> None:
    """Copy the home, while it works, into a new folder; files that a backup there has are linked."""
    from apexline.governance import acting
    from apexline.orchestration.operations.backup import back_up

    acting(read_settings().home_path, "operate")
    with show_progress("starting") as on_step:
        made = back_up(read_settings(), folder, on_step=on_step)
    print_data(made, as_json=as_json, title="backup")


def restore(
    backup: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A backup, or a folder of them: the newest.")
    ],
    as_json: Json = False,
) -> None:
    """Make the home, which has to be empty, from a backup, wherever that home was; check every file."""
    from apexline.orchestration.operations.restore import restore as make_home

    with show_progress("starting") as on_step:
        made = make_home(read_settings(), backup, on_step=on_step)
    print_data(made, as_json=as_json, title="restored")


def upgrade(
    backups: Annotated[Path, typer.Option(help="Where the backup goes that is made first.")],
    as_json: Json = False,
) -> None:
    """Back the home up, then bring its databases to what this release expects."""
    from apexline.governance import acting
    from apexline.orchestration.operations.restore import upgrade as migrate

    acting(read_settings().home_path, "operate")
    with show_progress("starting") as on_step:
        done = migrate(read_settings(), backups, on_step=on_step)
    print_data(done, as_json=as_json, title="upgraded")


def metrics(
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Write them to a file that Prometheus' node exporter collects (.prom)."
        ),
    ] = None,
) -> None:
    """Print numbers about the home in Prometheus' text format: clips, runs, problems, disks, daemons, recorders."""
    from apexline.orchestration.operations.metrics import metrics_text

    text = metrics_text(read_settings())
    if out is None:
        typer.echo(text.decode(), nl=False)
        return
    aside = out.with_name(f".{out.name}.part")
    aside.write_bytes(text)
    aside.chmod(0o644)  # the exporter is another user's
    aside.replace(out)


def alert(as_json: Json = False) -> None:
    """Look now, and send all that is the matter, or that nothing is, to the addresses in APEXLINE_ALERT_URLS."""
    from apexline.orchestration.operations.alerting import alert_now

    print_data(alert_now(read_settings()), as_json=as_json, title="alerts")


COMMANDS = (record, backup, restore, upgrade, metrics, alert)
