"""An engine whose library can't be loaded."""

raise OSError("its library is missing")
