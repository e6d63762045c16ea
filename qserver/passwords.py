"""Passwords that nobody should have. `scripts/make-env.sh` refuses the same, before anything is started."""

LEAST_CHARACTERS = 12
LEAST_DIFFERENT = 6
_COMMON = (
    "password",
    "passwort",
    "changeme",
    "change-me",
    "secret",
    "qserver",
    "postgres",
    "rabbitmq",
    "guest",
    "admin",
)


def weakness(password: str, *, user: str) -> str | None:
    """Say what is wrong with a password, as the end of a sentence that begins with its name; None where nothing is."""
    if not password:
        return "is empty"
    if len(password) < LEAST_CHARACTERS:
        return f"has {len(password)} characters; the least is {LEAST_CHARACTERS}"
    if len(set(password)) < LEAST_DIFFERENT:
        return f"has fewer than {LEAST_DIFFERENT} different characters"
    left = password.lower().replace(user.lower(), "") if user else password.lower()
    for word in _COMMON:
        left = left.replace(word, "")
    if len(left) < LEAST_CHARACTERS // 2:
        return "is little more than a word that everybody tries first, or the user's name"
    return None
