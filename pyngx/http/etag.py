"""Entity tags as nginx makes them for files (ngx_http_core_module.c, ngx_http_set_etag and ngx_http_weak_etag)."""


def entity_tag(mtime: int, size: int) -> bytes:
    """Modification time in seconds and size in bytes, both in hexadecimal."""
    return b'"%x-%x"' % (mtime & 0xFFFFFFFFFFFFFFFF, size)


def weaken(etag: bytes) -> bytes | None:
    """The weak form, for a body that a filter has changed; None drops a tag that is not quoted."""
    if etag.startswith(b"W/") and len(etag) > 2:
        return etag
    return b"W/" + etag if etag.startswith(b'"') else None
