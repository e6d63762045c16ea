"""Retention, expired leases, what deleted plugins left behind."""
