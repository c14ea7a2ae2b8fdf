"""Settings of the machine: where things lie and what runs them.

Belongs here: everything that changes when Apexline moves to another machine. Stays out: parameters of the
method (``configs/*.yaml``).
"""

import os
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from upath import UPath

CONFIGS = Path(str(files("apexline.configs")))

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}")

_OWN = "# Written by Apexline from its settings, whenever it starts. Delete this line to keep changes of your own."
_OF_0_1 = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"
_DAY_S = 24 * 3600
_SQLITE = {"module": "apexline.orchestration.storage.sqlite", "class": "Instance"}
_POSTGRES = {"postgres_url": {"env": "APEXLINE_POSTGRES_URL"}}


class Settings(BaseSettings):
    """Read from ``APEXLINE_*`` environment variables.

    Attributes
    ----------
    home : str
        Folder or URL (``s3://...``) of lake, clips, quarantine and landing.
    config : Path, optional
        Parameter file. By default ``parameters.yaml`` in the home, and where there is none
        ``configs/default.yaml``.
    mlflow_tracking_uri : str
        MLflow backend; by default SQLite in the home.
    state : str
        Local folder for what must lie on a local disk: Dagster's home, MLflow's SQLite, the DuckDB warehouse.
        By default the home itself, or ``./data`` where the home is a URL.
    num_workers : int
        Clips that a run computes at once, each in a process on one thread; by default as many as there are cores.
    num_runs : int
        Runs over clips that go on at once, beside one each of re-scoring, training and publishing.
    max_run_s : int
        A run that takes longer is ended as failed, s.
    warehouse_mb : int
        What DuckDB may hold at once while the warehouse is built, MB; the process itself takes some 600 beside it.
    automate : bool
        The one switch: sensors and schedules start switched on.
    postgres_url : str, optional
        PostgreSQL in which Dagster keeps runs and events, ``postgresql://user:password@host/database``; by default
        SQLite in the state folder. Only the environment is read for it: no file holds the password.
    celery_broker : str, optional
        Redis by which Celery's workers compute the steps of runs, ``redis://host:6379/0``; by default each run computes
        its own.
    server_origins : tuple of str
        Where the servers can be reached besides their ports on this machine, parted by commas in the environment:
        ``https://apexline.example.org`` of a proxy, ``http://localhost:4000`` of a tunnel.
    keep_runs_days : int
        Finished runs that made nothing of what stands now are deleted after so many days, with their events and logs.
    camera_silent_s : int
        After how long without a clip a live camera is late, s.
    alert_urls : tuple of str
        Whom alerts are sent to besides the log, parted by blanks in the environment: ``jsons://HOST/PATH`` of a
        webhook, ``mailtos://USER:PASSWORD@HOST`` and whatever else Apprise knows.
    log_format : str
        How the daemon and the code server log: ``colored`` lines, or one ``json`` object a line.
    server_token : str, optional
        What a person's link and a program bring to Dagster's and MLflow's servers; by default a new one is drawn
        whenever they start. 20 letters, digits, hyphens and underscores or more.
    """

    model_config = SettingsConfigDict(env_prefix="APEXLINE_")

    home: str = "data"
    config: Path | None = None
    mlflow_tracking_uri: str = ""
    state: str = ""
    num_workers: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), ge=1)
    num_runs: int = Field(default=2, ge=1)
    max_run_s: int = Field(default=_DAY_S, ge=60)
    warehouse_mb: int = Field(default=256, ge=128)
    automate: bool = True
    postgres_url: SecretStr | None = None
    celery_broker: SecretStr | None = None
    server_origins: Annotated[tuple[str, ...], NoDecode] = ()
    server_token: SecretStr | None = None
    keep_runs_days: int = Field(default=90, ge=1)
    camera_silent_s: int = Field(default=2 * 3600, ge=60)
    alert_urls: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    log_format: Literal["colored", "json"] = "colored"

    @field_validator("postgres_url", "celery_broker", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any) -> Any:
        return value or None  # as compose files hand on what is not set

    @field_validator("celery_broker")
    @classmethod
    def _check_broker(cls, value: SecretStr | None) -> SecretStr | None:
        # The results come back by it too, which not every queue of Celery's can.
        if value is not None and not value.get_secret_value().startswith(("redis://", "rediss://")):
            msg = "saw a broker that is no Redis, expected one as redis://host:6379/0"
            raise ValueError(msg)
        return value

    @field_validator("server_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: Any) -> Any:
        return (
            [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value
        )

    @field_validator("alert_urls", mode="before")
    @classmethod
    def _split_urls(cls, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    @field_validator("server_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                msg = (
                    f"saw the origin {origin!r}, expected one as https://apexline.example.org, without a path"
                )
                raise ValueError(msg)
        return tuple(_as_browsers_write_it(origin) for origin in value)

    @field_validator("server_token")
    @classmethod
    def _check_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            msg = (
                "saw a token that can be guessed or spoils a link, expected 20 or more of A-Z, a-z, 0-9, - and _: "
                "python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
            raise ValueError(msg)
        return value

    @property
    def home_path(self) -> UPath:
        """The home as a path, absolute where it is local."""
        path = UPath(self.home)
        if isinstance(path, Path):
            return path.absolute()
        # A listing that is kept would hide for ever what other processes store and delete.
        return UPath(self.home, use_listings_cache=False)

    @property
    def state_path(self) -> Path:
        """The local state folder, absolute."""
        if self.state:
            return Path(self.state).absolute()
        home = self.home_path
        return home if isinstance(home, Path) else Path("data").absolute()

    @property
    def scratch_path(self) -> Path:
        """The local folder for what is not finished yet."""
        return self.state_path / "tmp"

    @property
    def parameter_file(self) -> Path:
        """The parameter file in force."""
        own = self.state_path / "parameters.yaml"
        return self.config or (own if own.exists() else CONFIGS / "default.yaml")

    @property
    def dagster_home(self) -> Path:
        """Dagster's home."""
        return self.state_path / "dagster"

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.mlflow_file}"

    @property
    def mlflow_file(self) -> Path:
        """The SQLite file of an MLflow that lies in the state folder."""
        return self.state_path / "mlflow.db"

    @property
    def has_own_mlflow(self) -> bool:
        """Whether MLflow's database lies in a home that may be copied or moved."""
        return not self.mlflow_tracking_uri and isinstance(self.home_path, Path)

    @property
    def artifact_root(self) -> str:
        """Where MLflow keeps models and plots."""
        home = self.home_path
        return str(home / "mlartifacts")

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that readers open."""
        return self.state_path / "warehouse.duckdb"

    def prepare(self) -> None:
        """Make the folders, and Dagster's instance file where there is none; sweep what killed writers left.

        From here on this process makes files for its own user alone (`keep_private`).
        """
        self.make_folders()
        self.sweep()

    def make_folders(self) -> None:
        """As `prepare`, for who waits for what it starts: those sweep, and nothing heavy is imported here."""
        keep_private()
        self.dagster_home.mkdir(parents=True, exist_ok=True)
        (self.home_path / "landing").mkdir(parents=True, exist_ok=True)
        self._write_instance_file(self.dagster_home / "dagster.yaml")

    def _write_instance_file(self, path: Path) -> None:
        """Bring Dagster's instance file up to the settings, unless a person has made it their own."""
        before = path.read_text() if path.exists() else _OWN
        after = f"{_OWN}\n{yaml.safe_dump(self.dagster_instance(), sort_keys=False)}"
        if before != after and (before.startswith(_OWN) or before == _OF_0_1):
            aside = path.with_suffix(f".{os.getpid()}")  # others may start at the same time
            aside.write_text(after)
            aside.replace(path)

    def dagster_instance(self) -> dict[str, Any]:
        """Return how Dagster runs what it is given: what may run at once, for how long, and what is kept."""
        storage = {"storage": {"postgres": _POSTGRES}} if self.postgres_url else {"instance_class": _SQLITE}
        return {
            **storage,
            "telemetry": {"enabled": False},
            "nux": {"enabled": False},
            "run_launcher": {"module": "apexline.orchestration.launcher", "class": "LocalRunLauncher"},
            # A person who watches waits for two runs, one after the other: five seconds less for each of them.
            "run_coordinator": {
                "module": "dagster.core.run_coordinator",
                "class": "QueuedRunCoordinator",
                "config": {"dequeue_interval_seconds": 1},
            },
            "concurrency": {
                # Runs wait for room in all pools of their assets; each computes `num_workers` clips at once.
                "pools": {"granularity": "run", "default_limit": self.num_runs},
                "runs": {
                    "max_concurrent_runs": self.num_runs + 3,
                    "tag_concurrency_limits": [
                        {"key": "apexline/job", "value": job, "limit": 1}
                        for job in ("rescore", "retrain", "publish", "purge")
                    ],
                },
            },
            "run_monitoring": {
                "enabled": True,
                "start_timeout_seconds": 300,
                "cancel_timeout_seconds": 300,
                "max_runtime_seconds": self.max_run_s,
                "poll_interval_seconds": 60,
                "free_slots_after_run_end_seconds": 60,
            },
            # A process that died may have met a passing fault; an asset that failed would fail again.
            "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
            "sensors": {"use_threads": True, "num_workers": 4},
            "schedules": {"use_threads": True, "num_workers": 2},
            "backfills": {"use_threads": True, "num_workers": 2},
            "retention": {
                kind: {"purge_after_days": {"skipped": 2, "success": 30, "failure": 30, "started": 30}}
                for kind in ("sensor", "schedule")
            },
        }

    def sweep(self) -> None:
        """Delete what killed writers left unfinished: there may be faces in it. Living writers keep theirs."""
        from apexline.assets.lake import sweep_scratch  # `apexline --help` waits for no heavy package

        state = self.state_path
        for folder in {self.home_path, UPath(state)}:
            if isinstance(folder, Path):
                sweep_scratch(folder / "tmp")
        for left in state.glob(f".{self.warehouse_path.name}.*.building*"):  # as 0.1.0 called what it built
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _as_browsers_write_it(origin: str) -> str:
    """Lower case, and no port where it is the scheme's own."""
    origin = origin.lower()
    scheme = origin.partition(":")[0]
    return origin.removesuffix({"http": ":80", "https": ":443"}[scheme])


def keep_private() -> None:
    """Let this process, and what it starts, make files (0600) and folders (0700) for its own user alone."""
    os.umask(0o077)
