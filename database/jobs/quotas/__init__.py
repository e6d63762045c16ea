"""Quotas: counted in the transaction that inserts, so that no number of clients passes one. See decision 22."""

from database.jobs.quotas.repository import QuotaUses

__all__ = ["QuotaUses"]
