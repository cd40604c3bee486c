"""The one reader of the environment. Everything else is handed a Settings."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """Where state lives: root has a system folder, everyone else one of their own."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/stepmark")
    return Path.home() / ".local" / "share" / "stepmark"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    home: Path = Field(default_factory=default_home, validation_alias="STEPMARK_HOME")
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    host: str = Field(default="127.0.0.1", validation_alias="STEPMARK_HOST")
    port: int = Field(default=8000, validation_alias="STEPMARK_PORT")
    url: str = Field(default="", validation_alias="STEPMARK_URL", pattern=r"^(https?://[^\s/]+/?)?$")
    allowed_hosts: str = Field(default="", validation_alias="STEPMARK_ALLOWED_HOSTS")
    secure_cookies: bool = Field(default=False, validation_alias="STEPMARK_SECURE_COOKIES")
    pool_size: int = Field(default=20, validation_alias="STEPMARK_POOL_SIZE")
    trusted_proxies: str = Field(default="127.0.0.1", validation_alias="STEPMARK_TRUSTED_PROXIES")
    upload_limit: int = Field(default=4 * 1024**3, validation_alias="STEPMARK_UPLOAD_LIMIT")
    model_roots: str = Field(default="", validation_alias="STEPMARK_MODEL_ROOTS")
    generator_hosts: str = Field(default="", validation_alias="STEPMARK_GENERATOR_HOSTS")

    hub_endpoint: str | None = Field(default=None, validation_alias="HF_ENDPOINT")
    hub_token: str | None = Field(default=None, validation_alias="HF_TOKEN", repr=False)

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def runs_dir(self) -> Path:
        return self.home / "runs"

    @property
    def uploads_dir(self) -> Path:
        return self.home / "uploads"


@lru_cache
def settings() -> Settings:
    return Settings()


def api_key(name: str) -> str | None:
    """A generator's key, from where the server's operator put it: it is in no database and no page."""
    return os.environ.get(name) if name.startswith("STEPMARK_KEY_") else None
