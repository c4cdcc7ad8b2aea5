"""ngx_http_v2_module and ngx_http_v3_module, as far as others ask about them: clients are served over HTTP/1.1."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.core.variables import Variable

MODULE = Module(
    "http2",
    variables=(
        Variable("http2", lambda _: "", doc="empty: HTTP/2 is not spoken yet"),
        Variable("http3", lambda _: "", doc="empty: HTTP/3 is not spoken yet"),
    ),
)
