"""Commits that needn't wait for the disk: what PostgreSQL may forget when its machine fails just after them."""

from typing import Final

from sqlalchemy import func, true

NOT_WAITED_FOR: Final = func.set_config("synchronous_commit", "off", true())
"""Selected in a transaction, it has the commit return before the disk has it. What is lost is lost as a whole.

For what a process that dies loses as well: a claim (decision 3), the mark of a published job (decision 8).
"""
