"""nginx's configuration language and semantics, run by Python."""
