"""A client that only remembers what it was sent."""

from __future__ import annotations

from pyngx.core.ports import Fields, WebSocketClient


class FakeClient:
    """The client's side of one exchange; `body` is what came after the head, whatever the framing."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.fields: list[tuple[str, str]] = []
        self.informational: list[tuple[int, Fields]] = []
        self.body = b""
        self.trailers: list[tuple[str, str]] = []
        self.finished = False
        self.aborted = False
        self.reading = False

    def __repr__(self) -> str:
        return f"<FakeClient {self.status} {self.fields} {self.body[:100]!r}>"

    def header(self, name: str) -> str | None:
        """A field's value, several joined; None if there is none."""
        values = [value for field, value in self.fields if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.fields]

    def send_informational(self, status: int, fields: Fields) -> None:
        self.informational.append((status, fields))

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        assert not self.status, "two heads"
        self.status, self.reason = status, reason
        self.fields = _decoded(fields)

    def send_body(self, data: bytes) -> None:
        assert self.status, "a body without a head"
        self.body += data

    def flush(self) -> None:
        pass

    def finish(self, trailers: Fields = ()) -> None:
        self.finished = True
        self.trailers = _decoded(trailers)

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    @property
    def bytes_sent(self) -> int:
        return len(self.body)

    def websocket(self) -> WebSocketClient | None:
        return None


def _decoded(fields: Fields) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
