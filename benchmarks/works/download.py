"""Large responses, against nginx as it comes and as it is best."""

from __future__ import annotations

from benchmarks.loads.download import download
from benchmarks.sites import BEST_BUFFERS, Site
from benchmarks.work import Contender, Goal, Work

NGINX, BEST = "nginx, defaults", "nginx, best buffers"

WORKS = (
    Work(
        "download",
        "1 GiB download",
        (
            Contender(NGINX, "nginx"),
            Contender("pyngx to nginx's defaults", "pyngx", against=NGINX),
            Contender("haproxy", "haproxy", against=NGINX),
            Contender("caddy", "caddy", against=NGINX),
        ),
        download(f"/bulk/{1 << 30}"),
        (Goal("pyngx to nginx's defaults", "MiB/s", least=3.0),),
    ),
    Work(
        "download-best",
        "1 GiB download, nginx with its best buffers",
        (Contender(BEST, "nginx", Site(http=BEST_BUFFERS)), Contender("pyngx", "pyngx", against=BEST)),
        download(f"/bulk/{1 << 30}"),
        (Goal("pyngx", "MiB/s", least=1.0),),
    ),
)
