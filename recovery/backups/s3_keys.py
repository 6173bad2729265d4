"""Keys for an S3 server, which show themselves nowhere."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class S3Keys:
    """Keys for an S3 server. Their text form shows only where they come from."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    origin: str = "what was typed in"
    """In words, for people: `profile ops`, `the environment`, `secret etcd-backup-s3-secret`."""
    session_token: str = field(default="", repr=False)

    def hide(self, text: str) -> str:
        """The text with every key in it replaced, so that it can be shown."""
        for secret in (self.secret_key, self.session_token, self.access_key):
            if secret:
                # As Kubernetes writes it first: what it says of a secret is in base64.
                text = text.replace(base64.b64encode(secret.encode()).decode(), "…")
                text = text.replace(secret, "…")
        return text
