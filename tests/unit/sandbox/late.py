"""An entry that nobody loads before the child itself does."""

import fractions

from qserver.sandbox.child import serve


def main() -> None:
    serve({"fraction": lambda _: str(fractions.Fraction(2, 6)).encode()})
