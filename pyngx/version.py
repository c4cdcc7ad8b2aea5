"""The version of pyngx, and of the nginx whose behaviour it takes for its reference."""

VERSION = "0.1.0"
NGINX_VERSION = "1.31.5"
